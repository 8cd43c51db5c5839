"""How many participant pages a second: a page is the answer's POST and the page that follows, as somebody waits for it.

`python -m bench.pages` (or `python bench/pages.py`) serves a study on loopback from two gunicorn processes and an
embedded Postgres of its own (fsync on), walks 1, 20 and 100 participants at once through it without think time, by
the two ways a browser has (our script's one request; a plain form's POST and the GET it is redirected to), and then
100 people who think for 10 s. It prints a table and writes `bench/pages.json`, in under 90 s.

The references are timed in the same run, since neighbours on the machine move absolute figures by up to two: the
same server's `/livez`, which does nothing, and rows inserted and committed one by one into the same Postgres.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import psycopg2

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]  # the study is made by the tests' factories

from studyapp.embedded import erase, start  # noqa: E402
from studyapp.embedded.ports import free_port  # noqa: E402
from studyapp.embedded.supervise import Supervisor  # noqa: E402

AT_ONCE = (1, 20, 100)
WINDOW_S = 6.0
THINKERS, THINK_S, THINK_WINDOW_S = 100, 10.0, 15.0
REFERENCE_S = 2.0
PAGES_LIMIT = 200.0  # pages a second: ten times the 20 or so of the peer on such machines
P99_LIMIT_MS = 250.0  # with people who think
WEIGHT_LIMIT_KB = 60.0
FIELD = re.compile(r'name="(stamp|csrfmiddlewaretoken|arrival|answer(?:-\d+)?)" value="([^"]*)"')


@dataclass(frozen=True)
class Row:
    """A line of the table; `ratio` is ours over theirs."""

    case: str
    what: str
    ours: float
    peer: str
    theirs: float
    ratio: float
    unit: str


def row(case: str, what: str, ours: float, peer: str, theirs: float, unit: str) -> Row:
    return Row(case, what, round(ours, 2), peer, round(theirs, 2), round(ours / theirs, 3), unit)


# --- one person ------------------------------------------------------------------------------------------------


class Client:
    """A kept connection and its cookies: as little work as a browser can be, so that the server is what is timed."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self.cookies: dict[str, str] = {}
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, form: dict[str, str] | None = None, *, script: bool = False) -> Answer:
        """One request; a connection that the server closed meanwhile is opened again once."""
        body = urlencode(form).encode() if form is not None else b""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}", f"Content-Length: {len(body)}"]
        if form is not None:
            lines.append("Content-Type: application/x-www-form-urlencoded")
        if script:
            lines.append("X-Requested-With: foretell")
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        sent = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        try:
            return await self._exchange(sent)
        except (ConnectionError, asyncio.IncompleteReadError):
            await self.close()
            return await self._exchange(sent)

    async def _exchange(self, sent: bytes) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self.host, self.port)
        reader, writer = self._streams
        writer.write(sent)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = [line.split(": ", 1) for line in head[1:] if line]
        given = {name.lower(): value for name, value in headers}
        body = await reader.readexactly(int(given.get("content-length", "0")))
        for name, value in headers:
            if name.lower() == "set-cookie":
                key, _, content = value.split(";", 1)[0].partition("=")
                self.cookies[key] = content
        if given.get("connection") == "close":
            await self.close()
        return Answer(int(head[0].split()[1]), given.get("location", ""), body)

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


@dataclass(frozen=True)
class Answer:
    status: int
    location: str
    body: bytes

    def form(self) -> dict[str, str]:
        """The form's hidden fields and the first option of each question."""
        found: dict[str, str] = {}
        for name, value in FIELD.findall(self.body.decode()):
            found.setdefault(name, value)
        return found


@dataclass
class Participant:
    """Walks the study again and again, each time as somebody new; answers are the first option of every question."""

    base: str
    link: str
    name: str
    script: bool
    think_s: float = 0.0
    runs: int = 0
    times: list[tuple[float, float]] = field(default_factory=list)  # of pages: begun, taken
    bytes: list[int] = field(default_factory=list)

    async def come(self) -> Answer:
        """Consent, up to the first screen."""
        self.runs += 1
        self.client = Client(self.base)
        join = f"{urlsplit(self.link).path}?participant={self.name}-{self.runs}"
        consent = await self.client.ask("GET", join)
        await self.client.ask("POST", urlsplit(self.link).path, {**consent.form(), "decision": "consent"})
        return await self.client.ask("GET", self.run_path)

    run_path: str = ""

    async def page(self, screen: Answer) -> Answer:
        """Answer a screen and hold the next."""
        begun = time.perf_counter()
        answer = await self.client.ask("POST", self.run_path, screen.form(), script=self.script)
        if answer.status == 303:
            answer = await self.client.ask("GET", answer.location)
        if answer.status != 200:
            raise RuntimeError(f"a page answered {answer.status}: {answer.body[:300]!r}")
        self.times.append((begun, time.perf_counter() - begun))
        self.bytes.append(len(answer.body))
        return answer

    async def walk(self, screen: Answer, until: float) -> None:
        while time.perf_counter() < until:
            if self.think_s:
                await asyncio.sleep(random.uniform(0, 2 * self.think_s))  # noqa: S311
            if "stamp" not in screen.form():
                await self.client.close()
                screen = await self.come()
            screen = await self.page(screen)
        await self.client.close()


# --- a case ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    rate: float  # pages a second
    p50_ms: float
    p99_ms: float
    median_kb: float


async def measure(people: Sequence[Participant], window_s: float) -> Measured:
    """Everybody is at a screen before the window opens; pages count that end within it."""
    doorway = asyncio.Semaphore(16)

    async def come(person: Participant) -> Answer:
        async with doorway:
            return await person.come()

    screens = await asyncio.gather(*(come(person) for person in people))
    opened = time.perf_counter()
    closes = opened + window_s
    await asyncio.gather(*(person.walk(screen, closes) for person, screen in zip(people, screens, strict=True)))
    pages = [(begun, taken) for person in people for begun, taken in person.times]
    within = [taken for begun, taken in pages if begun + taken <= closes]
    # Pages under way when the window closed have taken part of it; their latency counts, so that a stall is seen.
    taken_ms = sorted(1000 * taken for _, taken in pages)
    sizes = sorted(size for person in people for size in person.bytes)
    return Measured(
        rate=len(within) / window_s,
        p50_ms=taken_ms[len(taken_ms) // 2],
        p99_ms=taken_ms[min(len(taken_ms) - 1, int(0.99 * len(taken_ms)))],
        median_kb=sizes[len(sizes) // 2] / 1000,
    )


async def requests_a_second(base: str, path: str, at_once: int) -> float:
    """Requests a second for a page that does nothing."""
    closes = time.perf_counter() + REFERENCE_S

    async def ask() -> int:
        client, count = Client(base), 0
        while time.perf_counter() < closes:
            await client.ask("GET", path)
            count += 1
        await client.close()
        return count

    return sum(await asyncio.gather(*(ask() for _ in range(at_once)))) / REFERENCE_S


def commits_a_second(database_url: str, at_once: int) -> float:
    """Rows inserted and committed one by one, by so many connections."""
    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_commits (id bigserial PRIMARY KEY, what text)")
    connection.close()
    closes = time.perf_counter() + REFERENCE_S

    def insert(_: int) -> int:
        connection, count = psycopg2.connect(database_url), 0
        connection.autocommit = True
        with connection.cursor() as cursor:
            while time.perf_counter() < closes:
                cursor.execute("INSERT INTO bench_commits (what) VALUES ('an answer')")
                count += 1
        connection.close()
        return count

    with ThreadPoolExecutor(at_once) as pool:
        return sum(pool.map(insert, range(at_once))) / REFERENCE_S


# --- the server ------------------------------------------------------------------------------------------------


def make_study(capacity: int) -> tuple[str, str]:
    """An open study as the Adult template makes it, without comprehension check; its link and its run's path."""
    import django

    django.setup()
    import factories
    from django.core.management import call_command

    from studyapp.actions.links import link_address

    call_command("migrate", verbosity=0)
    factories.make_material("adult", 20)
    document = factories.TEMPLATES["forward"].make("adult")
    document |= {"comprehension": {"questions": []}, "allocation": {"capacity": capacity}}
    study = factories.make_open(document=document)
    return link_address(factories.main_link(study)), f"/run/{study.public_id}/"


def answers(base: str) -> Callable[[], bool]:
    def ask() -> bool:
        try:
            return asyncio.run(Client(base).ask("GET", "/readyz")).status == 200
        except OSError:
            return False

    return ask


def bench(base: str, link: str, run_path: str, database_url: str) -> Iterator[Row]:
    idle = {n: asyncio.run(requests_a_second(base, "/livez", n)) for n in (1, 20)}
    commits = {n: commits_a_second(database_url, n) for n in (1, 20)}
    yield row("reference", "/livez, 20 at once", idle[20], "1 at once", idle[1], "requests/s")
    yield row("reference", "INSERT and COMMIT, 20 at once", commits[20], "1 at once", commits[1], "commits/s")

    def people(n: int, script: bool, think_s: float = 0.0) -> list[Participant]:
        name = f"{n}-{'script' if script else 'plain'}-{think_s}"
        made = [Participant(base, link, f"{name}-{number}", script, think_s) for number in range(n)]
        for person in made:
            person.run_path = run_path
        return made

    for script, way in ((True, "one request (script)"), (False, "POST, redirect, GET (no script)")):
        for n in AT_ONCE:
            got = asyncio.run(measure(people(n, script), WINDOW_S))
            case = f"{n} at once, {way}"
            yield row(case, "pages", got.rate, "ten times the peer's 20", PAGES_LIMIT, "pages/s")
            yield row(case, "pages against /livez", got.rate, "/livez", idle[min(n, 20)], "per s")
            yield row(case, "pages against commits", got.rate, "INSERT and COMMIT", commits[min(n, 20)], "per s")
            yield row(case, "p50 of a page", got.p50_ms, "/livez, mean wait", 1000 * n / idle[min(n, 20)], "ms")
            yield row(case, "p99 of a page", got.p99_ms, "/livez, mean wait", 1000 * n / idle[min(n, 20)], "ms")
            if n == 1:
                yield row(case, "median page, uncompressed", got.median_kb, "limit", WEIGHT_LIMIT_KB, "kB")
    got = asyncio.run(measure(people(THINKERS, True, THINK_S), THINK_WINDOW_S))
    case = f"{THINKERS} people who think for {THINK_S:.0f} s, script"
    yield row(case, "p99 of a page", got.p99_ms, "limit", P99_LIMIT_MS, "ms")
    yield row(case, "p50 of a page", got.p50_ms, "limit", P99_LIMIT_MS, "ms")


def show(rows: Sequence[Row]) -> None:
    width = max(len(r.case) for r in rows)
    wide = max(len(r.what) for r in rows)
    print(f"{'case':{width}}  {'what':{wide}}  {'ours':>9}  {'theirs':>9}  {'ratio':>6}  unit (peer or limit)")
    for r in rows:
        print(f"{r.case:{width}}  {r.what:{wide}}  {r.ours:9.1f}  {r.theirs:9.1f}  {r.ratio:6.2f}  {r.unit} ({r.peer})")


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="foretell-bench-", ignore_cleanup_errors=True) as folder:
        data = Path(folder)
        services = start(data)
        port = free_port(8765)
        base = f"http://127.0.0.1:{port}"
        os.environ |= {
            "FORETELL_DATA": folder,
            "DATABASE_URL": services.database_url,
            "REDIS_URL": services.redis_url,
            "FORETELL_BASE_URL": base,
            "FORETELL_BIND": f"127.0.0.1:{port}",
            "WEB_CONCURRENCY": "2",
            "FORETELL_LOG_LEVEL": "WARNING",
            "DJANGO_SETTINGS_MODULE": "studyapp.settings",
        }
        try:
            link, run_path = make_study(capacity=50_000)
            with Supervisor(data, cwd=ROOT) as supervisor:
                gunicorn = [
                    sys.executable,
                    "-m",
                    "gunicorn",
                    "studyapp.wsgi:application",
                    "-c",
                    "docker/gunicorn.conf.py",
                ]
                supervisor.start("web", gunicorn)
                supervisor.wait_until(answers(base), what="the web server", timeout_s=30)
                rows = list(bench(base, link, run_path, services.database_url))
        finally:
            erase(data)
    show(rows)
    Path(__file__).with_suffix(".json").write_text(json.dumps([asdict(r) for r in rows], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Hostile uploads are cheap: what is large, endless, slow or lying is refused with little memory and no disk."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from explainers.cards import WEIGHTS_FILE, read_card, write_card
from studyapp.views.limits import PARTICIPANT_BODY, RESEARCHER_BODY
from tests.explainers.tiny import tiny
from tests.factories import make_draft, make_lab, make_material, owner_of
from tests.hostile.bombs import designs, lying, lying_weights, zip_bomb
from tests.hostile.world import researcher
from tests.journeys.processes import ROOT, Process, Processes, wait_until
from tests.promises.ledger import Reached

GROWTH_MB = 256
BOMB_MB = 400
ARRIVAL_S = 2

MEASURE = """
import json, sys, time
from pathlib import Path
{imports}
def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1000
start, results, slowest = peak(), [], 0.0
for path in sys.argv[1:]:
    begun = time.monotonic()
    try:
        {read}
        results.append("taken")
    except (ExplainerError, OSError, ValueError, MemoryError, zipfile.BadZipFile) as error:
        results.append(type(error).__name__)
    slowest = max(slowest, time.monotonic() - begun)
print(json.dumps([results, peak() - start, slowest]))
"""
IMPORTS = """
import zipfile
from explainers.artifacts import load_predictor
from explainers.errors import ExplainerError
from explainers.material.fetch import unpack
"""


def in_a_child(read: str, paths: list[Path]) -> tuple[list[str], float, float]:
    """What became of each file in a process of its own, by how many MB it grew, and the longest time in s."""
    code = MEASURE.format(imports=IMPORTS, read=read)
    done = subprocess.run([sys.executable, "-c", code, *map(str, paths)], cwd=ROOT, capture_output=True, check=True)
    results, grown, slowest = json.loads(done.stdout)
    return results, grown, slowest


@pytest.mark.promise(18)
def test_weights_and_cards_that_lie_are_refused_with_little_memory(tmp_path: Path, reached: Reached) -> None:
    trained = tmp_path / "trained"
    tiny("tabular", "mlp").train(trained)
    folders = []
    for number, (_, content) in enumerate([*lying_weights(), *lying_cards(trained)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        card = read_card(trained)
        if isinstance(content, dict):
            write_card(folder, replace(card, **content))
            content = (trained / WEIGHTS_FILE).read_bytes()
        else:
            write_card(folder, replace(card, weights_sha256=sha256(content).hexdigest()))
        (folder / WEIGHTS_FILE).write_bytes(content)
        folders.append(folder)

    results, grown, slowest = in_a_child("load_predictor(Path(path))", [*folders, trained])

    assert results == ["ArtifactError"] * len(folders) + ["taken"]
    assert grown < GROWTH_MB
    reached(f"{len(folders)} lying files refused with {grown:.0f} MB more, {slowest:.2f} s at most")


def lying_cards(trained: Path) -> Iterator[tuple[str, dict[str, object]]]:
    recipe = read_card(trained).recipe
    yield "a net of 10^9 units", {"recipe": replace(recipe, width=10**9)}
    yield "a net of -1 units", {"recipe": replace(recipe, width=10**7)}
    yield "another architecture", {"architecture": "senn"}


@pytest.mark.promise(18)
def test_archives_that_lie_are_read_no_further_than_their_limit(tmp_path: Path, reached: Reached) -> None:
    paths = bombs(tmp_path)

    results, grown, slowest = in_a_child('unpack(Path(path).read_bytes(), ("digits",), 1_000_000)', paths)

    assert results == ["MaterialError"] * len(paths)
    assert grown < GROWTH_MB
    reached(f"{len(paths)} zip bombs of {BOMB_MB} MB refused with {grown:.0f} MB more, {slowest:.2f} s at most")


@pytest.mark.control(18, "a member read whole, its size checked afterwards")
def test_an_archive_read_before_it_is_checked_fills_the_memory(tmp_path: Path, reached: Reached) -> None:
    _, grown, _ = in_a_child('zipfile.ZipFile(path).read("digits")', bombs(tmp_path))

    assert grown > GROWTH_MB
    reached(f"{grown:.0f} MB more")


def bombs(folder: Path) -> list[Path]:
    paths = [folder / "honest.zip", folder / "lying.zip"]
    bomb = zip_bomb(BOMB_MB)
    paths[0].write_bytes(bomb)
    paths[1].write_bytes(lying(bomb, BOMB_MB))
    return paths


# --- the web server ------------------------------------------------------------------------------------------------


@pytest.fixture
def server(
    request: pytest.FixtureRequest, transactional_db: None, tmp_path: Path
) -> Iterator[tuple[str, Process, Path]]:
    """A real web server whose temporary files are in a folder of their own; its parameter is its patience in s."""
    spool = tmp_path / "spool"
    spool.mkdir()
    processes = Processes(tmp_path, {"TMPDIR": str(spool), "WEB_ARRIVAL_S": str(getattr(request, "param", 60))})
    try:
        yield processes.web(), processes.started[0], spool
    finally:
        processes.stop()


def memory_of(process: Process) -> float:
    """MB of the web server's processes, at their highest so far."""
    everybody = [process.popen.pid, *(child.pid for child in psutil.Process(process.popen.pid).children())]
    found = []
    for pid in everybody:
        status = Path(f"/proc/{pid}/status").read_text()
        found.append(int(status.split("VmHWM:")[1].split()[0]) / 1000)
    return sum(found)


def talk(base: str, head: str, body: Iterator[bytes]) -> tuple[str, int]:
    """Send a head and as much of a body as is taken; the first line of the reply, and how many bytes went out."""
    to, sent, reply = urlsplit(base), 0, b""
    with socket.create_connection((to.hostname, to.port), timeout=20) as connection:
        connection.sendall(f"{head}\r\nHost: {to.netloc}\r\nConnection: close\r\n\r\n".encode())
        try:
            for part in body:
                connection.sendall(part)
                sent += len(part)
        except OSError:
            pass  # the server has hung up
        try:
            while got := connection.recv(65536):
                reply += got
        except OSError:
            pass
    return reply.split(b"\r\n")[0].decode(), sent


def endless(limit: int, chunked: bool) -> Iterator[bytes]:
    part = b"x" * 65536
    for _ in range(limit // len(part)):
        yield b"10000\r\n" + part + b"\r\n" if chunked else part


GIB = 2**30
FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.mark.promise(18)
def test_bodies_without_end_are_refused_with_no_memory_and_no_disk(
    server: tuple[str, Process, Path], reached: Reached
) -> None:
    base, process, spool = server
    before = memory_of(process)
    run = "/run/00000000-0000-0000-0000-000000000007/"

    chunked = talk(base, f"POST {run} HTTP/1.1\r\n{FORM}\r\nTransfer-Encoding: chunked", endless(GIB, True))
    told = talk(base, f"POST {run} HTTP/1.1\r\n{FORM}\r\nContent-Length: {GIB}", endless(GIB, False))
    lines = talk(base, f"GET /{'a' * 5000} HTTP/1.1", iter(()))
    heads = talk(base, "GET / HTTP/1.1\r\n" + "\r\n".join(f"X-{n}: 1" for n in range(100)), iter(()))
    grown = memory_of(process) - before

    # The reply can be lost where the sender still writes into a connection that was closed.
    assert chunked[0][9:12] in {"411", ""}
    assert told[0][9:12] in {"413", ""}
    assert {lines[0][9:12], heads[0][9:12]} <= {"400", "414", "431"}
    assert max(chunked[1], told[1]) < GIB / 16
    assert grown < GROWTH_MB
    assert list(spool.rglob("*")) == []
    reached(f"two bodies of 1 GiB: {max(chunked[1], told[1]) / 1e6:.0f} MB taken, {grown:.0f} MB of memory, no disk")


@pytest.mark.promise(18)
def test_design_files_as_expensive_as_can_be_cost_little(server: tuple[str, Process, Path], reached: Reached) -> None:
    base, process, spool = server
    make_material()
    lab = make_lab()
    draft = make_draft(lab)
    before, slowest, statuses = memory_of(process), 0.0, []
    client = researcher(owner_of(lab))
    page = reverse("design_json", args=[draft.public_id])
    for name, content in designs():
        assert len(content) < RESEARCHER_BODY, name
        begun = time.monotonic()
        statuses.append(post_file(base, page, client.cookies["sessionid"].value, content))
        slowest = max(slowest, time.monotonic() - begun)
    grown = memory_of(process) - before

    assert set(statuses) <= {"413", "422"}
    assert grown < GROWTH_MB
    assert list(spool.rglob("*")) == []
    reached(f"{len(statuses)} design bombs: {grown:.0f} MB of memory, no disk, {slowest:.1f} s at most")


def post_file(base: str, page: str, session: str, content: bytes) -> str:
    token = "a" * 32
    head = f"Cookie: sessionid={session}; csrftoken={token}\r\nX-CSRFToken: {token}\r\nOrigin: {base}"
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="design.json"\r\n\r\n'
        + content
        + b"\r\n--b--\r\n"
    )
    kind = f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}"
    to = urlsplit(base)
    line, _ = talk(
        base, f"POST {page} HTTP/1.1\r\n{head.replace('localhost', str(to.hostname))}\r\n{kind}", iter([body])
    )
    return line[9:12]


@pytest.mark.promise(18)
@pytest.mark.parametrize("server", [ARRIVAL_S], indirect=True)
def test_slow_senders_do_not_keep_others_out(server: tuple[str, Process, Path], reached: Reached) -> None:
    base, _, _ = server
    to = urlsplit(base)
    slow = [socket.create_connection((to.hostname, to.port), timeout=10) for _ in range(40)]
    for number, connection in enumerate(slow):
        head = "POST /declined/ HTTP/1.1\r\nHost: localhost\r\n"
        connection.sendall(head.encode() if number % 2 else f"{head}{FORM}\r\nContent-Length: 1000\r\n\r\na".encode())
    begun = time.monotonic()

    wait_until(lambda: talk(base, "GET /livez HTTP/1.1", iter(()))[0][9:12] == "200", what="a reply", seconds=30)
    waited = time.monotonic() - begun
    wait_until(lambda: not any(is_open(connection) for connection in slow), what="the slow to be let go", seconds=30)

    reached(f"40 slow senders at 16 threads: another is answered after {waited:.1f} s (limit set to {ARRIVAL_S} s)")


def test_a_form_that_breaks_off_is_no_answer(server: tuple[str, Process, Path]) -> None:
    to = urlsplit(server[0])
    with socket.create_connection((to.hostname, to.port), timeout=20) as connection:
        head = f"POST /join/x/ HTTP/1.1\r\nHost: {to.netloc}\r\n{FORM}\r\nContent-Length: 20"
        connection.sendall(f"{head}\r\n\r\ndecision=consent".encode())
        connection.shutdown(socket.SHUT_WR)

        assert connection.recv(65536)[9:12] == b"400"


def is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(65536))
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_the_participants_share_is_smaller_than_the_researchers() -> None:
    assert PARTICIPANT_BODY <= 256 * 1024 < RESEARCHER_BODY < 2_000_000


def test_an_upload_of_two_files_is_refused(db: None) -> None:
    lab = make_lab()
    client = researcher(owner_of(lab))
    files = {name: SimpleUploadedFile(name, b"{}") for name in ("file", "another")}

    assert client.post(f"/labs/{lab.pk}/studies/new/", files).status_code == 400

"""One database of the torture's cluster and Foretell's real processes on it, killed and started again as they fall."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path

from studyapp.embedded.daemons import is_gone
from studyapp.embedded.ports import any_free_port
from studyapp.embedded.sessions import Identity
from studyapp.embedded.sessions import wait_until as until
from tests.journeys.processes import GRACE_S, ROOT, Process, Processes, wait_until
from tests.torture.cluster import Cluster
from tests.torture.proxies import Gate, ReplyCutter
from tests.torture.startup import set_clock
from tests.torture.succession import Adopted, children_of, successors

UP_S = 90


@dataclass(frozen=True)
class Prepared:
    """What `scenes prepare` made: the twins' links, the screens of a person, and the completion code."""

    links: tuple[str, ...]
    n_steps: int
    code: str


@dataclass
class Arena:
    """Processes by name, each started by the same command whenever it fell; `deaths` are those that nobody caused."""

    name: str
    cluster: Cluster
    prepared: Prepared
    folder: Path
    broken: str = ""
    lease: str = ""
    web_processes: int = 2
    share_cut: float = 0.0
    seed: int = 0
    running: dict[str, Process] = field(default_factory=dict)
    deaths: list[str] = field(default_factory=list)
    expected_deaths: bool = False  # poison jobs kill workers, by design
    _guard: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.web_port = any_free_port()
        self.gate = Gate(self.cluster.valkey_port)
        self.cutter = ReplyCutter(self.web_port, share=self.share_cut, seed=self.seed)
        self.clock = self.folder / "clock"
        set_clock(self.clock, 0.0)
        self.serving = self.folder / "serving"
        self.serving.mkdir()
        self.processes = Processes(
            self.folder,
            {
                "DATABASE_URL": self.cluster.database_url(self.name),
                "REDIS_URL": self.cluster.redis_url(self.gate.port),
                "FORETELL_DATA": str(self.cluster.data),
                "FORETELL_BASE_URL": self.base,
                "FORETELL_LOG_LEVEL": "WARNING",
                "DJANGO_SETTINGS_MODULE": "tests.torture.settings",
                "TORTURE_BREAK": self.broken,
                "TORTURE_LEASE": self.lease,
            },
        )

    @property
    def base(self) -> str:
        """Where people come: through the proxy that loses replies."""
        return f"http://127.0.0.1:{self.cutter.port}"

    @property
    def straight(self) -> str:
        """The web server itself, without a proxy."""
        return f"http://127.0.0.1:{self.web_port}"

    def close(self) -> None:
        self.gate.hung.clear()
        with self._guard:  # nobody starts anew what is being stopped
            self.running.clear()
            while self.processes.started:
                self.processes.started.pop().kill()
        for proxy in (self.gate, self.cutter):
            proxy.close()

    def scene(self, name: str, **options: object) -> Mapping[str, object]:
        return scene(name, self.processes.environment, **options)

    # --- starting --------------------------------------------------------------------------------------------------

    def start(self, *names: str) -> None:
        """Start these and wait until the web server answers."""
        for name in names:
            self._start(name)
        if "web" in names:
            self.wait_for_web()

    def _start(self, name: str) -> None:
        with self._guard:
            self.running[name] = self._command(name)

    def _command(self, name: str) -> Process:
        if name == "web":
            return self.processes.start(
                # By its script, as in the image: what USR2 starts anew is the same command, and `-m` is lost on it.
                "web", str(Path(sys.executable).with_name("gunicorn")), "studyapp.wsgi:application",
                "-c", "tests/torture/gunicorn_conf.py", "--no-control-socket",
                FORETELL_BIND=f"127.0.0.1:{self.web_port}", WEB_CONCURRENCY=str(self.web_processes),
                TORTURE_CLOCK=str(self.clock), TORTURE_SERVING=str(self.serving),
            )  # fmt: skip
        if name == "relay":
            return self.processes.start("relay", "manage.py", "relay", "--sweep", "0.5")
        return self.processes.start(
            name, "-m", "celery", "-A", "studyapp", "worker", "-Q", "explain,analysis", "-n", f"{name}@torture",
            "--without-gossip", "--without-mingle", "-l", "WARNING", *_pool(name), OMP_NUM_THREADS="1",
        )  # fmt: skip

    def wait_for_web(self) -> None:
        wait_until(self.web_answers, what=f"the web server ({self.running['web'].log})", seconds=UP_S)

    def web_answers(self) -> bool:
        with suppress(OSError, urllib.error.URLError, TimeoutError):
            return bool(urllib.request.urlopen(f"{self.straight}/readyz", timeout=10).status == 200)
        return False

    def watch(self) -> None:
        """Start again whatever has fallen by itself, and remember that it did."""
        with self._guard:
            for name, process in list(self.running.items()):
                code = process.popen.poll()
                if code is not None:
                    if not (self.expected_deaths and name.startswith("worker") and code == -signal.SIGKILL):
                        self.deaths.append(f"{name} ended with {code}: {process.log.read_text()[-1500:]}")
                    self._start(name)

    # --- what goes wrong -------------------------------------------------------------------------------------------

    def kill(self, name: str) -> bool:
        """SIGKILL to a process and all that it started, then a fresh one in its place; whether all died of it."""
        with self._guard:
            victim = self.running[name]
            was_alive = victim.popen.poll() is None
            session = Identity(victim.popen.pid, 0.0)
            victim.signal(signal.SIGKILL)
            victim.popen.wait(GRACE_S)
            gone = until(lambda: not session.session(), GRACE_S)
            self._start(name)
            return was_alive and gone

    def kill_children(self, name: str) -> int:
        """SIGKILL to the processes of a pool, in the middle of what they do; how many died of it."""
        children = [pid for pid in children_of(self.running[name].popen.pid) if not is_gone(pid)]
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: all(is_gone(pid) for pid in children), GRACE_S)
        return sum(is_gone(pid) for pid in children)

    def terminate(self, name: str) -> bool:
        """SIGTERM, as a deploy of a worker does, and a fresh one in its place; whether it went in peace."""
        with self._guard:
            old = self.running[name]
            # Before it has its pool it knows no signals yet, and nobody deploys over a worker that is still starting.
            wait_until(lambda: bool(children_of(old.popen.pid)), what=f"{name} to start its pool", seconds=UP_S)
            os.kill(old.popen.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                old.popen.wait(UP_S)  # it finishes its job first
            in_peace = old.popen.returncode == 0
            old.stop()
            self._start(name)
            return in_peace

    def deploy(self) -> bool:
        """A new web server beside the old one on the same socket (USR2), then SIGTERM to the old; whether it changed.

        Whoever is being served is served to the end by the old one, which goes only when the new one serves.
        """
        with self._guard:
            old = self.running["web"]
            leader = old.popen.leader if isinstance(old.popen, Adopted) else old.popen.pid
            before = children_of(leader)
            os.kill(leader, signal.SIGUSR2)
            wait_until(lambda: successors(leader, before), what="the new web server", seconds=UP_S)
            (new,) = successors(leader, before)
            wait_until((self.serving / str(new)).exists, what="the new web server to serve", seconds=UP_S)
            os.kill(leader, signal.SIGTERM)
            old.popen.wait(UP_S)
            self.running["web"] = Process("web", Adopted(old.popen.pid, new), old.log)  # type: ignore[arg-type]
            self.processes.started.append(self.running["web"])
            self.wait_for_web()
            return is_gone(leader) and not is_gone(new)

    def step_the_clock(self, offset_s: float) -> bool:
        """Whether the web server's own clock says so; the database's clock stays."""
        set_clock(self.clock, offset_s)
        asked = time.time()
        with suppress(OSError, urllib.error.URLError):
            said = urllib.request.urlopen(f"{self.straight}/livez", timeout=10).headers["Date"]
            here = parsedate_to_datetime(said).timestamp() - offset_s
            return asked - 2 <= here <= time.time() + 2  # the header counts whole seconds
        return False

    def hang_the_broker(self, for_s: float) -> bool:
        """The broker accepts and never answers, until somebody ran into it, which takes long on a busy machine."""
        before, deadline = self.gate.swallowed, time.monotonic() + UP_S
        self.gate.hung.set()
        time.sleep(for_s)
        while self.gate.swallowed == before and time.monotonic() < deadline:
            time.sleep(0.1)
        self.gate.hung.clear()
        return self.gate.swallowed > before


def _pool(name: str) -> list[str]:
    """`worker2` does one job at a time by itself; `pool25` has 25 children, which are forked with torch at hand."""
    if name.startswith("worker"):
        return ["--pool", "solo"]
    return ["--concurrency", name.removeprefix("pool"), "--include", "explainers.run"]


def scene(name: str, environment: Mapping[str, str], **options: object) -> Mapping[str, object]:
    """Run one of scenes.py in a process of its own."""
    asked = [text for key, value in options.items() for text in (f"--{key}", str(value))]
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture.scenes", name, *asked],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "tests.torture.settings", **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said: Mapping[str, object] = json.loads(done.stdout.splitlines()[-1])
    return said

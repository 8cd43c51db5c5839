"""Foretell's real processes over the tests' database: gunicorn, relay and Celery workers, each killable by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from django.db import connection

from studyapp.embedded.ports import any_free_port
from studyapp.embedded.postgres import APP_ROLE
from studyapp.models.grants import role_exists

ROOT = Path(__file__).resolve().parents[2]
GRACE_S = 15


def database_url() -> str:
    """Where the tests' own database is, as a process of its own must be told: in the application's role, which owns
    nothing, where the server has one."""
    to = connection.settings_dict
    if role_exists(APP_ROLE):
        user = APP_ROLE
    else:
        user = quote(to["USER"]) + (f":{quote(to['PASSWORD'])}" if to["PASSWORD"] else "")
    port = f"&port={to['PORT']}" if to["PORT"] else ""
    return f"postgresql://{user}@/{to['NAME']}?host={quote(to['HOST'], safe='')}{port}"


def wait_until(ready: Callable[[], object], *, what: str, seconds: float) -> None:
    """Wait for something that other processes do."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}, in vain"
        time.sleep(0.05)


@dataclass
class Process:
    """A process in a group of its own, with its log."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """SIGKILL to it and to all that it started: no chance to say goodbye."""
        self.signal(signal.SIGKILL)
        self.popen.wait(GRACE_S)

    def stop(self) -> None:
        if self.popen.poll() is not None:
            return
        self.signal(signal.SIGTERM)
        try:
            self.popen.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self.popen.pid, number)


@dataclass
class Processes:
    """Starts processes and, at the end, stops every one."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    started: list[Process] = field(default_factory=list)

    def start(self, name: str, *command: str, **environment: str) -> Process:
        log = self.folder / f"{name}-{len(self.started)}.log"
        database = self.environment.get("DATABASE_URL") or database_url()
        everything = {**os.environ, "PYTHONPATH": str(ROOT), **self.environment, "DATABASE_URL": database}
        with log.open("wb") as out:
            popen = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env={**everything, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(name, popen, log)
        self.started.append(process)
        return process

    def relay(self) -> Process:
        return self.start("relay", "manage.py", "relay", "--sweep", "0.5")

    def worker(self, queues: str = "explain,analysis") -> Process:
        """One process that does one job at a time (no pool to outlive it)."""
        number = len(self.started)
        return self.start(
            f"worker{number}", "-m", "celery", "-A", "studyapp", "worker", "-Q", queues, "--pool", "solo",
            "-n", f"worker{number}@test", "--without-gossip", "--without-mingle", "-l", "INFO",
        )  # fmt: skip

    def web(self, log_level: str = "WARNING") -> str:
        """Two gunicorn processes as in production; returns their address once they answer."""
        port = any_free_port()
        base = f"http://127.0.0.1:{port}"
        process = self.start(
            "web", "-m", "gunicorn", "studyapp.wsgi:application", "-c", "docker/gunicorn.conf.py",
            FORETELL_BIND=f"127.0.0.1:{port}", FORETELL_BASE_URL=base, WEB_CONCURRENCY="2",
            FORETELL_LOG_LEVEL=log_level,
        )  # fmt: skip
        wait_until(lambda: answers(process, base), what=f"the web server ({process.log})", seconds=60)
        return base

    def wait_until(self, ready: Callable[[], object], *, what: str, seconds: float) -> None:
        """Wait for something that these processes do; fail at once when one of them has died by itself."""

        def ready_or_dead() -> object:
            for process in self.started:
                code = process.popen.poll()
                assert code in {None, -signal.SIGKILL}, f"{process.name} ended: {process.log.read_text()[-2000:]}"
            return ready()

        wait_until(ready_or_dead, what=what, seconds=seconds)

    def stop(self) -> None:
        while self.started:
            self.started.pop().stop()


def answers(process: Process, base: str) -> bool:
    assert process.popen.poll() is None, process.log.read_text()[-2000:]
    try:
        return urllib.request.urlopen(f"{base}/readyz", timeout=10).status == 200
    except (urllib.error.URLError, TimeoutError):
        return False

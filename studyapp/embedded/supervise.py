"""Run the web server, the relay and the workers as children, and leave none behind.

Each child leads a session of its own, so that a Ctrl-C in the terminal reaches the supervisor alone, which then stops
the children in order, and so that a child's own children are found when it is gone. Nothing is restarted in silence:
a child that dies is reported with the end of its log.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import NoReturn, Self

from studyapp.embedded.errors import EmbeddedError
from studyapp.embedded.files import describe, last_lines
from studyapp.embedded.ports import free_port
from studyapp.embedded.sessions import Identity, wait_until

__all__ = ["ChildDiedError", "Supervisor", "free_port"]

LONGEST_LOG_BYTES = 10_000_000
POLL_S = 0.05
KILL_TIMEOUT_S = 10.0
_ALL_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ChildDiedError(EmbeddedError):
    """A supervised process ended although nobody asked it to."""


@dataclass(frozen=True)
class _Child:
    name: str
    identity: Identity
    process: subprocess.Popen[bytes]
    log: Path
    note: Path
    grace_s: float


class Supervisor:
    """Starts children and stops every one of them, whichever way the `with` block is left.

    try:
        with Supervisor(data) as supervisor:
            supervisor.start("web", ["gunicorn", ...])
            supervisor.wait_until(web_answers, what="the web server", timeout_s=30)
            supervisor.serve()
    except KeyboardInterrupt:
        print("Everything is stopped.")

    Inside the block SIGTERM and SIGHUP raise SystemExit, as SIGINT raises KeyboardInterrupt, so they work at any
    moment; this needs the main thread. A second signal, while the children are being stopped, cuts their grace short.
    """

    def __init__(self, data: Path, *, cwd: Path | None = None, report: Callable[[str], None] = print) -> None:
        self._logs = data / "logs"
        self._notes = data / "processes"
        self._cwd = cwd
        self._report = report
        self._children: list[_Child] = []
        self._hurried = False
        self._handlers: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Self:
        try:
            for folder in (self._logs, self._notes):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise describe(error, self._logs.parent) from error
        self._handlers = {sign: signal.getsignal(sign) for sign in _ALL_SIGNALS}
        # A shell starts background jobs with SIGINT ignored; `kill -INT` shall work there too.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, _leave)
        if self._handlers[signal.SIGHUP] != signal.SIG_IGN:  # ignored under nohup, and rightly so
            signal.signal(signal.SIGHUP, _leave)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            for sign, handler in self._handlers.items():
                signal.signal(sign, handler)

    def start(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str] | None = None, grace_s: float = 10
    ) -> Path:
        """Start a child in this process's environment with `env` laid over it; returns the path of its log.

        `grace_s` is how long it may take to end after SIGTERM before it is killed.
        """
        if any(child.name == name for child in self._children):
            raise EmbeddedError(f"A process named {name!r} is running already; give each its own name.")
        note, log = self._notes / f"{name}.json", self._logs / f"{name}.log"
        self._end_leftover(name, note)
        try:
            with self._signals_held():
                process = self._spawn(name, command, log, env or {})
                identity = Identity.of(process.pid)
                self._children.append(_Child(name, identity, process, log, note, grace_s))
                ours = {"child": asdict(identity), "supervisor": asdict(Identity.of(os.getpid()))}
                note.write_text(json.dumps(ours), encoding="utf-8")
        except OSError as error:
            raise describe(error, self._logs.parent) from error
        return log

    def check(self) -> None:
        """Raise ChildDiedError if a child has ended by itself."""
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                raise ChildDiedError(
                    f"The process {child.name!r} ended by itself ({_explain(code)}). "
                    f"Its log, {child.log}, ends:\n{last_lines(child.log)}"
                )

    def wait_until(self, ready: Callable[[], bool], *, what: str, timeout_s: float) -> None:
        """Wait until `ready()` is true; fail at once when a child dies meanwhile."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise EmbeddedError(f"Waited {timeout_s:.0f} s for {what}, in vain. See the logs in {self._logs}.")
            time.sleep(POLL_S)

    def serve(self) -> NoReturn:
        """Watch the children until a signal ends it (see above) or one of them dies: ChildDiedError."""
        while True:
            self.check()
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop the children, the last started first, with all that they started themselves. Safe to repeat."""
        self._hurried = False
        before = {sign: signal.signal(sign, self._hurry) for sign in _ALL_SIGNALS}
        try:
            while self._children:
                self._stop_child(self._children[-1])
                self._children.pop()
        finally:
            for sign, handler in before.items():
                signal.signal(sign, handler)

    def _spawn(self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        if log.is_file() and log.stat().st_size > LONGEST_LOG_BYTES:
            log.replace(log.with_suffix(".log.old"))
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return subprocess.Popen(  # noqa: S603  (the caller's own commands, no shell)
                list(command),
                cwd=self._cwd,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **env},  # a log that lags is no log
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (FileNotFoundError, PermissionError) as error:
            raise EmbeddedError(
                f"Cannot start {name!r}: the program {command[0]!r} {_missing(error)}. "
                "Install it into the virtual environment (make does), then start again."
            ) from error
        finally:
            os.close(descriptor)

    def _end_leftover(self, name: str, note: Path) -> None:
        """End what a killed supervisor left behind under this name, since it may hold the port or the queue."""
        try:
            noted = json.loads(note.read_text(encoding="utf-8"))
            child, supervisor = Identity(**noted["child"]), Identity(**noted["supervisor"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return
        if not child.session():
            return
        if supervisor.is_alive():
            raise EmbeddedError(
                f"{name!r} of this data folder is running already, under process {supervisor.pid}. "
                "Stop that one first (Ctrl-C there), or name another folder in FORETELL_DATA."
            )
        self._report(f"Ending {name!r}, left behind by an earlier run that was killed (process {child.pid}).")
        child.signal_session(signal.SIGTERM)
        wait_until(lambda: not child.session(), 5)
        self._kill(child)

    def _stop_child(self, child: _Child) -> None:
        """The leader first, alone: it knows how to end its own workers. Then whatever is left of its session."""
        if child.process.poll() is None:
            child.process.terminate()
            if not wait_until(lambda: child.process.poll() is not None or self._hurried, child.grace_s):
                self._report(f"{child.name!r} did not end within {child.grace_s:.0f} s; killing it.")
        elif child.identity.session():
            child.identity.signal_session(signal.SIGTERM)
            wait_until(lambda: not child.identity.session() or self._hurried, child.grace_s)
        self._kill(child.identity)
        child.process.wait(KILL_TIMEOUT_S)
        child.note.unlink(missing_ok=True)

    def _kill(self, leader: Identity) -> None:
        """Kill what is left of a session, again and again: a fork may slip past one round."""
        deadline = time.monotonic() + KILL_TIMEOUT_S
        while leader.session() and time.monotonic() < deadline:
            leader.signal_session(signal.SIGKILL)
            wait_until(lambda: not leader.session(), 0.2)
        if leader.session():
            self._report(f"The processes {leader.session()} do not end, even by SIGKILL. Look at them with ps.")

    @contextlib.contextmanager
    def _signals_held(self) -> Iterator[None]:
        """Keep a signal waiting while a child is started but not yet on the list of those to stop."""
        held: list[int] = []
        before = {sign: signal.signal(sign, lambda number, _: held.append(number)) for sign in _ALL_SIGNALS}
        try:
            yield
        finally:
            for sign, handler in before.items():
                signal.signal(sign, handler)
            for number in held:
                signal.raise_signal(number)

    def _hurry(self, number: int, frame: FrameType | None) -> None:
        self._hurried = True


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _explain(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def _missing(error: OSError) -> str:
    return "is not there" if isinstance(error, FileNotFoundError) else "may not be executed"

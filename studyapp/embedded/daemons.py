"""Finding and ending a server that outlived the process which started it."""

import contextlib
import signal
from pathlib import Path

import psutil

from studyapp.embedded.errors import EmbeddedError
from studyapp.embedded.sessions import wait_until


def read_pid(path: Path) -> int | None:
    """The process number in the first line of a pid file; None where there is none to read."""
    try:
        first = path.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
        return int(first)
    except (FileNotFoundError, ValueError):
        return None


def find_process(pid: int | None, *, program: str, cwd: Path) -> psutil.Process | None:
    """The live process of that number if it is this program in this folder, not a stranger with a reused number."""
    if pid is None or pid <= 0:
        return None
    try:
        process = psutil.Process(pid)
        if _is_dead(process) or not process.name().startswith(program):
            return None
        # No `resolve()` on a moved or removed folder: compare what the system says both are.
        return process if Path(process.cwd()) == cwd.resolve() else None
    except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
        return None


def is_gone(pid: int) -> bool:
    """True also for the dead that nobody has reaped, which is common where a container has no init."""
    try:
        return _is_dead(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True


def end_process(process: psutil.Process, *, gently: signal.Signals, then: signal.Signals, grace_s: float) -> None:
    """Ask a process to end, insist after `grace_s`, and wait until it is gone."""
    for sign in (gently, then, signal.SIGKILL):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(sign)
        if wait_until(lambda: _is_dead(process), grace_s):
            return
        grace_s = min(grace_s, 10)
    raise EmbeddedError(f"Process {process.pid} ({process.name()}) does not end, even by SIGKILL. Look at it with ps.")


def _is_dead(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or str(process.status()) == str(psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True

"""Processes by session: a child that leads a session of its own takes its whole offspring with it."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import psutil


@dataclass(frozen=True)
class Identity:
    """Number and time of birth: together they name one process for ever, since numbers are used again."""

    pid: int
    born: float

    @classmethod
    def of(cls, pid: int) -> Self:
        return cls(pid, float(psutil.Process(pid).create_time()))

    def is_alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return bool(process.create_time() == self.born) and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def session(self) -> list[int]:
        """The live processes of the session that this process leads or led.

        Its number is not used again while one of them lives; a stranger with the number means that all are gone.
        """
        try:
            if psutil.Process(self.pid).create_time() != self.born:
                return []
        except psutil.NoSuchProcess:
            pass  # the leader is gone; its offspring may not be
        return [pid for pid in psutil.pids() if _is_live_member(pid, self.pid)]

    def signal_session(self, sign: signal.Signals) -> None:
        for pid in self.session():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)


def wait_until(done: Callable[[], bool], timeout_s: float) -> bool:
    """Look every 20 ms; False when the time is over."""
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _is_live_member(pid: int, leader: int) -> bool:
    try:
        return os.getsid(pid) == leader and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
        return False

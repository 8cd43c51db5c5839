"""A web server that another one started, as USR2 makes gunicorn do. Its parent is gone: it is watched by number."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from dataclasses import dataclass

import psutil

from studyapp.embedded.daemons import is_gone
from studyapp.embedded.sessions import wait_until


@dataclass
class Adopted:
    """A web server that another one started: it stands where a Popen does. `pid` names its session, as there."""

    pid: int
    leader: int

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        return -1 if is_gone(self.leader) else None

    def wait(self, timeout_s: float) -> None:
        if not wait_until(lambda: is_gone(self.leader), timeout_s):
            raise subprocess.TimeoutExpired("web", timeout_s)


def successors(leader: int, before: set[int]) -> set[int]:
    """A new master is a child of the old one, and has children of its own."""
    return {pid for pid in children_of(leader) - before if children_of(pid)}


def children_of(pid: int) -> set[int]:
    with suppress(psutil.NoSuchProcess):
        return {child.pid for child in psutil.Process(pid).children()}
    return set()

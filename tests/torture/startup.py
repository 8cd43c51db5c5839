"""Runs at the start of every process under torture: invented kinds of job, the clock, and the break asked for."""

from __future__ import annotations

import mmap
import os
import signal
import struct
import time
from datetime import timedelta
from pathlib import Path

from django.apps import AppConfig
from django.conf import settings
from django.utils import timezone

CLOCK = struct.Struct("d")


class Startup(AppConfig):
    name = "tests.torture"
    label = "torture"
    path = str(Path(__file__).parent)

    def ready(self) -> None:
        from studyapp import checks

        add_jobs()
        if os.environ.get("TORTURE_CLOCK"):
            follow(Path(os.environ["TORTURE_CLOCK"]))
        if settings.BROKEN:
            checks.refuse_unsafe_start = lambda: None  # which would see some of the breaks, and rightly so
            settings.BROKEN.patch()


def add_jobs() -> None:
    """A job that kills its process, and explanations that take their time."""
    from studyapp import jobs
    from studyapp.actions import explain
    from studyapp.queue import Claim

    def slow(claim: Claim) -> None:
        time.sleep(claim.job.args["seconds"])
        explain.compute_batch(claim)

    jobs.JOBS = {  # type: ignore[misc]
        **jobs.JOBS,
        "poison": lambda claim: os.kill(os.getpid(), signal.SIGKILL),
        "slow": slow,
    }


def set_clock(path: Path, offset_s: float) -> None:
    """Step the clock of the processes that follow this file."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.write(CLOCK.pack(offset_s))


def follow(path: Path) -> None:
    """Let this process's clock be off by what the file says at that moment; monotonic clocks stay, as on a machine."""
    file = path.open("rb")
    memory = mmap.mmap(file.fileno(), CLOCK.size, access=mmap.ACCESS_READ)

    def offset_s() -> float:
        (offset,) = CLOCK.unpack_from(memory)
        return float(offset)

    true_time, true_time_ns, true_now = time.time, time.time_ns, timezone.now
    time.time = lambda: true_time() + offset_s()
    time.time_ns = lambda: true_time_ns() + int(offset_s() * 1e9)
    timezone.now = lambda: true_now() + timedelta(seconds=offset_s())

"""Examinations of what works in the background: broker, relay, workers, jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.utils import timezone

from studyapp.checks import is_loopback
from studyapp.management.doctor.finding import Finding, bad, note, ok
from studyapp.models import Heartbeat, Job
from studyapp.models.heartbeat import SILENT_AFTER_S
from studyapp.models.jobs import JobState
from studyapp.queue import ANALYSIS, EXPLAIN

OLD_JOB = timedelta(minutes=5)
SHOWN = 5


def broker() -> Iterator[Finding]:
    """Does it answer, and only to who knows its password?"""
    if not settings.REDIS_URL:
        yield bad("broker", "No broker is named.", "Set REDIS_URL, or start the embedded servers with make services.")
        return
    parts = urlsplit(settings.REDIS_URL)
    try:
        _ping(settings.REDIS_URL)
    except redis.AuthenticationError:
        yield bad("broker", "The broker refuses the password in REDIS_URL.", "Put Valkey's password into REDIS_URL.")
        return
    except redis.RedisError as error:
        yield bad(
            "broker",
            f"The broker does not answer: {error}. Jobs wait in the database; participants notice nothing.",
            f"Start Valkey at {parts.hostname}:{parts.port or 6379}, or mend REDIS_URL.",
        )
        return
    yield (
        ok("broker", "The broker answers.")
        if _asks_for_a_password(parts.hostname, parts.port)
        else _open(parts.hostname)
    )


def _asks_for_a_password(host: str | None, port: int | None) -> bool:
    try:
        _ping(f"redis://{host}:{port or 6379}/0")
    except redis.RedisError:
        return True
    return False


def _open(host: str | None) -> Finding:
    sentence = "The broker answers without a password."
    remedy = "Set requirepass in valkey.conf and the password in REDIS_URL (redis://:password@host:6379/0)."
    return note("broker", sentence, remedy) if is_loopback(host or "") else bad("broker", sentence, remedy)


def _ping(url: str) -> None:
    client = redis.Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3)
    try:
        client.ping()
    finally:
        client.close()


def relay() -> Iterator[Finding]:
    alive, silent = _beats("relay")
    if len(alive) > 1:
        yield note("relay", f"{len(alive)} relays are running.", "One is enough; stop the others.")
    elif alive:
        yield ok("relay", "The relay is running.")
    else:
        seen = f" It was last seen at {silent[0].at:%Y-%m-%d %H:%M} UTC." if silent else ""
        yield bad("relay", f"No relay is running, so no job starts.{seen}", "Start it: manage.py relay")


def workers() -> Iterator[Finding]:
    """Somebody must take the jobs of each queue."""
    for queue in (EXPLAIN, ANALYSIS):
        alive, _ = _beats(queue)
        if alive:
            yield ok("workers", f"{len(alive)} workers take the jobs of the queue {queue}.")
        else:
            yield bad(
                "workers",
                f"No worker takes the jobs of the queue {queue}.",
                f"Start one: celery -A studyapp worker -Q {queue}",
            )


def _beats(kind: str) -> tuple[list[Heartbeat], list[Heartbeat]]:
    """Those seen lately and those gone silent. A worker of several queues names them all, with commas."""
    since = timezone.now() - timedelta(seconds=SILENT_AFTER_S)
    beats = [beat for beat in Heartbeat.objects.order_by("-at") if kind in beat.kind.split(",")]
    return [beat for beat in beats if beat.at >= since], [beat for beat in beats if beat.at < since]


def outbox() -> Iterator[Finding]:
    due = Job.objects.due(timezone.now())
    oldest = due.order_by("created_at").first()
    if oldest is None:
        yield ok("outbox", "No job waits.")
        return
    age = timezone.now() - oldest.created_at
    sentence = f"{due.count()} jobs wait, the oldest ({oldest.kind}) for {int(age.total_seconds() // 60)} minutes."
    if age < OLD_JOB:
        yield ok("outbox", sentence)
    else:
        yield bad(
            "outbox",
            sentence,
            f"See relay and workers above; more workers of the queue {oldest.queue} help if all run.",
        )


def parked() -> Iterator[Finding]:
    """Jobs that were given up, with the reason."""
    failed = Job.objects.filter(state=JobState.FAILED).order_by("-finished_at")
    for job in failed[:SHOWN]:
        study = f" of study {job.study.public_id}" if job.study else ""
        yield note(
            "parked jobs",
            f"A job ({job.kind}{study}) was given up after {job.attempts} attempts: {job.error or 'no reason noted'}",
            "Mend the cause, then retry it on the study's page.",
        )
    if (more := failed.count() - SHOWN) > 0:
        yield note("parked jobs", f"{more} more jobs were given up.", "See them on their studies' pages.")
    elif not failed:
        yield ok("parked jobs", "No job was given up.")

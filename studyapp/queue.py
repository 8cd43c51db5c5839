"""The only way to start background work: a row in the transaction of its cause. The relay rings after commit.

A worker holds a job by a lease that it renews; when it dies, the lease runs out and another takes the job. Attempts
are counted before the work begins, so a job that kills its worker stops itself.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from studyapp.models import Job, Study
from studyapp.models.jobs import JobQuerySet, JobState

CHANNEL = "foretell_jobs"
EXPLAIN, ANALYSIS = "explain", "analysis"


def enqueue(kind: str, *, queue: str, args: Mapping[str, object], study: Study | None = None, total: int = 0) -> Job:
    """Write the job down; `args` are keys of rows, never objects. The doorbell rings when the transaction commits."""
    job = Job.objects.create(kind=kind, queue=queue, args=dict(args), study=study, total=total)
    announce()
    return job


def announce() -> None:
    """Wake the relay; delivered by the database at commit, lost with a rollback, harmless when nobody listens."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


@dataclass(frozen=True)
class Claim:
    """A job that this process may work on, until the lease is another's."""

    job: Job
    lease: uuid.UUID
    _lost: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)

    @property
    def is_lost(self) -> bool:
        """Whether a renewal found the job cancelled or taken over; costs nothing to ask."""
        return self._lost.is_set()

    def renew(self, done: int | None = None) -> bool:
        """Stay alive and report progress; False when the job was cancelled or taken over, so stop working."""
        changes: dict[str, object] = {"lease_until": timezone.now() + timedelta(seconds=settings.JOB_LEASE_S)}
        if done is not None:
            changes["done"] = done
        is_held = bool(_held(self).update(**changes))
        if not is_held:
            self._lost.set()
        return is_held

    def finish(self) -> bool:
        """Mark the job done; False when it is no longer ours."""
        return bool(
            _held(self).update(state=JobState.DONE, finished_at=timezone.now(), lease=None, lease_until=None, error="")
        )

    def fail(self, error: str, *, again: bool) -> bool:
        """Give the job back for another attempt, or park it with the reason; True when it is parked.

        A job that is no longer ours is left as it is.
        """
        parked = not again or self.job.attempts >= settings.JOB_MAX_ATTEMPTS
        was_held = _held(self).update(
            state=JobState.FAILED if parked else JobState.PENDING,
            error=error[:2000],
            lease=None,
            lease_until=None,
            rung_at=None,
            finished_at=timezone.now() if parked else None,
        )
        return parked and bool(was_held)


def _held(claim: Claim) -> JobQuerySet:
    return Job.objects.filter(pk=claim.job.pk, lease=claim.lease, state=JobState.RUNNING)


@transaction.atomic
def claim(job_id: uuid.UUID) -> Claim | None:
    """Take a due job, counting the attempt before any work; None when another has it or it is over."""
    now = timezone.now()
    job = Job.objects.due(now).select_for_update(skip_locked=True).filter(pk=job_id).first()
    if job is None:
        return None
    if job.attempts >= settings.JOB_MAX_ATTEMPTS:
        park(job)
        return None
    job.attempts += 1
    job.state = JobState.RUNNING
    job.lease = uuid.uuid4()
    job.lease_until = now + timedelta(seconds=settings.JOB_LEASE_S)
    job.save(update_fields=["attempts", "state", "lease", "lease_until"])
    return Claim(job, job.lease)


def park(job: Job) -> None:
    """A job whose workers died every time: keep it with the reason, where the researcher sees it and can retry."""
    job.state = JobState.FAILED
    job.error = f"The worker died {job.attempts} times at this job. See the worker's log, then retry."
    job.finished_at = timezone.now()
    job.lease = job.lease_until = None
    job.save(update_fields=["state", "error", "finished_at", "lease", "lease_until"])


def to_ring() -> list[Job]:
    """Jobs whose doorbell is due: never rung, or rung long enough ago that the message may be lost."""
    now = timezone.now()
    again = now - timedelta(seconds=settings.JOB_SWEEP_S)
    due = Job.objects.due(now).order_by("created_at")
    return [job for job in due if job.rung_at is None or job.rung_at < again]


def rung(job: Job) -> None:
    """Note that the doorbell of a job rang."""
    Job.objects.filter(pk=job.pk).update(rung_at=timezone.now())


@transaction.atomic
def retry(job: Job) -> None:
    """Give a parked job all its attempts again."""
    Job.objects.filter(pk=job.pk, state=JobState.FAILED).update(
        state=JobState.PENDING, attempts=0, rung_at=None, error="", finished_at=None
    )
    announce()


@transaction.atomic
def cancel(*jobs: Job) -> None:
    """Stop jobs, all at one moment: no worker begins one meanwhile. A worker notices at its next renewal."""
    Job.objects.unfinished().filter(pk__in=[job.pk for job in jobs]).update(
        state=JobState.CANCELLED, finished_at=timezone.now(), lease=None, lease_until=None
    )

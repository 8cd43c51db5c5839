"""The workers' front door: a message names a job, the job names an action."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from celery import shared_task
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from explainers.errors import ExplainerError, Stopped
from studyapp import queue
from studyapp.actions import erasure, explain, looks, mail, material, measures, power, quality, reports, retention
from studyapp.errors import StudyError
from studyapp.queue import Claim
from studyapp.rehearsal import run as rehearsal

log = logging.getLogger(__name__)

# What each kind of job does. An action gets the claim, so that it can report progress and notice a takeover.
JOBS: Mapping[str, Callable[[Claim], None]] = {
    "material": material.load_material,
    "explain": explain.compute_batch,
    measures.MEASURE: measures.measure_arm,
    "rehearse": rehearsal.rehearse,
    "report": reports.compute_report,
    power.KIND: power.compute_power,
    erasure.SWEEP: erasure.sweep,
    quality.CHECK: quality.check_quality,
    retention.RETENTION: retention.act_on_dates,
    looks.LOOK: looks.make_look,
    "mail_reset": mail.send_reset,
    "mail_invitation": mail.send_invitation,
}


@shared_task(name="studyapp.run_job")  # type: ignore[untyped-decorator] # Celery ships no types
def run_job(job_id: str) -> None:
    """Work on a job if it is still due; a message that comes twice or late does nothing."""
    close_old_connections()
    claim = queue.claim(uuid.UUID(job_id))
    if claim is None:
        return
    try:
        with renewing(claim):
            JOBS[claim.job.kind](claim)
    except Stopped:
        log.info("job %s (%s) was stopped, or another worker has it", claim.job.pk, claim.job.kind)
    except (StudyError, ExplainerError) as error:  # the same input would fail again
        give_up(claim, str(error), again=False)
    except Exception as error:
        log.exception("job %s (%s) failed", claim.job.pk, claim.job.kind)
        give_up(claim, f"{type(error).__name__}: {error}", again=True)
    else:
        claim.finish()


def give_up(claim: Claim, error: str, *, again: bool) -> None:
    parked = claim.fail(error, again=again)
    if parked and claim.job.kind == "explain":
        explain.mark_failed(claim.job, error)


@contextmanager
def renewing(claim: Claim) -> Iterator[None]:
    """Renew the lease from a thread of its own while the work goes on."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(settings.JOB_RENEW_S):
            try:
                if not claim.renew():
                    break
            except (DatabaseError, InterfaceError) as error:  # it may be back before the lease runs out
                log.warning("the lease of job %s could not be renewed (%s); trying again", claim.job.pk, error)
                connection.close()
        connection.close()

    thread = threading.Thread(target=beat, name=f"lease-{claim.job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()

"""Jobs as rows: claimed by one, renewed, taken over, parked; the doorbell is only a doorbell."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from studyapp import queue
from studyapp.models import Job
from studyapp.models.jobs import JobState

pytestmark = pytest.mark.django_db


def make_job() -> Job:
    return queue.enqueue("explain", queue=queue.EXPLAIN, args={"n": 1}, total=3)


def lose_worker(job: Job) -> None:
    """What the database looks like when a worker was killed: a lease that nobody renews."""
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_job_is_claimed_once():
    job = make_job()
    assert queue.claim(job.pk) is not None
    assert queue.claim(job.pk) is None


def test_a_job_rolled_back_with_its_cause_never_was():
    with transaction.atomic():
        make_job()
        transaction.set_rollback(True)

    assert queue.to_ring() == []


def test_a_silent_workers_job_goes_to_another_and_the_late_one_changes_nothing():
    job = make_job()
    late = queue.claim(job.pk)
    lose_worker(job)
    new = queue.claim(job.pk)
    assert new is not None
    assert new.job.attempts == 2
    assert not late.renew(3)
    assert not late.finish()
    assert new.finish()
    assert Job.objects.get().state == JobState.DONE


def test_a_job_that_kills_its_workers_is_parked_with_the_reason():
    job = make_job()
    for _ in range(settings.JOB_MAX_ATTEMPTS):
        assert queue.claim(job.pk)
        lose_worker(job)
    assert queue.claim(job.pk) is None
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert f"died {settings.JOB_MAX_ATTEMPTS} times" in job.error
    assert queue.to_ring() == []


def test_an_error_is_tried_again_until_the_attempts_are_spent():
    job = make_job()
    parked = [queue.claim(job.pk).fail("no memory", again=True) for _ in range(settings.JOB_MAX_ATTEMPTS)]
    assert parked == [False] * (settings.JOB_MAX_ATTEMPTS - 1) + [True]


def test_an_error_of_the_input_parks_at_once_and_can_be_retried():
    job = make_job()
    assert queue.claim(job.pk).fail("no such item", again=False)
    queue.retry(job)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.PENDING, 0)


def test_a_cancelled_job_tells_its_worker_at_the_next_renewal():
    job = make_job()
    claim = queue.claim(job.pk)
    queue.cancel(job)
    assert not claim.renew(1)


def test_the_bell_rings_once_until_the_message_may_be_lost():
    job = make_job()
    assert [j.pk for j in queue.to_ring()] == [job.pk]
    queue.rung(job)
    assert queue.to_ring() == []
    Job.objects.update(rung_at=timezone.now() - timedelta(seconds=settings.JOB_SWEEP_S + 1))
    assert [j.pk for j in queue.to_ring()] == [job.pk]


def test_a_message_for_a_job_that_is_not_there_does_nothing():
    assert queue.claim(uuid.uuid4()) is None

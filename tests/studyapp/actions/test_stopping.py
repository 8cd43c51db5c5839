"""Stopping a study's explanations and going on: what is computed stays, and nobody else's wait is cut off."""

from __future__ import annotations

import pytest

from studyapp.actions.explain import compute_batch
from studyapp.actions.freeze import freeze
from studyapp.actions.lifecycle import open_study
from studyapp.actions.stopping import resume_explanations, stop_explanations
from studyapp.errors import WrongState
from studyapp.models import AuditEntry, Explanation, Job, Study
from studyapp.models.jobs import JobState
from studyapp.models.progress import Progress, explanation_progress, progress_by_arm
from studyapp.queue import claim
from tests import factories

pytestmark = pytest.mark.django_db

N, ARMS = 12, 3  # three arms explain four examples each


@pytest.fixture
def study(db: None) -> Study:
    return factories.make_frozen(explained=False)


def stop(study: Study) -> int:
    return stop_explanations(study=study, actor=factories.owner_of(study.lab))


def resume(study: Study) -> int:
    return resume_explanations(study=study, actor=factories.owner_of(study.lab))


def progress(**numbers: int) -> Progress:
    nothing = dict.fromkeys(("ready", "failed", "stopped", "under_way", "computing", "own"), 0)
    return Progress(**{"total": N} | nothing | numbers)


def one_arm_is_ready(study: Study) -> Job:
    """A job done, as by a worker: an arm's four explanations are there."""
    job = Job.objects.filter(study=study).earliest("created_at")
    others = Explanation.objects.exclude(job=job)
    others.update(state="failed")
    factories.make_explanations_ready(study)
    others.update(state="pending")
    claim(job.pk).finish()
    return job


# --- counting ---------------------------------------------------------------------------------------------------


def test_items_are_counted_arm_by_arm(study: Study) -> None:
    one_arm_is_ready(study)
    second, _ = Job.objects.filter(study=study).unfinished().order_by("created_at")
    claim(second.pk)

    found = {arm: (p.ready, p.computing, p.under_way, p.total) for arm, p in progress_by_arm(study.frozen).items()}

    assert sorted(found.values()) == [(0, 0, 4, 4), (0, 4, 4, 4), (4, 0, 0, 4)]
    assert explanation_progress(study.frozen) == progress(ready=4, under_way=8, computing=4, own=8)


def test_a_job_whose_workers_all_died_has_failed_with_its_reason_and_can_be_tried_again(study: Study) -> None:
    job = Job.objects.filter(study=study).first()
    Job.objects.filter(pk=job.pk).update(state=JobState.FAILED, error="The worker died 3 times at this job.")

    counted = explanation_progress(study.frozen)

    assert (counted.failed, counted.under_way) == (4, 8)
    assert counted.errors == ("The worker died 3 times at this job.",)
    assert [p.errors for p in progress_by_arm(study.frozen).values() if p.failed] == [counted.errors]
    assert Explanation.objects.failed().count() == 4


def test_an_explanation_of_two_arms_is_one_in_the_whole_and_one_in_each(study: Study) -> None:
    document = factories.small_document()
    lime = next(arm for arm in document["arms"] if arm["key"] == "lime")
    document["arms"] = [*document["arms"], {**lime, "key": "again", "title": "LIME again"}]
    twice = factories.make_frozen(document=document, explained=False)

    assert explanation_progress(twice.frozen).total == N
    assert {arm: p.total for arm, p in progress_by_arm(twice.frozen).items()}["again"] == N // ARMS


# --- stopping and going on --------------------------------------------------------------------------------------


def test_what_is_computed_stays_and_going_on_queues_only_the_rest(study: Study) -> None:
    done = one_arm_is_ready(study)
    ready = list(Explanation.objects.ready().order_by("pk").values("key", "form", "computed_at"))

    assert stop(study) == 8
    assert explanation_progress(study.frozen) == progress(ready=4, stopped=8)
    assert set(Job.objects.filter(study=study).exclude(pk=done.pk).values_list("state", flat=True)) == {"cancelled"}
    assert resume(study) == 8

    assert explanation_progress(study.frozen) == progress(ready=4, under_way=8, own=8)
    assert list(Explanation.objects.ready().order_by("pk").values("key", "form", "computed_at")) == ready
    assert sum(job.total for job in Job.objects.unfinished().filter(study=study)) == 8
    assert list(AuditEntry.objects.filter(study=study).order_by("pk").values_list("verb", "after"))[-2:] == [
        ("stopped explanations", 8),
        ("resumed explanations", 8),
    ]


def test_a_batch_under_way_is_told_and_its_job_is_not_finished_by_it(study: Study) -> None:
    held = claim(Job.objects.filter(study=study).first().pk)

    stop(study)

    assert not held.is_lost  # before it asks
    assert not held.renew(1)
    assert held.is_lost
    assert not held.finish()
    assert not held.fail("interrupted", again=False)
    held.job.refresh_from_db()
    assert (held.job.state, held.job.error) == (JobState.CANCELLED, "")


def test_a_worker_that_comes_late_computes_nothing_twice(study: Study) -> None:
    job = one_arm_is_ready(study)
    Job.objects.filter(pk=job.pk).update(state=JobState.PENDING)

    compute_batch(claim(job.pk))  # without torch's material this would fail, did it compute

    assert Explanation.objects.ready().count() == 4


def test_an_open_study_needs_what_was_stopped_and_is_told_what_to_do(study: Study) -> None:
    stop(study)
    with pytest.raises(WrongState, match=r"0 of 12\. It was stopped; press “Go on”"):
        open_study(study=study, actor=factories.owner_of(study.lab))
    resume(study)
    with pytest.raises(WrongState, match=r"0 of 12\. Wait: the workers compute the others"):
        open_study(study=study, actor=factories.owner_of(study.lab))
    Explanation.objects.update(state="failed", error="no")
    with pytest.raises(WrongState, match=r"0 of 12, 12 failed\. Read why"):
        open_study(study=study, actor=factories.owner_of(study.lab))


def test_what_cannot_be_stopped_or_resumed_says_why(study: Study) -> None:
    with pytest.raises(WrongState, match="Nothing was stopped"):
        resume(study)
    stop(study)
    with pytest.raises(WrongState, match="Nothing is being computed"):
        stop(study)
    with pytest.raises(WrongState, match="Freeze the design first"):
        stop(factories.make_draft())


# --- explanations that two studies show -------------------------------------------------------------------------


@pytest.fixture
def other(study: Study) -> Study:
    """A study of the same design, frozen while the first one's explanations are computed."""
    again = factories.make_draft(study.lab)
    freeze(study=again, actor=factories.owner_of(again.lab))
    return Study.objects.get(pk=again.pk)


def test_what_another_study_waits_for_goes_on_in_its_name(study: Study, other: Study) -> None:
    assert explanation_progress(other.frozen) == progress(under_way=N)
    with pytest.raises(WrongState, match="Another study shows the same explanations"):
        stop(other)

    assert stop(study) == 0

    assert explanation_progress(other.frozen) == progress(under_way=N, own=N)
    assert explanation_progress(study.frozen) == progress(under_way=N)
    assert {job.study for job in Job.objects.unfinished()} == {other}


def test_a_study_that_was_stopped_itself_does_not_make_others_go_on(study: Study, other: Study) -> None:
    stop(study)  # the other's now
    assert stop(other) == N  # nobody's: the first one was stopped before

    assert not Job.objects.unfinished().exists()
    assert resume(study) == N
    assert explanation_progress(other.frozen) == progress(under_way=N)

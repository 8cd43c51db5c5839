"""Stopping the computation of a study's explanations, and going on with it. What is computed stays."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Max, Q
from django.utils.translation import gettext

from studyapp import queue
from studyapp.actions import audit
from studyapp.actions.explain import queue_batches
from studyapp.actions.studies import locked_study
from studyapp.errors import WrongState
from studyapp.models import Explanation, FrozenDesign, Job, Study, User
from studyapp.models.jobs import JobState


@transaction.atomic
def stop_explanations(*, study: Study, actor: User | str) -> int:
    """Cancel the study's jobs that explain; returns how many explanations nobody computes now.

    A worker in the middle of a batch notices at its next renewal. What another study waits for as well goes on in jobs
    of that one. Raises WrongState when nothing of this study is under way.
    """
    design = _frozen(study)
    jobs = list(Job.objects.unfinished().filter(study=design.study, kind="explain").order_by("created_at"))
    if not jobs:
        raise WrongState(_why_nothing_stops(design))
    queue.cancel(*jobs)
    # Held, so that a study that is being frozen now either is seen below, or sees that nobody computes these.
    rows = Explanation.objects.filter(job__in=jobs).pending().select_for_update(of=("self",)).order_by("pk")
    _hand_over(list(rows), design)
    n_stopped = Explanation.objects.of_design(design).stopped().count()
    audit.record("stopped explanations", str(design), actor=actor, study=design.study, after=n_stopped)
    return n_stopped


@transaction.atomic
def resume_explanations(*, study: Study, actor: User | str) -> int:
    """Queue what was stopped; returns how many. What is computed, or is being, is not computed again.

    Raises WrongState when nothing was stopped.
    """
    design = _frozen(study)
    stopped = Explanation.objects.of_design(design).stopped()
    rows = list(stopped.select_for_update(of=("self",)).order_by("pk"))
    if not rows:
        raise WrongState(gettext("Nothing was stopped: what is missing is under way or has failed."))
    queue_batches(rows, design.study)
    audit.record("resumed explanations", str(design), actor=actor, study=design.study, after=len(rows))
    return len(rows)


def _frozen(study: Study) -> FrozenDesign:
    locked = locked_study(study)
    if locked.is_draft:
        raise WrongState(gettext("Freeze the design first."))
    return locked.frozen


def _why_nothing_stops(design: FrozenDesign) -> str:
    if Explanation.objects.of_design(design).under_way().exists():
        return gettext("Another study shows the same explanations and asked for them first: they are computed for it.")
    return gettext("Nothing is being computed.")


def _hand_over(rows: Sequence[Explanation], stopped: FrozenDesign) -> None:
    """Queue rows that other studies wait for as well, in the name of those; a study that stopped its own waits not."""
    others = FrozenDesign.objects.filter(explanations__explanation__in=rows).exclude(pk=stopped.pk).distinct()
    for other in others.select_related("study").order_by("pk"):
        if not _was_stopped(other.study):
            theirs = Explanation.objects.of_design(other).filter(pk__in=[row.pk for row in rows])
            queue_batches(list(theirs.order_by("pk")), other.study)


def _was_stopped(study: Study) -> bool:
    """Whether the study's jobs were cancelled, and none was asked for since."""
    last = Job.objects.filter(study=study, kind="explain").aggregate(
        asked=Max("created_at"), stopped=Max("finished_at", filter=Q(state=JobState.CANCELLED))
    )
    return last["stopped"] is not None and bool(last["stopped"] > last["asked"])

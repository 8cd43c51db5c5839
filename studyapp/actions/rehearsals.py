"""Rehearsals: asking for simulated participants, and what was planted in them. The people are in `rehearsal/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext

from studyapp import queue
from studyapp.actions import audit
from studyapp.actions.links import add_link, add_stage
from studyapp.errors import WrongState
from studyapp.models import Job, Stage, Study, User
from studyapp.models.frozen import frozen_by_study
from studyapp.models.progress import explanation_progress
from studyapp.models.studies import StageKind

MIN_PARTICIPANTS, MAX_PARTICIPANTS = 2, 2000
MAX_PLANTED_GAIN = 0.3


@dataclass(frozen=True)
class PlannedRehearsal:
    """What a rehearsal was asked to do. `gain` is the planted effect of every explained arm against control.

    `mix` maps behaviours to shares; empty for the ordinary mix.
    """

    stage_id: int
    link_id: int
    participants: int
    gain: float
    seed: int
    mix: Mapping[str, float]


@transaction.atomic
def start_rehearsal(
    *,
    study: Study,
    participants: int,
    gain: float,
    seed: int,
    actor: User | str,
    mix: Mapping[str, float] | None = None,
) -> Job:
    """Add a stage for simulated people with a link of its own, and queue the job that sends them through.

    Raises WrongState when the study cannot be walked through yet or any more, or a number is out of bounds.
    """
    _check_numbers(participants, gain)
    if study.is_draft:
        raise WrongState(gettext("Freeze the design first; a rehearsal walks through the frozen study."))
    if study.is_closed:
        raise WrongState(gettext("This study is closed. Duplicate it to rehearse it again."))
    progress = explanation_progress(study.frozen)
    if not progress.is_complete:
        raise WrongState(
            gettext("%(ready)s of %(total)s explanations are computed. Rehearse when all are.")
            % {"ready": progress.ready, "total": progress.total}
        )
    stage = add_stage(study=study, kind=StageKind.REHEARSAL, capacity=participants, actor=actor)
    link = add_link(stage, label=gettext("Rehearsal %(number)s") % {"number": stage.number})
    args = {
        "stage": stage.pk,
        "link": link.pk,
        "participants": participants,
        "gain": gain,
        "seed": seed,
        "mix": dict(mix or {}),
    }
    job = queue.enqueue("rehearse", queue=queue.ANALYSIS, args=args, study=study, total=participants)
    audit.record("rehearsed", str(stage), actor=actor, study=study, after={"participants": participants, "gain": gain})
    return job


def _check_numbers(participants: int, gain: float) -> None:
    if not MIN_PARTICIPANTS <= participants <= MAX_PARTICIPANTS:
        raise WrongState(
            gettext("participants: %(n)s came; choose from %(low)s to %(high)s.")
            % {"n": participants, "low": MIN_PARTICIPANTS, "high": MAX_PARTICIPANTS}
        )
    if not 0 <= gain <= MAX_PLANTED_GAIN:
        raise WrongState(
            gettext("gain: %(gain)s came; choose from 0 to %(high)s.") % {"gain": gain, "high": MAX_PLANTED_GAIN}
        )


def planned_rehearsal(job: Job) -> PlannedRehearsal:
    """What a rehearsal job was asked to do."""
    args = job.args
    return PlannedRehearsal(
        stage_id=args["stage"],
        link_id=args["link"],
        participants=args["participants"],
        gain=args["gain"],
        seed=args["seed"],
        mix=args["mix"],
    )


def rehearsal_of(stage: Stage) -> Job | None:
    """The job that filled a rehearsal's stage; its plan holds what was planted, to print beside the estimate."""
    return Job.objects.filter(kind="rehearse", args__stage=stage.pk).first()


def planted_gain(stage: Stage) -> float | None:
    """The gain in accuracy that a rehearsal planted; None for real people, and where the plan asks something else."""
    job = rehearsal_of(stage) if stage.is_simulated else None
    if job is None or frozen_by_study(stage.study_id).design.plan.estimand != "gain_in_accuracy":
        return None
    return planned_rehearsal(job).gain

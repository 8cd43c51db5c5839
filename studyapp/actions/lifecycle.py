"""A frozen study's way: open, paused, closed; then unblinding.py. The database refuses any other."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext

from studyapp.actions import audit
from studyapp.actions.quality import check_all
from studyapp.actions.studies import locked_study
from studyapp.errors import WrongState
from studyapp.models import Enrolment, Report, Study, User
from studyapp.models.participants import EnrolmentState
from studyapp.models.progress import Progress, explanation_progress
from studyapp.models.studies import StageKind, StudyState


@dataclass(frozen=True)
class LaunchCheck:
    """One thing that should be so before people come."""

    title: str
    passed: bool
    blocking: bool
    detail: str


def launch_checks(study: Study) -> tuple[LaunchCheck, ...]:
    """Everything to look at before opening, blocking ones first."""
    progress = explanation_progress(study.frozen)
    design = study.frozen.design
    rehearsed = Report.objects.filter(stage__study=study, stage__kind=StageKind.REHEARSAL, document__isnull=False)
    return (
        LaunchCheck(
            gettext("Every explanation is computed"),
            progress.is_complete,
            True,
            _how_far(progress),
        ),
        LaunchCheck(
            gettext("Rehearsed with simulated participants"),
            rehearsed.exists(),
            False,
            gettext("A rehearsal walks every arm through the real pages and runs the planned analysis."),
        ),
        LaunchCheck(
            gettext("A redirect back to the panel"),
            bool(design.completion.redirect),
            False,
            design.completion.redirect or gettext("Participants see the completion code only."),
        ),
        LaunchCheck(
            gettext("A comprehension check"),
            bool(design.comprehension.questions),
            False,
            gettext("%(n)s questions") % {"n": len(design.comprehension.questions)},
        ),
    )


def _how_far(progress: Progress) -> str:
    """How many explanations are there, and what to do about those that are not."""
    said = gettext("%(ready)s of %(total)s") % {"ready": progress.ready, "total": progress.total}
    if progress.under_way:
        return gettext("%(so_far)s. Wait: the workers compute the others.") % {"so_far": said}
    if progress.stopped:
        return gettext("%(so_far)s. It was stopped; press “Go on” to compute the others.") % {"so_far": said}
    if progress.failed:
        failed = {"so_far": said, "failed": progress.failed}
        return gettext("%(so_far)s, %(failed)s failed. Read why under Explanations, then press “Try again”.") % failed
    return said


def open_study(*, study: Study, actor: User) -> Study:
    """Let people in; raises WrongState while an explanation is missing."""
    return _move(study, StudyState.OPEN, actor, "opened")


def pause_study(*, study: Study, actor: User | str) -> Study:
    """Let nobody new in; who has started goes on."""
    return _move(study, StudyState.PAUSED, actor, "paused")


@transaction.atomic
def close_study(*, study: Study, actor: User) -> Study:
    """End data collection for good; the flags of data quality are listed while the arms are still masked."""
    closed = _move(study, StudyState.CLOSED, actor, "closed")
    check_all(closed)
    return closed


@transaction.atomic
def _move(study: Study, to: StudyState, actor: User | str, verb: str) -> Study:
    locked = locked_study(study)
    if to not in NEXT_STATES[StudyState(locked.state)]:
        raise WrongState(
            gettext("A study that is %(now)s cannot become %(to)s.")
            % {"now": locked.get_state_display().lower(), "to": to.label.lower()}
        )
    if to == StudyState.OPEN:
        missing = [check for check in launch_checks(locked) if check.blocking and not check.passed]
        if missing:
            raise WrongState(f"{missing[0].title}: {missing[0].detail}")
    before = locked.state
    locked.state = to
    locked.save(update_fields=["state"])
    audit.record(verb, f"study {locked.public_id}", actor=actor, study=locked, before=before, after=to)
    return locked


NEXT_STATES = {
    StudyState.DRAFT: (),
    StudyState.FROZEN: (StudyState.OPEN,),
    StudyState.OPEN: (StudyState.PAUSED, StudyState.CLOSED),
    StudyState.PAUSED: (StudyState.OPEN, StudyState.CLOSED),
    StudyState.CLOSED: (),  # from here two people go on together: actions/unblinding.py
    StudyState.UNBLINDED: (),
}


def still_taking_part(study: Study) -> int:
    """Real people in the middle of the study; closing ends their runs."""
    return Enrolment.objects.real().filter(study=study, state=EnrolmentState.ACTIVE).count()

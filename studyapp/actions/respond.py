"""Responses: kept once, never edited, acknowledged after commit. The server alone moves an enrolment on."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from studyapp.actions import audit
from studyapp.actions.allocate import allocate, is_allocation_step
from studyapp.design.canonical import sha256_of
from studyapp.design.order import Step
from studyapp.errors import KeyReused, NotEligible, TrialNotOpen
from studyapp.models import Enrolment, Response
from studyapp.models.frozen import FrozenStudy, study_of
from studyapp.models.participants import EnrolmentState
from studyapp.models.runs import locked_run
from studyapp.screens import passes


@dataclass(frozen=True)
class Submission:
    """An answer as it came: where it was asked, the idempotency key, the facts, and the times in ms."""

    key: uuid.UUID
    position: int
    attempt: int
    answer: Mapping[str, object]
    response_ms: int | None
    server_ms: int | None
    trail: Mapping[str, int]

    def sha256(self) -> str:
        """Of what the person sent; our own interval differs between two sendings of the same answer."""
        return sha256_of([self.position, self.attempt, self.answer, self.response_ms, self.trail])


def record_response(*, enrolment_id: int, submission: Submission) -> Enrolment:
    """Keep the first answer to a screen and move on; a repeated submit changes nothing.

    Raises TrialNotOpen when the enrolment is elsewhere and KeyReused when the key came before: with another body, or
    in another run.
    """
    try:
        return _record(enrolment_id, submission)
    except IntegrityError as error:
        if not _is_of_the_key(error):
            raise
        raise KeyReused("This key belongs to another answer; nothing was stored.") from error


def _is_of_the_key(error: IntegrityError) -> bool:
    """Whether the unique key of responses refused; what any other rule of the database refuses is a fault of ours."""
    refused = getattr(error.__cause__, "diag", None)
    return str(getattr(refused, "constraint_name", "")).startswith("studyapp_response_key")


@transaction.atomic
def _record(enrolment_id: int, submission: Submission) -> Enrolment:
    enrolment = locked_run(enrolment_id)
    if (enrolment.position, enrolment.attempt) != (submission.position, submission.attempt) or not is_open(enrolment):
        _answer_again(enrolment, submission)
        return enrolment
    study = study_of(enrolment)
    step = study.steps(enrolment.order_seed)[submission.position]
    Response.objects.create(
        enrolment=enrolment,
        position=submission.position,
        attempt=submission.attempt,
        key=submission.key,
        answer=submission.answer,
        body_sha256=submission.sha256(),
        response_ms=submission.response_ms,
        server_ms=submission.server_ms,
        trail=submission.trail,
        received_at=timezone.now(),
    )
    _move_on(enrolment, study, step, submission)
    return enrolment


def is_open(enrolment: Enrolment) -> bool:
    """Whether the enrolment can still answer."""
    return enrolment.state == EnrolmentState.ACTIVE and not enrolment.study.is_closed


def _answer_again(enrolment: Enrolment, submission: Submission) -> None:
    """Accept the same answer sent twice; anything else at a past screen is not open."""
    first = Response.objects.filter(key=submission.key).first()
    if first is None or first.enrolment_id != enrolment.pk:
        raise TrialNotOpen("This screen was answered before; the first answer stays.")
    if first.body_sha256 != submission.sha256():
        raise KeyReused("This answer differs from the one that was sent under the same key; the first one stays.")


def _move_on(enrolment: Enrolment, study: FrozenStudy, step: Step, submission: Submission) -> None:
    if step.kind == "comprehension" and not passes(study.design.comprehension.questions, submission.answer["choices"]):
        _try_again(enrolment, study.design.comprehension.attempts)
        return
    enrolment.position += 1
    enrolment.attempt = 1
    if is_allocation_step(step, study.design):
        try:
            with transaction.atomic():
                allocate(enrolment, study.design)
        except NotEligible:
            _end(enrolment, EnrolmentState.NOT_ALLOCATED)
    elif enrolment.position == len(study.steps(enrolment.order_seed)):
        _end(enrolment, EnrolmentState.COMPLETED)
    enrolment.save(update_fields=["position", "attempt", "arm", "state", "ended_at"])


def _try_again(enrolment: Enrolment, attempts: int) -> None:
    if enrolment.attempt >= attempts:
        _end(enrolment, EnrolmentState.SCREENED_OUT)
    else:
        enrolment.attempt += 1
    enrolment.save(update_fields=["attempt", "state", "ended_at"])


def _end(enrolment: Enrolment, state: EnrolmentState) -> None:
    audit.record(
        state.value,
        enrolment.trail_name,
        actor=audit.PARTICIPANT,
        study=enrolment.study,
        before=enrolment.state,
        after=state.value,
    )
    enrolment.state = state
    enrolment.ended_at = timezone.now()


@transaction.atomic
def withdraw(*, enrolment_id: int) -> Enrolment:
    """End an enrolment at the person's wish; their answers are kept out of every export and analysis."""
    enrolment = Enrolment.objects.select_for_update(of=("self",)).select_related("study").get(pk=enrolment_id)
    if enrolment.state != EnrolmentState.WITHDRAWN:
        _end(enrolment, EnrolmentState.WITHDRAWN)
        enrolment.save(update_fields=["state", "ended_at"])
    return enrolment


def holds_every_response(enrolment: Enrolment, study: FrozenStudy) -> bool:
    """Whether a response to every screen is in the database: the condition of the completion code."""
    answered = Response.objects.filter(enrolment=enrolment).values("position").distinct().count()
    return answered == len(study.steps(enrolment.order_seed))

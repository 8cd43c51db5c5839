"""Planned looks before the end, made by the platform alone: nobody sees more of one than whether the study goes on.

A look comes when as many people are settled as the plan says: through, withdrawn, or away for a day. Its statistics are
sealed until the study is unblinded; a study whose planned comparisons are all decided lets nobody new in.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

import numpy as np
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from analysis.api import LookMade, look, look_document, read_design, read_looks, read_table, stops
from analysis.design import Design as PlannedDesign
from analysis.errors import AnalysisError
from studyapp import queue
from studyapp.actions import audit
from studyapp.actions.lifecycle import pause_study
from studyapp.actions.sealing import seal, unseal
from studyapp.actions.studies import locked_study
from studyapp.design.schema import Looks
from studyapp.errors import StudyError
from studyapp.exports.design import design_json
from studyapp.exports.responses import responses_csv
from studyapp.models import Enrolment, InterimLook, Job, Stage, Study
from studyapp.models.frozen import frozen_study
from studyapp.models.looks import LookDecision
from studyapp.models.participants import EnrolmentState
from studyapp.models.studies import StudyState
from studyapp.queue import Claim

LOOK, PURPOSE = "look", "look"
NAMES = uuid.UUID("0f6c0f43-7f0e-4a52-8d2e-0a4f3d1b6c55")  # names the job of a look, so that there is one
AWAY = timedelta(days=1)  # somebody who came so long ago, and is not through, is counted as lost
LIVE = (StudyState.OPEN, StudyState.PAUSED)


@dataclass(frozen=True)
class PlannedLook:
    """A look of the plan: how many settled people it needs, and what became of it."""

    number: int
    needed: int
    made: InterimLook | None


def planned_looks(study: Study) -> list[PlannedLook]:
    """The looks before the end that a frozen study's plan names, in order; empty where it names none."""
    design = frozen_study(study.frozen.pk).design
    if design.plan.looks is None:
        return []
    made = {row.number: row for row in InterimLook.objects.filter(study=study)}
    needed = _needed(design.plan.looks, design.allocation.capacity)
    return [PlannedLook(number, people, made.get(number)) for number, people in enumerate(needed, start=1)]


def _needed(looks: Looks, capacity: int) -> list[int]:
    return [ceil(time * capacity - 1e-9) for time in looks.times[:-1]]


def settled(study: Study) -> QuerySet[Enrolment]:
    """The allocated people whose outcomes are known, or will hardly come any more."""
    over = ~Q(state=EnrolmentState.ACTIVE) | Q(enrolled_at__lt=timezone.now() - AWAY)
    return Enrolment.objects.filter(over, stage__in=_stages(study)).exclude(arm="")


def _stages(study: Study) -> list[Stage]:
    kinds = frozen_study(study.frozen.pk).design.plan.stages
    return list(study.stages.filter(kind__in=kinds).select_related("study__frozen").order_by("pk"))


def ask_for_due_looks() -> int:
    """Queue every look that is due, once each; how many were new. The relay asks now and then."""
    live = Study.objects.filter(state__in=LIVE, frozen__document__plan__has_key="looks")
    return sum(_ask(study) for study in live.select_related("frozen").order_by("pk"))


def _ask(study: Study) -> bool:
    due = _due(study)
    if due is None:
        return False
    _, is_new = Job.objects.get_or_create(
        id=uuid.uuid5(NAMES, f"{study.public_id}/{due.number}"),
        defaults={"kind": LOOK, "queue": queue.ANALYSIS, "args": {"look": due.number}, "study": study},
    )
    if is_new:
        queue.announce()
    return is_new


def _due(study: Study) -> PlannedLook | None:
    """The next look that was not made, if enough people are settled; none once a look has said stop."""
    looks = planned_looks(study)
    if any(one.made and one.made.decision == LookDecision.STOP for one in looks):
        return None
    following = next((one for one in looks if one.made is None), None)
    return following if following and settled(study).count() >= following.needed else None


def make_look(claim: Claim) -> None:
    """Job: make the look that is due, and pause a study that needs no more people."""
    study = Study.objects.select_related("frozen").get(jobs=claim.job)
    due = _due(study)
    if due is None or due.number != claim.job.args["look"]:
        return  # a message that came twice
    codes = set(settled(study).values_list("code", flat=True))
    text = responses_csv(_stages(study))  # read after the codes: whoever was settled then is in it
    found, decision = _computed(study, text, codes)
    _keep(study, due.number, found, decision, hashlib.sha256(text.encode()).hexdigest())


def _computed(study: Study, text: str, codes: set[str]) -> tuple[LookMade, LookDecision]:
    try:
        design = read_design(design_json(study.frozen))
        table = read_table(text)
        found = look(table.only(np.isin(table.subject_id, sorted(codes))), design)
        return found, _decision(design, [*found_looks(study), found])
    except AnalysisError as error:
        raise StudyError(str(error)) from error


def _decision(design: PlannedDesign, found: Sequence[LookMade]) -> LookDecision:
    assert design.looks is not None  # whose look was due
    return LookDecision.STOP if stops(design.looks, found) else LookDecision.GO_ON


@transaction.atomic
def _keep(study: Study, number: int, found: LookMade, decision: LookDecision, responses_sha256: str) -> None:
    locked = locked_study(study)
    InterimLook.objects.create(
        study=locked,
        number=number,
        n_enrolments=found.n_enrolments,
        decision=decision,
        sealed=seal(json.dumps(look_document(found)).encode(), PURPOSE),
        responses_sha256=responses_sha256,
        made_at=timezone.now(),
    )
    told = {"look": number, "people": found.n_enrolments, "decision": decision}
    audit.record("looked as planned", f"study {locked.public_id}", actor=audit.SYSTEM, study=locked, after=told)
    if decision == LookDecision.STOP and locked.state == StudyState.OPEN:
        pause_study(study=locked, actor=audit.SYSTEM)


def found_looks(study: Study) -> list[LookMade]:
    """What the looks found, unsealed, in order. For the analysis alone until the study is unblinded."""
    rows = InterimLook.objects.filter(study=study).order_by("number")
    documents = [json.loads(unseal(bytes(row.sealed), PURPOSE)) for row in rows]
    return list(read_looks(json.dumps(documents)))


def revealed_looks(stage: Stage) -> str:
    """What the looks at a planned stage found, as looks.json; nothing before the study is unblinded, or without any."""
    study = stage.study
    if study.state != StudyState.UNBLINDED or stage.pk not in {own.pk for own in _stages(study)}:
        return ""
    found = found_looks(study)
    return json.dumps([look_document(one) for one in found], indent=1) + "\n" if found else ""

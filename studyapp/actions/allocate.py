"""Allocation: one short step under a lock on the stratum's row, inside the transaction of the answer that earns it."""

from __future__ import annotations

import hashlib

from django.db.models import F
from django.utils import timezone

from studyapp.actions import audit
from studyapp.actions.sealing import unseal
from studyapp.design.order import Step
from studyapp.design.randomisation import BlockStart
from studyapp.design.schema import Design
from studyapp.errors import NotEligible
from studyapp.metrics import ALLOCATION_WAIT
from studyapp.models import Assignment, Enrolment, Response, Seal, Stage, Stratum
from studyapp.models.sequence import mechanism, sequence_label

MAX_KEY = 200  # characters, as the column holds


def allocate(enrolment: Enrolment, design: Design) -> Assignment:
    """Give the enrolment the next place of its stratum's sequence. Call it inside a transaction.

    Raises NotEligible when the stage is full; the place is counted and taken in one transaction, so two people
    can never have the last one.
    """
    taken = Stage.objects.filter(pk=enrolment.stage_id, allocated__lt=F("capacity")).update(
        allocated=F("allocated") + 1
    )
    if not taken:
        raise NotEligible("The study is full.")
    key = stratum_key(enrolment, design)
    Stratum.objects.bulk_create([Stratum(stage_id=enrolment.stage_id, key=key)], ignore_conflicts=True)
    with ALLOCATION_WAIT.time():
        stratum = Stratum.objects.select_for_update().get(stage_id=enrolment.stage_id, key=key)
    sealed = Seal.objects.get(study_id=enrolment.study_id)
    placement = mechanism(design).place(
        unseal(bytes(sealed.encrypted_key), "allocation"),
        sequence_label(enrolment.stage, key),
        stratum.next_sequence,
        after=BlockStart(stratum.last_block, stratum.last_block_start),
    )
    assignment = Assignment.objects.create(
        enrolment=enrolment,
        stratum=stratum,
        sequence=placement.sequence,
        arm=placement.arm,
        permuted_block=placement.permuted_block,
        block_size=placement.block_size,
        assigned_at=timezone.now(),
    )
    Stratum.objects.filter(pk=stratum.pk).update(
        next_sequence=F("next_sequence") + 1,
        last_block=placement.block.number,
        last_block_start=placement.block.sequence,
    )
    enrolment.arm = placement.arm
    # The arm is not written here: the trail is read while the study is blind.
    audit.record("allocated", enrolment.trail_name, actor=audit.SYSTEM, study=enrolment.study)
    return assignment


def stratum_key(enrolment: Enrolment, design: Design) -> str:
    """The stratum by the answers to the background questions: "site=A|expert=no"; empty without strata."""
    factors = design.allocation.strata
    if not factors:
        return ""
    answers = dict(
        Response.objects.filter(enrolment=enrolment, position__lt=len(factors)).values_list("position", "answer")
    )
    key = "|".join(f"{factor.key}={answers[n]['choice']}" for n, factor in enumerate(factors))
    if len(key) <= MAX_KEY:
        return key
    # Three answers of 300 characters are a sound design: their beginning, and a digest that tells them apart.
    return f"{key[: MAX_KEY - 33]}~{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def is_allocation_step(step: Step, design: Design) -> bool:
    """Whether answering this step leads to allocation: the last one before the first phase."""
    return step.kind == ("comprehension" if design.comprehension.questions else "instructions")

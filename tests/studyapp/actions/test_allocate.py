"""Allocation: whole blocks in every stratum, re-derivable from the sealed key, never more than there are places."""

from __future__ import annotations

from collections import Counter

import pytest

from studyapp.actions.allocate import allocate, mechanism, sequence_label
from studyapp.actions.enrol import Arrival, enrol
from studyapp.actions.links import add_link, add_stage
from studyapp.actions.respond import record_response
from studyapp.actions.sealing import unseal
from studyapp.errors import NotEligible
from studyapp.models import Assignment, AuditEntry, Enrolment, Response, Seal, Stage, Stratum, Study
from studyapp.models.frozen import study_of
from studyapp.models.participants import EnrolmentState
from studyapp.models.studies import StageKind
from tests import factories
from tests.studyapp.actions.test_whole_run import answer_for, arrive, submission

pytestmark = pytest.mark.django_db

SITE = {"key": "site", "question": "Where are you?", "options": ["North", "South"]}


def make_study(**allocation) -> Study:  # type: ignore[no-untyped-def]
    return factories.make_open(document=factories.small_document(allocation={"block_multiples": [1, 2], **allocation}))


def place(study: Study, number: int, site: str = "") -> Assignment:
    """Allocate somebody without walking the pages; `site` is their answer to the background question."""
    enrolment = arrive(study, f"pid-{number}")
    if site:
        Response.objects.create(
            enrolment=enrolment, position=0, key=factories.new_key(), answer={"choice": site}, body_sha256="",
            received_at=enrolment.enrolled_at,
        )  # fmt: skip
    return allocate(enrolment, study.frozen.design)


def test_every_stratum_has_a_sequence_of_its_own_with_whole_blocks():
    study = make_study(strata=[SITE])
    for number in range(40):
        place(study, number, "North" if number % 3 else "South")
    assert set(Stratum.objects.values_list("key", flat=True)) == {"site=North", "site=South"}
    for stratum in Stratum.objects.all():
        rows = list(stratum.assignments.order_by("sequence"))
        assert [row.sequence for row in rows] == list(range(len(rows)))
        blocks: dict[int, list[Assignment]] = {}
        for row in rows:
            blocks.setdefault(row.permuted_block, []).append(row)
        for block in blocks.values():
            if len(block) == block[0].block_size:
                assert set(Counter(row.arm for row in block).values()) == {block[0].block_size // 4}


def test_an_auditor_with_the_key_rederives_every_assignment():
    study = make_study()
    for number in range(20):
        place(study, number)
    key = unseal(bytes(Seal.objects.get(study=study).encrypted_key), "allocation")
    for row in Assignment.objects.select_related("stratum__stage"):
        label = sequence_label(row.stratum.stage, row.stratum.key)
        again = mechanism(study.frozen.design).place(key, label, row.sequence)
        assert (again.arm, again.permuted_block, again.block_size) == (row.arm, row.permuted_block, row.block_size)


def test_the_last_place_goes_to_one_person_and_the_next_takes_none():
    study = make_study(capacity=3)
    for number in range(3):
        place(study, number)
    late = Enrolment.objects.first()
    with pytest.raises(NotEligible):
        allocate(late, study.frozen.design)
    assert Stage.objects.get(study=study).allocated == Assignment.objects.count() == 3


def test_a_rehearsal_uses_up_no_place_of_the_main_sequence():
    study = make_study()
    link = add_link(add_stage(study=study, kind=StageKind.REHEARSAL, capacity=8, actor="system"))
    for number in range(8):
        bot = enrol(link=link, arrival=Arrival("label", f"bot-{number}", {}), visitor="", consent_version=1)
        allocate(bot, study.frozen.design)
    assert place(study, 1).sequence == 0
    assert Stage.objects.get(study=study, kind=StageKind.MAIN).allocated == 1


def test_the_trail_of_an_allocation_names_no_arm():
    study = make_study()
    arms = {place(study, number).arm for number in range(4)}
    entries = str(list(AuditEntry.objects.filter(verb="allocated").values("what", "before", "after")))
    assert len(arms) > 1
    assert not any(arm in entries for arm in arms)


def test_who_is_full_at_the_moment_of_allocation_is_told_so_and_holds_no_place():
    study = make_study(capacity=2)
    late = arrive(study, "late")
    for number in range(2):
        place(study, number)
    for step in study_of(late).steps(late.order_seed)[:2]:
        late = record_response(
            enrolment_id=late.pk, submission=submission(step.position, answer_for(study_of(late), step))
        )
    assert late.state == EnrolmentState.NOT_ALLOCATED
    assert not Assignment.objects.filter(enrolment=late).exists()

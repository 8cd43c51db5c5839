"""A participant from link to completion code through the actions, without pages."""

from __future__ import annotations

import pytest

from studyapp.actions.enrol import Arrival, enrol
from studyapp.actions.respond import Submission, holds_every_response, record_response
from studyapp.errors import KeyReused, TrialNotOpen
from studyapp.models import Assignment, AuditEntry, Enrolment, Response
from studyapp.models.frozen import frozen_study
from studyapp.models.participants import EnrolmentState
from tests import factories

pytestmark = pytest.mark.django_db


def arrive(study, pid: str = "pid-1") -> Enrolment:
    return enrol(
        link=factories.main_link(study),
        arrival=Arrival("prolific", pid, {"PROLIFIC_PID": pid}),
        visitor="",
        consent_version=1,
    )


def answer_for(study, step) -> dict[str, object]:
    if step.kind == "comprehension":
        return {"choices": [q.answer for q in study.design.comprehension.questions]}
    if step.kind == "rating":
        return {"rating": 3}
    return {"choice": study.classes[0] if step.kind == "trial" else "read"}


def submission(position: int, answer: dict[str, object], attempt: int = 1, key=None) -> Submission:
    return Submission(key or factories.new_key(), position, attempt, answer, 1200, 1300, {"changes": 0})


def run_through(enrolment: Enrolment) -> Enrolment:
    study = frozen_study(enrolment.study.frozen.pk)
    for step in study.steps(enrolment.order_seed):
        enrolment = record_response(
            enrolment_id=enrolment.pk, submission=submission(step.position, answer_for(study, step))
        )
    return enrolment


def test_a_run_ends_with_every_response_and_one_assignment():
    study = factories.make_open()
    enrolment = run_through(arrive(study))
    frozen = frozen_study(study.frozen.pk)
    assert enrolment.state == EnrolmentState.COMPLETED
    assert holds_every_response(enrolment, frozen)
    assert Assignment.objects.get(enrolment=enrolment).arm == enrolment.arm
    verbs = list(AuditEntry.objects.filter(study=study, what=enrolment.trail_name).values_list("verb", flat=True))
    assert verbs == ["consented", "allocated", "completed"]


def test_nobody_is_allocated_before_passing_the_comprehension_check():
    study = factories.make_open()
    enrolment = arrive(study)
    record_response(enrolment_id=enrolment.pk, submission=submission(0, {"choice": "read"}))
    wrong = {"choices": [0, 0]}
    record_response(enrolment_id=enrolment.pk, submission=submission(1, wrong))
    enrolment = record_response(enrolment_id=enrolment.pk, submission=submission(1, wrong, attempt=2))
    assert enrolment.state == EnrolmentState.SCREENED_OUT
    assert not Assignment.objects.exists()


def test_the_same_submission_twice_is_kept_once():
    study = factories.make_open()
    enrolment = arrive(study)
    first = submission(0, {"choice": "read"})
    record_response(enrolment_id=enrolment.pk, submission=first)
    again = record_response(enrolment_id=enrolment.pk, submission=first)
    assert again.position == 1
    assert Response.objects.count() == 1


def test_the_same_key_with_another_body_is_refused_and_changes_nothing():
    study = factories.make_open()
    enrolment = arrive(study)
    first = submission(0, {"choice": "read"})
    record_response(enrolment_id=enrolment.pk, submission=first)
    with pytest.raises(KeyReused):
        record_response(enrolment_id=enrolment.pk, submission=submission(0, {"choice": "other"}, key=first.key))
    assert [r.answer for r in Response.objects.all()] == [{"choice": "read"}]


def test_an_answer_to_another_screen_than_the_present_one_is_refused():
    enrolment = arrive(factories.make_open())
    with pytest.raises(TrialNotOpen):
        record_response(enrolment_id=enrolment.pk, submission=submission(5, {"choice": "read"}))
    assert not Response.objects.exists()


def test_coming_again_with_the_same_id_finds_the_same_enrolment():
    study = factories.make_open()
    assert arrive(study).pk == arrive(study).pk


def test_the_panel_id_stands_nowhere_in_the_clear():
    study = factories.make_open()
    enrolment = arrive(study, "5f2canary")
    rows = [enrolment.participant.pseudonym, enrolment.code, *AuditEntry.objects.values_list("what", "after")]
    assert "5f2canary" not in str(rows)
    assert b"5f2canary" not in bytes(enrolment.panel_identity.encrypted)

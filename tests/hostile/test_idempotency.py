"""Games with idempotency keys: another body, another run, another study, other spellings. The first answer stays."""

from __future__ import annotations

import uuid
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from django.db import transaction

from studyapp.actions.respond import Submission, record_response
from studyapp.errors import KeyReused, TrialNotOpen
from studyapp.models import Enrolment, Response
from tests.hostile.world import World, ask, fingerprint, visitor
from tests.studyapp.views.participant_study import consent, fields_of, make_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def first(world: World) -> Submission:
    """The first answer of the participant, as it was stored."""
    row = Response.objects.filter(enrolment=world.enrolment).order_by("position").first()
    return Submission(row.key, row.position, row.attempt, row.answer, row.response_ms, row.server_ms, row.trail)


def refused(enrolment: Enrolment, submission: Submission) -> type[Exception] | None:
    """What a submission is refused with; it never changes a table."""
    before = fingerprint()
    try:
        record_response(enrolment_id=enrolment.pk, submission=submission)
    except (KeyReused, TrialNotOpen) as error:
        return type(error)
    finally:
        assert fingerprint() == before
    return None


def test_the_same_key_and_body_is_the_first_answer_again(world: World, first: Submission) -> None:
    assert refused(world.enrolment, first) is None
    assert refused(world.enrolment, replace(first, server_ms=7)) is None  # our own clock is not what was sent


@pytest.mark.parametrize(
    "change",
    [
        {"answer": {"choice": "another"}},
        {"response_ms": 1},
        {"trail": {"changes": 1}},
        {"position": 1},
        {"attempt": 2},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_same_key_with_another_body_is_refused(world: World, first: Submission, change: dict[str, object]) -> None:
    assert refused(world.enrolment, replace(first, **change)) in {KeyReused, TrialNotOpen}


def test_a_key_of_another_run_is_refused_wherever_that_run_is(world: World, first: Submission) -> None:
    other = Enrolment.objects.filter(study=world.enrolment.study).exclude(pk=world.enrolment.pk).get()
    here = replace(first, position=other.position, attempt=other.attempt)

    assert refused(other, first) is TrialNotOpen
    assert refused(other, here) is KeyReused


def test_a_key_of_another_study_is_refused(world: World, first: Submission) -> None:
    with transaction.atomic():
        elsewhere = consent(visitor(), make_study())
        assert refused(elsewhere, replace(first, position=0)) is KeyReused
        transaction.set_rollback(True)


@pytest.mark.parametrize("spelling", [str.upper, lambda key: key.replace("-", ""), lambda key: f"{{{key}}}"])
def test_another_spelling_of_a_key_is_the_same_key(world: World, first: Submission, spelling) -> None:  # type: ignore[no-untyped-def]
    assert refused(world.enrolment, replace(first, key=uuid.UUID(spelling(str(first.key))))) is None


def test_a_stamp_opens_no_other_study_and_no_other_run(world: World) -> None:
    stamp = fields_of(world.clients["participant"].get(world.made.run))
    with transaction.atomic():
        made = make_study()
        client = visitor()
        consent(client, made)
        asked = ask(client, "POST", made.run, data=urlencoded(stamp), content_type="application/x-www-form-urlencoded")
        transaction.set_rollback(True)

    assert (asked.status, asked.changed) == (400, [])


def test_a_stamp_is_not_the_same_in_other_capitals(world: World) -> None:
    client = world.clients["participant"]
    stamp = {**fields_of(client.get(world.made.run)), "answer": "0"}
    for changed in (stamp["stamp"].swapcase(), stamp["stamp"].upper(), f" {stamp['stamp']}", stamp["stamp"] + "="):
        data = urlencoded({**stamp, "stamp": changed})
        asked = ask(client, "POST", world.made.run, data=data, content_type="application/x-www-form-urlencoded")
        assert (asked.status, asked.changed) == (400, [])


def urlencoded(fields: dict[str, str]) -> bytes:
    return urlencode(fields).encode()

"""Leaving: until when, what it does, and that erasing is one narrow way that leaves a tombstone and an entry."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from studyapp.actions.audit import PARTICIPANT
from studyapp.actions.enrol import Arrival, enrol
from studyapp.actions.erasure import deadline, erase_own, forget, leave, may_leave
from studyapp.actions.lifecycle import close_study
from studyapp.actions.links import add_link
from studyapp.actions.respond import record_response, withdraw
from studyapp.errors import WrongState
from studyapp.models import (
    Assignment,
    AuditEntry,
    Consent,
    Enrolment,
    Job,
    Link,
    PanelIdentity,
    Participant,
    Response,
    Stratum,
    Study,
)
from studyapp.models.frozen import frozen_study
from studyapp.models.monitoring import flow_of
from tests import factories
from tests.studyapp.actions.test_whole_run import answer_for, arrive, run_through, submission

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(db) -> Study:
    return factories.make_open()


def refused(change: str, *values: object) -> str:
    """What the database says to a statement."""
    with pytest.raises(IntegrityError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change, values)
    return str(caught.value)


def test_erasing_deletes_every_row_of_the_person_and_keeps_their_place(study):
    enrolment = run_through(arrive(study))
    place = Assignment.objects.values_list("stratum", "sequence", "arm", "permuted_block", "block_size").get()

    erase_own(enrolment_id=enrolment.pk)

    assert [model.objects.count() for model in (Response, Consent, PanelIdentity, Participant)] == [0, 0, 0, 0]
    assert Assignment.objects.values_list("stratum", "sequence", "arm", "permuted_block", "block_size").get() == place
    assert Stratum.objects.get().next_sequence == 1


def test_the_tombstone_names_nobody(study):
    enrolment = run_through(arrive(study))

    erase_own(enrolment_id=enrolment.pk)

    left = Enrolment.objects.get()
    assert (left.state, left.arm, left.stage_id) == ("withdrawn", enrolment.arm, enrolment.stage_id)
    assert left.code != enrolment.code
    assert left.public_id != enrolment.public_id
    assert (left.participant_id, left.link_id, left.data_code_sha256) == (None, None, None)
    assert (left.order_seed, left.position) == (0, 0)
    assert {left.enrolled_at.hour, left.enrolled_at.minute, left.enrolled_at.microsecond} == {0}


def test_the_flow_still_counts_who_was_erased(study):
    kept, gone = run_through(arrive(study, "a")), run_through(arrive(study, "b"))
    erase_own(enrolment_id=gone.pk)

    flow = flow_of(kept.stage)

    assert (flow.consented, flow.allocated, flow.completed, flow.withdrawn) == (2, 2, 1, 1)


def test_the_trail_says_that_somebody_was_erased_and_what_went_but_not_who(study):
    enrolment = run_through(arrive(study))
    n_answers = Response.objects.count()
    name = enrolment.trail_name

    erase_own(enrolment_id=enrolment.pk)

    entry = AuditEntry.objects.latest("pk")
    assert (entry.actor, entry.verb, entry.what) == (PARTICIPANT, "erased", "an enrolment")
    assert entry.after.items() >= {"consent": 1, "panelidentity": 1, "response": n_answers}.items()
    left = Enrolment.objects.get()
    assert name in set(AuditEntry.objects.values_list("what", flat=True))
    assert left.trail_name != name


def test_a_participant_of_two_studies_stays_known_in_the_other(study):
    other = factories.make_open(study.lab)
    gone, stays = arrive(study, "same"), arrive(other, "same")
    assert gone.participant_id == stays.participant_id

    erase_own(enrolment_id=gone.pk)

    assert Enrolment.objects.get(pk=stays.pk).participant_id == stays.participant_id
    assert Consent.objects.get().enrolment_id == stays.pk


def test_a_link_for_one_person_loses_its_label_and_lets_nobody_in(study):
    link = add_link(factories.main_link(study).stage, label="Anna", is_single_use=True)
    enrolment = enrol(link=link, arrival=Arrival("", "", {}), visitor="v", consent_version=1)
    erase_own(enrolment_id=enrolment.pk)

    link = Link.objects.get(pk=link.pk)
    assert (link.label, link.expires_at <= timezone.now()) == ("", True)


def test_nobody_is_erased_who_has_not_withdrawn_from_a_study_that_is_open(study):
    enrolment = run_through(arrive(study))
    with pytest.raises(IntegrityError, match="only who withdrew"), transaction.atomic():
        forget(enrolment_id=enrolment.pk, asked_by="system")


def test_the_database_refuses_every_other_way(study):
    enrolment = run_through(arrive(study))
    withdraw(enrolment_id=enrolment.pk)

    assert "never changed" in refused("DELETE FROM studyapp_response WHERE enrolment_id = %s", enrolment.pk)
    assert "never changed" in refused("DELETE FROM studyapp_consent WHERE enrolment_id = %s", enrolment.pk)
    assert "never changed" in refused("UPDATE studyapp_response SET trail = '{}'")
    assert "names_nobody" in refused("UPDATE studyapp_enrolment SET erased_at = now() WHERE id = %s", enrolment.pk)
    assert "only who withdrew" in refused(
        "UPDATE studyapp_enrolment SET erased_at = now() - interval '1 day' WHERE id = %s", enrolment.pk
    )


def test_a_tombstone_stays_as_it_is(study):
    enrolment = run_through(arrive(study))
    erase_own(enrolment_id=enrolment.pk)

    assert "refused" in refused("UPDATE studyapp_enrolment SET erased_at = NULL, participant_id = 1")
    assert "nobody to erase" in refused("SELECT foretell_erase_enrolment(%s, 'system')", enrolment.pk)


def test_after_the_date_that_people_were_told_it_is_too_late(study, monkeypatch):
    enrolment = run_through(arrive(study))
    until = deadline(enrolment)
    assert until == enrolment.ended_at + timedelta(days=30)

    monkeypatch.setattr(timezone, "now", lambda: until + timedelta(seconds=1))

    assert not may_leave(enrolment)
    with pytest.raises(WrongState, match="last day"):
        leave(enrolment_id=enrolment.pk)
    assert Enrolment.objects.get().state == "completed"


def test_who_is_under_way_or_has_withdrawn_has_no_deadline(study):
    enrolment = arrive(study)
    assert (deadline(enrolment), may_leave(enrolment)) == (None, True)
    leave(enrolment_id=enrolment.pk)
    enrolment.refresh_from_db()
    assert (deadline(enrolment), may_leave(enrolment)) == (None, True)


@pytest.mark.parametrize(("mode", "answers_left"), [("exclude", 8), ("erase", 0)])
def test_withdrawing_does_what_the_study_said(mode, answers_left):
    document = factories.small_document(rights={"withdrawal": mode})
    enrolment = arrive(study := factories.make_open(document=document))
    frozen = frozen_study(study.frozen.pk)
    for step in frozen.steps(enrolment.order_seed)[:8]:
        record_response(enrolment_id=enrolment.pk, submission=submission(step.position, answer_for(frozen, step)))

    assert leave(enrolment_id=enrolment.pk) is (mode == "erase")
    assert Response.objects.count() == answers_left


def test_after_the_close_the_retention_may_erase_anybody(study):
    enrolment = run_through(arrive(study))
    close_study(study=study, actor=factories.owner_of(study.lab))

    forget(enrolment_id=enrolment.pk, asked_by="system")

    assert (Enrolment.objects.get().state, Response.objects.count()) == ("completed", 0)


def test_many_erasures_wait_for_one_sweep(study):
    for number in range(3):
        erase_own(enrolment_id=arrive(study, str(number)).pk)

    assert Job.objects.filter(kind="sweep_erased").count() == 1

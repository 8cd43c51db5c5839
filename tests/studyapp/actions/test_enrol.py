"""Arrivals: who is the same person, who may come in, and that looking costs nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from studyapp.actions.enrol import Arrival, check_open, decline, enrol, find_enrolment, pseudonym_of, read_arrival
from studyapp.actions.lifecycle import close_study, pause_study
from studyapp.actions.links import add_link, add_stage
from studyapp.errors import NotEligible
from studyapp.models import Enrolment, Participant, Stage
from studyapp.models.studies import StageKind
from tests import factories

pytestmark = pytest.mark.django_db

NOBODY = Arrival("", "", {})


def come(link, arrival=NOBODY, visitor="v") -> Enrolment:
    return enrol(link=link, arrival=arrival, visitor=visitor, consent_version=1)


def test_prolific_and_mturk_ids_and_labels_are_read_and_every_parameter_kept():
    prolific = read_arrival({"PROLIFIC_PID": " 5f2a ", "STUDY_ID": "s", "extra": "kept"})
    assert (prolific.panel, prolific.panel_id, prolific.parameters["extra"]) == ("prolific", "5f2a", "kept")
    assert read_arrival({"workerId": "A1", "hitId": "h"}).panel == "mturk"
    assert read_arrival({"participant": "seat 7"}).panel_id == "seat 7"
    assert read_arrival({"utm": "x"}) == Arrival("", "", {"utm": "x"})


def test_mturks_preview_is_a_preview():
    assert read_arrival({"workerId": "A1", "assignmentId": "ASSIGNMENT_ID_NOT_AVAILABLE"}).is_preview


@pytest.mark.parametrize("bad", ["", "  ", "{{%PROLIFIC_PID%}}", "x" * 201, "a\x00b", "a\r\nb"])
def test_an_id_that_is_none_is_refused_with_what_to_do(bad):
    with pytest.raises(NotEligible, match="Open the study again"):
        read_arrival({"PROLIFIC_PID": bad})


def test_two_forms_of_the_same_unicode_id_are_one_person():
    link = factories.main_link(factories.make_open())
    composed, decomposed = (read_arrival({"participant": text}) for text in ("Zo\u00eb", "Zoe\u0308"))
    assert pseudonym_of(link, composed, "") == pseudonym_of(link, decomposed, "")


def test_a_pseudonym_differs_between_labs():
    arrival = Arrival("prolific", "5f2a", {})
    links = [factories.main_link(factories.make_open()) for _ in range(2)]
    assert pseudonym_of(links[0], arrival, "") != pseudonym_of(links[1], arrival, "")


def test_who_comes_again_gets_their_own_run_even_when_the_study_is_full_or_paused():
    study = factories.make_open()
    link = factories.main_link(study)
    first = come(link)
    Stage.objects.filter(pk=link.stage_id).update(allocated=200)
    link.refresh_from_db()
    pause_study(study=study, actor=factories.owner_of(study.lab))
    assert come(link).pk == first.pk
    assert find_enrolment(link, NOBODY, "v").pk == first.pk


def test_a_single_use_link_is_one_person_whatever_the_browser():
    study = factories.make_open()
    link = add_link(factories.main_link(study).stage, is_single_use=True)
    assert come(link, visitor="one").pk == come(link, visitor="two").pk
    assert Participant.objects.count() == 1


def test_an_expired_link_lets_nobody_in():
    study = factories.make_open()
    link = add_link(factories.main_link(study).stage, expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(NotEligible, match="expired"):
        come(link)


@pytest.mark.parametrize(("action", "says"), [(pause_study, "break"), (close_study, "ended")])
def test_a_paused_or_closed_study_lets_nobody_new_in(action, says):
    study = factories.make_open()
    action(study=study, actor=factories.owner_of(study.lab))
    with pytest.raises(NotEligible, match=says):
        come(factories.main_link(study))
    assert not Enrolment.objects.exists()


def test_a_full_study_lets_nobody_new_in():
    link = factories.main_link(factories.make_open())
    Stage.objects.filter(pk=link.stage_id).update(allocated=200)
    link.stage.refresh_from_db()
    with pytest.raises(NotEligible, match="full"):
        check_open(link)


def test_a_study_that_is_not_open_yet_can_be_rehearsed_only():
    study = factories.make_frozen()
    with pytest.raises(NotEligible, match="not started"):
        come(factories.main_link(study))
    stage = add_stage(study=study, kind=StageKind.REHEARSAL, capacity=5, actor="system")
    assert come(add_link(stage)).stage.is_simulated


def test_a_simulated_person_is_never_the_same_as_a_real_one():
    study = factories.make_open()
    stage = add_stage(study=study, kind=StageKind.REHEARSAL, capacity=5, actor="system")
    arrival = Arrival("label", "bot", {})
    assert come(factories.main_link(study), arrival).participant_id != come(add_link(stage), arrival).participant_id


def test_declining_keeps_a_count_and_nobody():
    link = factories.main_link(factories.make_open())
    decline(link=link)
    assert link.stage.declines.count() == 1
    assert not Participant.objects.exists()

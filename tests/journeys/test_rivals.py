"""What the nearest platforms get wrong, each with a mutant of ours that makes the same mistake and is seen.

Every check returns the faults that it found. A test runs it on the code as it is (none), plants the mistake with
monkeypatch, and runs it again (some): a check that cannot see the mistake would fail its own test.
"""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.core.exceptions import ValidationError
from django.db.models import F

from analysis.api import analyse, read_design, read_table
from analysis.errors import AnalysisError
from studyapp.actions import allocate, respond
from studyapp.actions.allocate import mechanism, sequence_label
from studyapp.actions.enrol import enrol
from studyapp.actions.sealing import unseal
from studyapp.exports import responses
from studyapp.exports.design import design_json
from studyapp.models import Assignment, Enrolment, Response, Stage, Study
from studyapp.models.frozen import frozen_by_study, truths
from studyapp.models.participants import EnrolmentState
from studyapp.tasktypes.base import Score
from studyapp.tasktypes.forward_simulation import ForwardSimulation
from studyapp.views import doors, participant
from studyapp.views.participant_pages import place_of
from tests import factories
from tests.journeys.walking import Walker, allocated, arrive, form_with

pytestmark = pytest.mark.django_db

Faults = list[str]
PER_SERVING = re.compile(rb'(name="(?:stamp|csrfmiddlewaretoken)" value=")[^"]*')


def seen_only_when_planted(check: Callable[[], Faults], plant: Callable[[], None]) -> None:
    assert check() == []
    plant()
    assert check() != []


# --- two arrivals for one place ------------------------------------------------------------------------------------


def two_want_the_last_place() -> Faults:
    """Both come while there is a place; both read the instructions; then both pass the check."""
    allocation = {"block_multiples": [1], "capacity": 2}
    study = factories.make_open(document=factories.small_document(allocation=allocation))
    link = factories.main_link(study)
    arrive(link).walk(until=allocated)
    first, second = arrive(link), arrive(link)
    for walker in (first, second):
        walker.walk(until=allocated)
    given = Assignment.objects.filter(enrolment__study=study).count()
    faults = [] if given == 2 else [f"{given} people have 2 places"]
    if second.enrolment().state != EnrolmentState.NOT_ALLOCATED:
        faults.append("the second goes on")
    return faults


def test_the_last_place_goes_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = allocate.allocate

    def look_at_arrival_only(enrolment, design):  # type: ignore[no-untyped-def]
        """The place was free when they came, so it is theirs."""
        Stage.objects.filter(pk=enrolment.stage_id, allocated=F("capacity")).update(allocated=F("allocated") - 1)
        return draw(enrolment, design)

    seen_only_when_planted(
        two_want_the_last_place, lambda: monkeypatch.setattr(respond, "allocate", look_at_arrival_only)
    )


# --- an arm named in the address -----------------------------------------------------------------------------------


def the_address_names_an_arm() -> Faults:
    """Everybody asks for LIME in every way they can think of; the sealed sequence decides."""
    study = factories.make_open()
    key = unseal(bytes(study.seal.encrypted_key), "allocation")
    label = sequence_label(study.stages.get(), "")
    faults = []
    for number in range(8):
        walker = arrive(factories.main_link(study), query="&arm=lime&condition=lime&splitId=2&group=lime")
        page = walker.look()
        while not walker.enrolment().arm:
            page = walker.answer(page, arm="lime", condition="lime")
        sealed = mechanism(study.frozen.design).place(key, label, number).arm
        if walker.enrolment().arm != sealed:
            faults.append(f"place {number} is {sealed}, the address got {walker.enrolment().arm}")
    return faults


def test_an_arm_named_in_the_address_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    def plant() -> None:
        asked: dict[int, str] = {}
        draw = allocate.mechanism

        def remembering(*, link, arrival, visitor, consent_version):  # type: ignore[no-untyped-def]
            made = enrol(link=link, arrival=arrival, visitor=visitor, consent_version=consent_version)
            asked[0] = arrival.parameters["arm"]
            return made

        class Obeying:
            def __init__(self, design) -> None:  # type: ignore[no-untyped-def]
                self.design = design

            def place(self, *where, **known):  # type: ignore[no-untyped-def]
                return replace(draw(self.design).place(*where, **known), arm=asked[0])

        monkeypatch.setattr(participant, "enrol", remembering)
        monkeypatch.setattr(allocate, "mechanism", Obeying)

    seen_only_when_planted(the_address_names_an_arm, plant)


# --- items drawn again at a reload ---------------------------------------------------------------------------------


def a_reload_shows_something_else() -> Faults:
    """Every screen of a run, loaded five times."""
    walker = arrive(factories.main_link(factories.make_open()))
    page, faults = walker.look(), []
    while (enrolment := walker.enrolment()).state == EnrolmentState.ACTIVE:
        loads = {PER_SERVING.sub(rb"\1", walker.look().content) for _ in range(5)}
        if len(loads) > 1:
            faults.append(f"screen {enrolment.position} has {len(loads)} faces")
        page = walker.answer(page)
    return faults


def test_a_reload_shows_the_same_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn_again(enrolment):  # type: ignore[no-untyped-def]
        return replace(place_of(enrolment), order_seed=secrets.randbits(50))

    seen_only_when_planted(
        a_reload_shows_something_else, lambda: monkeypatch.setattr(participant, "place_of", drawn_again)
    )


# --- the record erased by opening the link again --------------------------------------------------------------------


def opening_the_link_again_loses_something() -> Faults:
    """In the middle of the run the link is opened again: same browser, then another one."""
    study = factories.make_open()
    walker = arrive(factories.main_link(study), "somebody")
    walker.walk(until=lambda enrolment: enrolment.position == 7)
    before = kept(study)
    for again in (walker, Walker(factories.main_link(study), "somebody")):
        again.open_link()
    return [] if kept(study) == before else [f"{before} became {kept(study)}"]


def kept(study: Study) -> list[tuple[object, ...]]:
    people = Enrolment.objects.filter(study=study).values_list("code", "position", "attempt", "arm", "state")
    answers = Response.objects.filter(enrolment__study=study).values_list("position", "key", "body_sha256")
    return [*people, *answers]


def test_opening_the_link_again_erases_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    known = participant._known

    def begun_anew(*who):  # type: ignore[no-untyped-def]
        """As near as the database lets a mutant come: it refuses to move anybody back or to delete an answer."""
        enrolment = known(*who)
        if enrolment:
            Enrolment.objects.filter(pk=enrolment.pk).update(state=EnrolmentState.WITHDRAWN)
        return enrolment

    seen_only_when_planted(
        opening_the_link_again_loses_something, lambda: monkeypatch.setattr(participant, "_known", begun_anew)
    )


# --- accuracy computed from the model's answers ----------------------------------------------------------------------


def rows_of(study: Study) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(responses.responses_csv([study.stages.get()]))))


def accuracy_is_not_the_persons() -> Faults:
    """Somebody always names the model's output, somebody else never does: all right, and all wrong."""
    study = factories.make_open()
    faults = []
    for pid, says_it in (("seer", True), ("contrarian", False)):
        walker = arrive(factories.main_link(study), pid)
        foretell(walker, says_it)
        code = walker.enrolment().code
        scores = {row["correct"] for row in rows_of(study) if row["subject_id"] == code and row["correct"]}
        if scores != {str(int(says_it))}:
            faults.append(f"the {pid} scores {sorted(scores)}")
    return faults


def foretell(walker: Walker, says_it: bool, **extra: str) -> None:
    study = walker.study
    known = truths(study.frozen.pk)
    page = walker.look()
    while (enrolment := walker.enrolment()).state == EnrolmentState.ACTIVE:
        form = form_with(page, "stamp")
        step = frozen_by_study(study.pk).steps(enrolment.order_seed)[enrolment.position]
        answer = {}
        if form and step.kind == "trial" and "answer" in form.offers:
            output = known[step.key].output
            answer = {"answer": next(option for option in form.offers["answer"] if (option == output) == says_it)}
        page = walker.answer(page, **answer, **extra)


def test_accuracy_is_computed_from_the_persons_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_the_model(self, answer, truth):  # type: ignore[no-untyped-def]
        return Score(asked=truth.output, is_correct=truth.label == truth.output)

    seen_only_when_planted(
        accuracy_is_not_the_persons, lambda: monkeypatch.setattr(ForwardSimulation, "score", of_the_model)
    )


def test_the_analysis_refuses_a_table_scored_by_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second lock on the same door: such a table never becomes a number."""

    def refused() -> Faults:
        study = factories.make_open()
        for _ in range(8):
            foretell(arrive(factories.main_link(study)), says_it=False)
        try:
            analyse(read_table(responses.responses_csv([study.stages.get()])), read_design(design_json(study.frozen)))
        except AnalysisError as error:
            return [str(error)]
        return []

    def of_the_model(self, answer, truth):  # type: ignore[no-untyped-def]
        return Score(asked=truth.output, is_correct=truth.label == truth.output)

    seen_only_when_planted(refused, lambda: monkeypatch.setattr(ForwardSimulation, "score", of_the_model))


# --- seconds and milliseconds ----------------------------------------------------------------------------------------


def times_are_not_the_milliseconds_that_were_sent() -> Faults:
    study = factories.make_open()
    walker = arrive(factories.main_link(study))
    foretell(walker, says_it=True, response_ms="4321", trail_first_touch_ms="4000")
    times = {(row["rt"], row["first_touch_ms"]) for row in rows_of(study) if row["trial_type"] == "forward_simulation"}
    return [] if times == {("4321", "4000")} else [f"4321 and 4000 ms became {sorted(times)}"]


def test_milliseconds_stay_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    times = responses._times

    def in_seconds(response, start):  # type: ignore[no-untyped-def]
        row = times(response, start)
        return {**row, **{name: row[name] / 1000 for name in ("rt", "first_touch_ms") if name in row}}

    seen_only_when_planted(
        times_are_not_the_milliseconds_that_were_sent, lambda: monkeypatch.setattr(responses, "_times", in_seconds)
    )


# --- a stranger ------------------------------------------------------------------------------------------------------


def a_stranger_gets_in() -> Faults:
    """With no cookie, somebody's id as a cookie, a cookie of another study, or the id in the address."""
    study, other = factories.make_open(), factories.make_open()
    victim = arrive(factories.main_link(study), "victim")
    victim.walk(until=lambda enrolment: enrolment.position == 7)
    stranger = arrive(factories.main_link(other), "stranger")
    name = doors.cookie_name(study.public_id)
    foreign = stranger.client.cookies[doors.cookie_name(other.public_id)].value
    before, faults = kept(study), []
    form = form_with(victim.look(), "stamp")
    assert form is not None
    for cookie in ("", str(victim.enrolment().public_id), foreign):
        stranger.client.cookies[name] = cookie
        for query in ("", f"?enrolment={victim.enrolment().public_id}"):
            for path in (victim.run, f"{victim.run}withdraw/"):
                replies = [stranger.client.get(path + query), stranger.client.post(path + query, {**form.values})]
                faults += [f"{path}: {reply.status_code}" for reply in replies if reply.status_code != 404]
    if kept(study) != before:
        faults.append("something was written")
    return faults


def test_a_stranger_reads_and_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    enrolment_of = doors.enrolment_of

    def believing(request, study_id):  # type: ignore[no-untyped-def]
        """Any id in the cookie is believed."""
        try:
            return Enrolment.objects.get(public_id=request.COOKIES.get(doors.cookie_name(study_id), ""))
        except (Enrolment.DoesNotExist, ValidationError):
            return enrolment_of(request, study_id)

    seen_only_when_planted(a_stranger_gets_in, lambda: monkeypatch.setattr(doors, "enrolment_of", believing))

"""A person's own data, in their browser and by their code; what each page says and what each button does."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from studyapp.actions.consent_texts import amend_consent
from studyapp.actions.data_code import LETTERS, data_code, read_code
from studyapp.actions.lifecycle import close_study
from studyapp.models import Consent, Enrolment, Response, Study
from tests import factories
from tests.journeys.walking import Walker, arrive, form_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(db) -> Study:
    return factories.make_open()


@pytest.fixture
def walker(study) -> Walker:
    made = arrive(factories.main_link(study), "panel-id-1")
    made.walk(lambda enrolment: enrolment.position >= 4)
    return made


def own_file(walker: Walker) -> dict[str, object]:
    reply = walker.client.get(f"{walker.run}your-data/my-data.json")
    assert reply["Content-Disposition"] == 'attachment; filename="my-data.json"'
    return json.loads(reply.content)


def by_code(typed: str) -> tuple[Client, object]:
    device = Client()
    return device, device.post("/your-data/", {"code": typed})


def test_the_own_file_holds_consent_answers_and_times_and_no_arm_before_unblinding(study, walker):
    told = own_file(walker)

    enrolment = walker.enrolment()
    assert (told["number"], told["study"], told["state"]) == (enrolment.code, str(study.public_id), "active")
    (consent,) = told["consents"]
    assert (consent["version"], consent["text"]) == (1, study.frozen.design.texts.consent)
    assert [answer["answer"] for answer in told["answers"]] == list(
        Response.objects.order_by("position").values_list("answer", flat=True)
    )
    assert told["from_the_panel"]["parameters"]["PROLIFIC_PID"] == "panel-id-1"
    assert enrolment.arm
    assert "group" not in told


def test_the_own_file_names_the_group_once_the_study_is_unblinded(study, walker):
    close_study(study=study, actor=factories.owner_of(study.lab))
    factories.unblind(Study.objects.get(pk=study.pk))

    assert own_file(walker)["group"] == study.frozen.design.arm(walker.enrolment().arm).title


def test_the_code_has_a_hundred_bits_and_stands_in_no_table(walker):
    code = data_code(walker.enrolment())
    assert re.fullmatch(r"[A-Z2-7]{5}(-[A-Z2-7]{5}){3}", code)
    assert LETTERS * 5 == 100
    assert code.replace("-", "") not in str(Enrolment.objects.values())


def test_the_code_opens_the_persons_own_pages_on_another_device_for_half_an_hour(walker):
    device, reply = by_code(data_code(walker.enrolment()))

    assert (reply.status_code, reply["Location"]) == (303, f"{walker.run}your-data/")
    (cookie,) = [morsel for name, morsel in reply.cookies.items() if name.startswith("run-")]
    assert (cookie["max-age"], cookie["expires"], cookie["httponly"]) == (1800, "", True)
    assert walker.enrolment().code in device.get(reply["Location"]).content.decode()


@pytest.mark.parametrize("spelling", [str.lower, lambda code: code.replace("-", " "), lambda code: f" {code} "])
def test_however_the_code_is_typed_it_opens(walker, spelling):
    _, reply = by_code(spelling(data_code(walker.enrolment())))
    assert reply.status_code == 303


def test_digits_that_are_no_letters_of_a_code_are_read_as_the_letters_they_look_like():
    assert read_code("0il-18") == "OILIB"


@pytest.mark.parametrize("typed", ["", "A" * 20, "'; --", "ä" * 20, "x" * 5000])
def test_a_wrong_code_is_answered_calmly_and_opens_nothing(typed):
    device, reply = by_code(typed)
    assert reply.status_code == 422
    assert "We do not know this code" in reply.content.decode()
    assert not device.cookies.keys() - {"csrftoken"}


def test_who_guesses_is_stopped_and_right_codes_do_not_count(walker):
    code = data_code(walker.enrolment())
    for _ in range(40):  # a class behind one address
        assert by_code(code)[1].status_code == 303
    answers = [by_code("A" * 20)[1].status_code for _ in range(40)]
    assert answers[:30] == [422] * 30
    assert answers[31:] == [429] * 9


def test_erasing_ends_the_browsers_key_and_the_code_opens_nothing(walker):
    code, number = data_code(walker.enrolment()), walker.enrolment().code
    asked = walker.client.get(f"{walker.run}your-data/erase/")
    assert "cannot be undone" in asked.content.decode()
    assert Response.objects.exists()

    reply = walker.client.post(f"{walker.run}your-data/erase/", follow=True)

    assert "Everything we kept of you" in reply.content.decode()
    assert f'data-run="{number}" data-ended' in reply.content.decode()  # what waits on the device is deleted by it
    assert not Response.objects.exists()
    assert walker.client.get(walker.run).status_code == 404
    assert by_code(code)[1].status_code == 422


def test_withdrawing_where_the_study_erases_says_so_and_does_so():
    study = factories.make_open(document=factories.small_document(rights={"withdrawal": "erase"}))
    walker = arrive(factories.main_link(study))
    assert "everything you answered is erased" in walker.replies[0][1].content.decode()
    assert "is then erased" in walker.client.get(f"{walker.run}withdraw/").content.decode()

    reply = walker.client.post(f"{walker.run}withdraw/")

    assert reply["Location"] == "/your-data/erased/"
    assert Enrolment.objects.get().erased_at


def test_after_the_stated_day_the_page_says_that_it_passed_and_refuses(study, monkeypatch):
    walker = arrive(factories.main_link(study))
    page = walker.walk().content.decode()
    until = walker.enrolment().ended_at + timedelta(days=30)
    assert f"{until:%B} {until.year}" in page
    assert data_code(walker.enrolment()) in page

    monkeypatch.setattr(timezone, "now", lambda: until + timedelta(days=1))

    assert "That day has passed" in walker.client.get(f"{walker.run}your-data/").content.decode()
    reply = walker.client.post(f"{walker.run}your-data/erase/")
    assert (reply.status_code, Response.objects.exists()) == (409, True)


def test_an_amended_text_stands_in_the_place_of_the_next_screen_until_it_is_agreed_to(study, walker):
    amend_consent(
        study=study,
        text="We keep one thing more.",
        reason="A new instrument.",
        approval_number="EB 7a",
        asks_again=True,
        actor=factories.owner_of(study.lab),
    )
    before = walker.enrolment().position

    asked = walker.look().content.decode()
    assert ("A new instrument." in asked, "We keep one thing more." in asked) == (True, True)
    assert 'name="stamp"' not in asked
    walker.client.post(f"{walker.run}consent/", {"version": "1"})
    assert "A new instrument." in walker.look().content.decode()
    reply = walker.client.post(f"{walker.run}consent/", {"version": "2"})

    assert (reply.status_code, walker.enrolment().position) == (303, before)
    assert 'name="stamp"' in walker.look().content.decode()
    assert list(Consent.objects.order_by("pk").values_list("text__version", flat=True)) == [1, 2]


def test_an_answer_given_before_the_asking_is_kept(study, walker):
    page = walker.look()
    amend_consent(
        study=study, text="More.", reason="r", approval_number="a", asks_again=True, actor=factories.owner_of(study.lab)
    )
    before = Response.objects.count()

    reply = walker.answer(page)

    assert Response.objects.count() == before + 1
    assert "has changed" in reply.content.decode()


def test_who_read_an_old_consent_text_is_shown_the_new_one_before_they_come_in(study):
    walker = Walker(factories.main_link(study), "p")
    page = walker.open_link()
    amend_consent(
        study=study,
        text="Newer.",
        reason="r",
        approval_number="a",
        asks_again=False,
        actor=factories.owner_of(study.lab),
    )
    form = form_with(page, "decision")
    reply = walker.client.post(form.action, {**form.values, "decision": "consent"})

    assert reply.status_code == 409
    assert ("Newer." in reply.content.decode(), Enrolment.objects.exists()) == (True, False)


def test_the_code_comes_as_a_file_with_the_address_where_it_works(walker):
    reply = walker.client.get(f"{walker.run}your-data/my-code.txt")
    assert data_code(walker.enrolment()) in reply.content.decode()
    assert "http://testserver/your-data/" in reply.content.decode()

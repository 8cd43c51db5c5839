"""What lets a browser go on without a network: screens ahead, a page to wait on, and its worker."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client

from studyapp.models import Response
from studyapp.views import participant_offline
from tests.studyapp.views.participant_study import MadeStudy, consent, make_study, set_state, walk
from tests.studyapp.views.test_participant_arrival import rows

pytestmark = pytest.mark.django_db

FIRST_TRIAL = 4
MAIN = re.compile(r"<main.*?</main>", re.DOTALL)


@pytest.fixture
def made() -> MadeStudy:
    return make_study()


def mains(client: Client, made: MadeStudy) -> list[str]:
    reply = client.get(made.run + "ahead/")
    assert reply.status_code == 200
    return MAIN.findall(reply.content.decode())


def filled(main: str) -> dict[str, str]:
    """The form of a screen, with its first button pressed."""
    fields = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', main))
    options = re.findall(r'name="answer" value="([^"]*)"', main)
    return fields | ({"answer": html.unescape(options[0])} if options else {})


def test_looking_ahead_writes_nothing(client: Client, made: MadeStudy) -> None:
    consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    before = rows()

    assert len(mains(client, made)) == 3
    assert rows() == before


def test_answers_to_screens_held_ahead_are_taken_in_order_and_marked(client: Client, made: MadeStudy) -> None:
    enrolment = consent(client, made)
    walk(client, made, until=FIRST_TRIAL)

    for main in mains(client, made):
        assert client.post(made.run, filled(main)).status_code == 303

    stored = Response.objects.filter(enrolment=enrolment, position__gte=FIRST_TRIAL).order_by("pk")
    assert [(row.position, row.server_ms, row.trail) for row in stored] == [
        (position, None, {"ahead": 1}) for position in range(FIRST_TRIAL, FIRST_TRIAL + 3)
    ]


def test_an_answer_out_of_turn_is_not_taken(client: Client, made: MadeStudy) -> None:
    enrolment = consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    _, second, _ = mains(client, made)

    client.post(made.run, filled(second))

    enrolment.refresh_from_db()
    assert enrolment.position == FIRST_TRIAL
    assert not Response.objects.filter(enrolment=enrolment, position__gte=FIRST_TRIAL).exists()


def test_the_same_answer_held_ahead_and_sent_twice_is_one(client: Client, made: MadeStudy) -> None:
    enrolment = consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    first, *_ = mains(client, made)

    assert [client.post(made.run, filled(first)).status_code for _ in range(2)] == [303, 303]
    assert Response.objects.filter(enrolment=enrolment, position=FIRST_TRIAL).count() == 1


def test_a_person_cannot_hand_on_what_they_hold_ahead(client: Client, made: MadeStudy) -> None:
    consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    first, *_ = mains(client, made)
    other = Client()
    consent(other, made)
    walk(other, made, until=FIRST_TRIAL)

    assert other.post(made.run, filled(first)).status_code == 400


def test_nobody_else_is_handed_anything(client: Client, made: MadeStudy) -> None:
    assert client.get(made.run + "ahead/").status_code == 404
    assert client.get(made.run + "offline/").status_code == 404


def test_a_run_that_takes_no_more_answers_hands_out_nothing(client: Client, made: MadeStudy) -> None:
    consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    set_state(made.study, "closed")

    assert mains(client, made) == []


def test_what_is_handed_out_at_once_is_bounded_in_number_and_in_weight(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_study(n_tests=60)
    consent(client, made)
    walk(client, made, until=FIRST_TRIAL)

    assert len(mains(client, made)) == participant_offline.MOST_SCREENS
    monkeypatch.setattr(participant_offline, "MOST_CHARACTERS", 20_000)
    few = mains(client, made)
    assert sum(map(len, few[:-1])) <= 20_000 < sum(map(len, few))


def test_the_page_to_wait_on_names_nobody_and_shows_nothing_of_the_study(client: Client, made: MadeStudy) -> None:
    enrolment = consent(client, made)
    page = client.get(made.run + "offline/").content.decode()

    for secret in (enrolment.code, enrolment.public_id.hex, made.link.token, "DONE42", made.study.title, "csrf"):
        assert secret not in page
    assert "Waiting for the connection" in page


def test_the_worker_is_a_script_under_the_address_of_its_run(client: Client, made: MadeStudy) -> None:
    reply = client.get(made.run + "worker.js")

    assert reply["Content-Type"].startswith("text/javascript")
    assert reply["Cache-Control"] == "no-cache"
    assert "worker-src 'self'" in reply["Content-Security-Policy"]

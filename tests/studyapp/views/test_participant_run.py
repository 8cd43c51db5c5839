"""A run through the pages: only legal steps, replays, second tabs, odd input, endings."""

from __future__ import annotations

import html
import uuid

import pytest
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from studyapp.models import Enrolment, Response
from tests.studyapp.views.participant_study import (
    RIGHT_CHECK,
    MadeStudy,
    answer_to,
    consent,
    fields_of,
    make_study,
    step,
    walk,
)

pytestmark = pytest.mark.django_db

FETCH = {"HTTP_X_REQUESTED_WITH": "foretell"}
FIRST_TRIAL = 4  # after background, instructions, comprehension and the intro of the first phase


def unlike(data: dict[str, str], page: str) -> dict[str, str]:
    """The same submission with the last button of the screen instead of the first."""
    import re

    values = re.findall(r'name="answer" value="([^"]*)"', page)
    return {**data, "answer": html.unescape(values[-1])}


@pytest.fixture
def made() -> MadeStudy:
    return make_study()


@pytest.mark.parametrize("modality", ["tabular", "text", "image"])
def test_a_person_walks_from_the_link_to_the_completion_code(client: Client, modality: str) -> None:
    made = make_study(modality)
    enrolment = consent(client, made, "?PROLIFIC_PID=abc&STUDY_ID=s&SESSION_ID=t")

    page = walk(client, made)

    enrolment.refresh_from_db()
    assert (enrolment.state, enrolment.position) == ("completed", made.n_steps)
    assert "DONE42" in page.content.decode()
    assert 'href="https://app.prolific.com/submissions/complete?cc=DONE42"' in page.content.decode()


def test_a_reload_gives_the_same_screen_and_writes_nothing(client: Client, made: MadeStudy) -> None:
    consent(client, made)
    walk(client, made, until=FIRST_TRIAL)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        pages = [client.get(made.run).content.decode() for _ in range(3)]

    def without_stamp(page: str) -> str:
        import re

        return re.sub(r'value="[^"]*"', "", page)

    assert without_stamp(pages[0]) == without_stamp(pages[1]) == without_stamp(pages[2])
    assert all(query["sql"].startswith("SELECT") for query in queries)


def test_an_answer_moves_on_by_one(client: Client, made: MadeStudy) -> None:
    enrolment = consent(client, made)
    walk(client, made, until=FIRST_TRIAL)

    response = step(client, made, response_ms="1234", trail_changes="2", trail_painted_ms="40")

    enrolment.refresh_from_db()
    kept = Response.objects.get(enrolment=enrolment, position=FIRST_TRIAL)
    assert (response.status_code, response["Location"]) == (303, made.run)
    assert enrolment.position == FIRST_TRIAL + 1
    assert (kept.response_ms, kept.trail) == (1234, {"changes": 2, "painted_ms": 40})
    assert kept.server_ms is not None
    assert 0 <= kept.server_ms < 60_000


def test_the_script_gets_the_next_screen_in_the_same_reply(client: Client, made: MadeStudy) -> None:
    consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    page = client.get(made.run)

    response = client.post(made.run, {**fields_of(page), **answer_to(page)}, **FETCH)

    assert response.status_code == 200
    assert response.content.decode().lstrip().startswith("<main")
    assert f'data-place="{FIRST_TRIAL + 1}.1"' in response.content.decode()


def test_the_same_answer_sent_again_changes_nothing(client: Client, made: MadeStudy) -> None:
    enrolment = consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    page = client.get(made.run)
    data = {**fields_of(page), **answer_to(page)}

    first, second = client.post(made.run, data), client.post(made.run, data)

    enrolment.refresh_from_db()
    assert (first.status_code, second.status_code) == (303, 303)
    assert Response.objects.filter(enrolment=enrolment).count() == enrolment.position == FIRST_TRIAL + 1


def test_another_answer_under_the_same_key_is_a_conflict(client: Client, made: MadeStudy) -> None:
    enrolment = consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    page = client.get(made.run)
    data = {**fields_of(page), **answer_to(page)}
    client.post(made.run, data)

    response = client.post(made.run, unlike(data, page.content.decode()))

    assert response.status_code == 409
    assert Response.objects.get(enrolment=enrolment, position=FIRST_TRIAL).answer == {"choice": data["answer"]}


def test_back_and_a_second_tab_keep_the_first_answer(client: Client, made: MadeStudy) -> None:
    enrolment = consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    first_tab, second_tab = client.get(made.run), client.get(made.run)
    client.post(made.run, {**fields_of(first_tab), **answer_to(first_tab)})

    data = unlike({**fields_of(second_tab)}, second_tab.content.decode())
    response = client.post(made.run, data)

    enrolment.refresh_from_db()
    kept = Response.objects.get(enrolment=enrolment, position=FIRST_TRIAL)
    assert (response.status_code, response["Location"]) == (303, made.run)
    assert kept.answer == {"choice": answer_to(first_tab)["answer"]}
    assert enrolment.position == FIRST_TRIAL + 1


def test_the_second_tab_of_a_script_is_given_the_screen_where_the_person_is(client: Client, made: MadeStudy) -> None:
    consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    first_tab, second_tab = client.get(made.run), client.get(made.run)
    client.post(made.run, {**fields_of(first_tab), **answer_to(first_tab)})

    response = client.post(made.run, {**fields_of(second_tab), **answer_to(second_tab)}, **FETCH)

    assert response.status_code == 200
    assert "You answered that screen before" in response.content.decode()
    assert f'data-place="{FIRST_TRIAL + 1}.1"' in response.content.decode()


def forged(enrolment: Enrolment, kind: str, page: dict[str, str]) -> str:
    values = [enrolment.public_id.hex, enrolment.position + 3, 1, uuid.uuid4().hex, 0]
    return {
        "empty": "",
        "noise": "noise",
        "cut": page["stamp"][:-1],
        "longer": page["stamp"] + "x",
        "other salt": signing.dumps(values, salt="studyapp.run"),
        "other key": signing.dumps(values, key="not ours", salt="studyapp.stamp"),
    }[kind]


@pytest.mark.parametrize("kind", ["empty", "noise", "cut", "longer", "other salt", "other key"])
def test_a_stamp_that_we_did_not_make_is_refused(client: Client, made: MadeStudy, kind: str) -> None:
    enrolment = consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    page = client.get(made.run)
    stamp = forged(enrolment, kind, fields_of(page))

    response = client.post(made.run, {**answer_to(page), "stamp": stamp})

    enrolment.refresh_from_db()
    assert response.status_code == 400
    assert enrolment.position == FIRST_TRIAL


def test_the_stamp_of_another_person_is_refused(client: Client, made: MadeStudy) -> None:
    other = Client()
    consent(other, made)
    page = other.get(made.run)
    mine = consent(client, made)

    response = client.post(made.run, {**fields_of(page), **answer_to(page)})

    mine.refresh_from_db()
    assert (response.status_code, mine.position) == (400, 0)


def test_a_run_opens_to_its_own_browser_alone(client: Client, made: MadeStudy) -> None:
    consent(client, made)
    elsewhere = make_study()
    stranger = Client()
    stranger.cookies.load({name: morsel.value + "x" for name, morsel in client.cookies.items()})

    assert stranger.get(made.run).status_code == 404
    assert client.get(elsewhere.run).status_code == 404
    assert "invitation" in stranger.get(made.run).content.decode()


@pytest.mark.parametrize("answer", ["", "maybe", "$50,000 or less ", "0", "1" * 5000])
def test_an_answer_outside_the_choices_is_asked_again_with_the_stamp_kept(
    client: Client, made: MadeStudy, answer: str
) -> None:
    enrolment = consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    fields = fields_of(client.get(made.run))

    response = client.post(made.run, {**fields, "answer": answer})

    enrolment.refresh_from_db()
    assert response.status_code == 422
    assert fields_of(response)["stamp"] == fields["stamp"]
    assert 'href="#answer-0"' in response.content.decode()
    assert enrolment.position == FIRST_TRIAL


def test_a_check_with_one_answer_missing_keeps_the_other(client: Client, made: MadeStudy) -> None:
    consent(client, made)
    walk(client, made, until=2)
    fields = fields_of(client.get(made.run))

    response = client.post(made.run, {**fields, "answer-0": "1"})

    page = response.content.decode()
    assert response.status_code == 422
    assert 'id="answer-0-1" name="answer-0" value="1" checked' in page
    assert '<li data-for="answer-0" hidden>' in page
    assert '<li data-for="answer-1"><a href="#answer-1-0">' in page


def test_a_second_try_at_the_check_is_given_and_then_the_run_ends(client: Client, made: MadeStudy) -> None:
    enrolment = consent(client, made)
    walk(client, made, until=2)
    wrong = {"answer-0": "0", "answer-1": "1"}

    client.post(made.run, {**fields_of(client.get(made.run)), **wrong})
    again = client.get(made.run).content.decode()
    client.post(made.run, {**fields_of(client.get(made.run)), **wrong})
    ended = client.get(made.run).content.decode()

    enrolment.refresh_from_db()
    assert "last try" in again
    assert (enrolment.state, enrolment.arm) == ("screened_out", "")
    assert "study@example.org" in ended
    assert "DONE42" not in ended


def test_a_second_try_can_pass(client: Client, made: MadeStudy) -> None:
    enrolment = consent(client, made)
    walk(client, made, until=2)
    client.post(made.run, {**fields_of(client.get(made.run)), "answer-0": "0", "answer-1": "0"})

    client.post(made.run, {**fields_of(client.get(made.run)), **RIGHT_CHECK})

    enrolment.refresh_from_db()
    assert (enrolment.position, enrolment.attempt) == (3, 1)
    assert enrolment.arm in {"none", "lime"}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"response_ms": "-1"}, None),
        ({"response_ms": "1e3"}, None),
        ({"response_ms": "٣"}, None),
        ({"response_ms": "99999999999"}, None),
        ({"response_ms": "86400001"}, None),
        ({"response_ms": "86400000"}, 86_400_000),
        ({"response_ms": "0"}, 0),
        ({}, None),
    ],
)
def test_an_odd_time_is_left_out_and_the_answer_kept(
    client: Client, made: MadeStudy, sent: dict[str, str], kept: int | None
) -> None:
    enrolment = consent(client, made)
    walk(client, made, until=FIRST_TRIAL)

    step(client, made, **sent)

    assert Response.objects.get(enrolment=enrolment, position=FIRST_TRIAL).response_ms == kept


def test_the_trail_holds_declared_numbers_within_their_bounds_and_nothing_else(client: Client, made: MadeStudy) -> None:
    enrolment = consent(client, made)
    walk(client, made, until=FIRST_TRIAL)

    step(client, made, trail_pastes="3", trail_changes="1001", trail_keys="abc", trail_focus_lost="x", foo="1")

    assert Response.objects.get(enrolment=enrolment, position=FIRST_TRIAL).trail == {"pastes": 3}


def test_no_address_and_no_page_names_the_arm(client: Client, made: MadeStudy) -> None:
    for browser in (client, Client()):
        enrolment = consent(browser, made)
        for _ in range(made.n_steps):
            page = browser.get(made.run)
            text = page.content.decode().lower()
            assert "lime" not in text
            assert "control" not in text
            assert "lime" not in page.request["PATH_INFO"]
            browser.post(made.run, {**fields_of(page), **answer_to(page)})
        enrolment.refresh_from_db()
        assert enrolment.state == "completed"


def everything_sent(browser: Client, made: MadeStudy) -> tuple[str, str]:
    """The arm, and every byte that the browser was sent in a whole run."""
    enrolment = consent(browser, made)
    sent = []
    for _ in range(made.n_steps):
        page = browser.get(made.run)
        reply = browser.post(made.run, {**fields_of(page), **answer_to(page)}, **FETCH)
        for response in (page, reply):
            sent.append(response.content.decode() + str(response.headers) + str(response.cookies))
    enrolment.refresh_from_db()
    return enrolment.arm, "\n".join(sent)


@pytest.mark.parametrize(("modality", "concepts"), [("tabular", False), ("text", False), ("image", True)])
def test_the_control_arm_gets_no_byte_of_an_explanation(modality: str, concepts: bool) -> None:
    canary = "zqxcanary"
    made = make_study(modality, canary=canary, concepts=concepts)

    sent = dict(everything_sent(Client(), made) for _ in range(2))

    assert canary in sent["lime"]  # the plant is seen where it may be
    assert canary not in sent["none"]
    for mark in ('class="explanation', "weight-bar", "What counted"):
        assert mark in sent["lime"]
        assert mark not in sent["none"]


def test_a_heatmap_reaches_the_explained_arm_alone() -> None:
    made = make_study("image")

    sent = dict(everything_sent(Client(), made) for _ in range(2))

    assert 'class="overlay"' in sent["lime"]
    assert 'class="overlay"' not in sent["none"]


def test_a_trial_page_is_the_same_bytes_whatever_the_right_answer_is(client: Client) -> None:
    """The page of a test trial is made without reading what it is scored by."""
    made = make_study()
    consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    client.get(made.run)

    with CaptureQueriesContext(connection) as queries:
        client.get(made.run)

    assert not [query for query in queries if "studyitem" in query["sql"] or "output" in query["sql"]]


def test_the_code_is_kept_back_while_a_response_is_missing(client: Client, made: MadeStudy) -> None:
    enrolment = consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    # As if a row had been lost: the enrolment says completed, the responses do not.
    Enrolment.objects.filter(pk=enrolment.pk).update(state="completed", position=made.n_steps)

    page = client.get(made.run).content.decode()

    assert "DONE42" not in page
    assert "study@example.org" in page


def test_withdrawing_asks_first_and_then_ends_the_run(client: Client, made: MadeStudy) -> None:
    enrolment = consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    page = client.get(made.run)

    asked = client.get(made.run + "withdraw/")
    enrolment.refresh_from_db()
    assert (asked.status_code, enrolment.state) == (200, "active")

    client.post(made.run + "withdraw/")
    late = client.post(made.run, {**fields_of(page), **answer_to(page)})

    enrolment.refresh_from_db()
    assert (enrolment.state, enrolment.position, late.status_code) == ("withdrawn", FIRST_TRIAL, 303)
    assert "You have withdrawn" in client.get(made.run).content.decode()


def test_a_study_that_closes_in_between_ends_calmly_and_keeps_no_late_answer(client: Client, made: MadeStudy) -> None:
    enrolment = consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    page = client.get(made.run)
    made.study.state = "closed"
    made.study.save(update_fields=["state"])

    client.post(made.run, {**fields_of(page), **answer_to(page)})

    assert not Response.objects.filter(enrolment=enrolment, position=FIRST_TRIAL).exists()
    assert "The study has ended" in client.get(made.run).content.decode()


def test_a_page_is_never_cached(client: Client, made: MadeStudy) -> None:
    assert "no-store" in client.get(made.join)["Cache-Control"]
    consent(client, made)
    assert "no-store" in client.get(made.run)["Cache-Control"]


@pytest.mark.parametrize(
    ("modality", "concepts", "limit"),
    [("tabular", False, 60_000), ("text", False, 60_000), ("image", False, 150_000), ("image", True, 150_000)],
)
def test_the_heaviest_page_is_within_its_weight(client: Client, modality: str, concepts: bool, limit: int) -> None:
    made = make_study(modality, concepts=concepts)
    heaviest = 0
    for browser in (client, Client()):
        consent(browser, made)
        for _ in range(made.n_steps):
            heaviest = max(heaviest, len(browser.get(made.run).content))
            step(browser, made)

    assert heaviest <= limit


def test_an_answer_and_the_next_screen_cost_few_queries(client: Client, made: MadeStudy) -> None:
    consent(client, made)
    walk(client, made, until=FIRST_TRIAL)
    page = client.get(made.run)

    with CaptureQueriesContext(connection) as queries:
        client.post(made.run, {**fields_of(page), **answer_to(page)}, **FETCH)

    statements = [query["sql"].split()[0] for query in queries]
    assert [word for word in statements if word not in {"SAVEPOINT", "RELEASE"}] == [
        "SELECT",  # the door
        "SELECT",  # the enrolment, locked
        "INSERT",
        "UPDATE",
    ]


def test_the_page_speaks_the_language_of_the_design(client: Client, made: MadeStudy) -> None:
    page = client.get(made.join, HTTP_ACCEPT_LANGUAGE="de").content.decode()

    assert '<html lang="en" dir="ltr">' in page

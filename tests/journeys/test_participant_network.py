"""A network that goes away, a server that fails, a page that is closed: nothing is lost and nothing comes twice."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Browser, Route, expect

from studyapp.models import Enrolment, Response
from tests.journeys.participant_browser import Person, chromium, somebody
from tests.studyapp.views.participant_study import MadeStudy, make_study

__all__ = ["chromium"]  # a fixture

TRIAL = 4


@pytest.fixture
def made(web: str) -> MadeStudy:
    return make_study("tabular")


def at_the_first_trial(person: Person) -> None:
    person.arrive()
    person.agree()
    person.answer_until(TRIAL)


def answers(made: MadeStudy) -> list[Response]:
    run = Enrolment.objects.filter(study=made.study).latest("pk")
    return list(Response.objects.filter(enrolment=run, position__gte=TRIAL).order_by("position"))


def expect_place(person: Person, place: str, timeout_ms: float = 45_000) -> None:
    expect(person.page.locator(f'#screen[data-place="{place}"]')).to_be_visible(timeout=timeout_ms)


def test_a_minute_without_network_loses_nothing(chromium: Browser, web: str, made: MadeStudy) -> None:
    with somebody(chromium, web, made) as person:
        at_the_first_trial(person)
        person.page.context.set_offline(True)

        person.choose()
        person.go_on()
        expect(person.page.get_by_role("status")).to_contain_text("safe on this device", timeout=10_000)
        person.page.wait_for_timeout(60_000)
        assert answers(made) == []
        assert person.place == f"{TRIAL}.1"

        person.page.context.set_offline(False)
        expect_place(person, f"{TRIAL + 1}.1")
        expect(person.page.get_by_role("status")).not_to_contain_text("Sending")
        person.answer()
    first, second = answers(made)
    assert (first.position, second.position) == (TRIAL, TRIAL + 1)
    assert first.answer == {"choice": "$50,000 or less"}
    # The time is the person's, not the network's.
    assert first.response_ms is not None
    assert first.server_ms is not None
    assert first.response_ms < 30_000
    assert first.server_ms >= 60_000


def test_a_failing_server_is_asked_again_until_it_answers(chromium: Browser, web: str, made: MadeStudy) -> None:
    failures = []

    def fail_thrice(route: Route) -> None:
        if route.request.method == "POST" and len(failures) < 3:
            failures.append(route.request.post_data)
            route.fulfill(status=503, body="busy")
        else:
            route.continue_()

    with somebody(chromium, web, made) as person:
        at_the_first_trial(person)
        person.page.route("**/run/**", fail_thrice)
        person.choose()
        person.go_on()
        expect_place(person, f"{TRIAL + 1}.1")
    assert len(failures) == 3
    assert len(set(failures)) == 1  # the same key and the same body each time
    assert len(answers(made)) == 1


def test_a_reply_that_is_lost_on_the_way_makes_no_second_answer(chromium: Browser, web: str, made: MadeStudy) -> None:
    lost = []

    def deliver_but_lose_the_reply(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().status)
            route.abort("connectionreset")
        else:
            route.continue_()

    with somebody(chromium, web, made) as person:
        at_the_first_trial(person)
        person.page.route("**/run/**", deliver_but_lose_the_reply)
        person.choose()
        person.go_on()
        expect_place(person, f"{TRIAL + 1}.1")
    assert lost == [200]
    assert len(answers(made)) == 1


def test_an_answer_survives_the_page_that_gave_it(chromium: Browser, web: str, made: MadeStudy) -> None:
    with somebody(chromium, web, made) as person:
        at_the_first_trial(person)
        person.page.context.set_offline(True)
        person.page.locator("label[for=answer-1]").click()
        person.go_on()
        expect(person.page.get_by_role("status")).to_contain_text("safe on this device", timeout=10_000)
        context = person.page.context
        person.page.close()
        assert answers(made) == []

        context.set_offline(False)
        person.page = context.new_page()
        person.page.goto(web + made.run)

        expect_place(person, f"{TRIAL + 1}.1")
        assert person.page.evaluate("localStorage.length") == 0
    (kept,) = answers(made)
    assert kept.answer == {"choice": "More than $50,000"}


def test_a_kept_answer_to_a_screen_that_was_answered_elsewhere_is_dropped(
    chromium: Browser, web: str, made: MadeStudy
) -> None:
    with somebody(chromium, web, made) as person:
        at_the_first_trial(person)
        stale = {"id": "old", "place": f"{TRIAL - 1}.1", "body": "answer=read"}
        person.page.evaluate(
            "([name, value]) => localStorage.setItem(name, value)", [f"foretell {made.run}", json.dumps(stale)]
        )

        person.page.reload()
        person.answer()

        expect_place(person, f"{TRIAL + 1}.1")
        assert person.page.evaluate("localStorage.length") == 0
    assert len(answers(made)) == 1


def test_an_answer_of_somebody_else_kept_in_this_browser_does_no_harm(
    chromium: Browser, web: str, made: MadeStudy
) -> None:
    with somebody(chromium, web, made) as person:
        at_the_first_trial(person)
        foreign = {"id": "foreign", "place": f"{TRIAL}.1", "body": "stamp=foreign&answer=More+than+%2450%2C000"}
        person.page.evaluate(
            "([name, value]) => localStorage.setItem(name, value)", [f"foretell {made.run}", json.dumps(foreign)]
        )

        person.page.reload()
        expect_place(person, f"{TRIAL}.1")
        person.page.wait_for_function("localStorage.length === 0")
        person.page.wait_for_load_state("load")
        person.answer()

        expect_place(person, f"{TRIAL + 1}.1")
    (kept,) = answers(made)
    assert kept.answer == {"choice": "$50,000 or less"}


def test_a_whole_run_costs_one_request_a_page(chromium: Browser, web: str, made: MadeStudy) -> None:
    with somebody(chromium, web, made) as person:
        person.arrive()
        person.agree()
        person.page.wait_for_load_state("networkidle")
        requests: list[str] = []
        person.page.on(
            "request", lambda request: request.url.startswith("http") and requests.append(f"{request.method}")
        )
        while person.place is not None:
            person.answer()
    assert requests == ["POST"] * made.n_steps

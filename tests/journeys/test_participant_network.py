"""A network that goes away, a server that fails, a page that is closed: nothing is lost and nothing comes twice."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Route, expect

from studyapp.models import Enrolment, Response
from tests.journeys.participant_browser import Person, chromium, somebody
from tests.journeys.processes import wait_until
from tests.journeys.wire import wire_to
from tests.studyapp.views.participant_study import MadeStudy, make_study, set_state

__all__ = ["chromium"]  # a fixture

TRIAL = 4
SENT = "Connected again. All your answers are sent."
FETCHED = "() => performance.getEntriesByName(`${location.href}ahead/`).some((entry) => entry.responseEnd > 0)"
KEEP = """([key, answer]) => new Promise((resolve) => {
    const request = indexedDB.open("foretell", 1);
    request.onsuccess = () => {
        const transaction = request.result.transaction("kept", "readwrite");
        transaction.objectStore("kept").put(answer, key);
        transaction.oncomplete = resolve;
    };
})"""
KEPT = """() => new Promise((resolve) => {
    const request = indexedDB.open("foretell", 1);
    request.onsuccess = () => {
        const kept = request.result.transaction("kept").objectStore("kept").getAllKeys();
        kept.onsuccess = () => resolve(kept.result.filter((key) => key.startsWith("answer/")));
    };
})"""


@pytest.fixture
def made(web: str) -> MadeStudy:
    return make_study("tabular")


def at_the_first_trial(person: Person) -> None:
    person.arrive()
    person.agree()
    person.answer_until(TRIAL)
    person.page.wait_for_function(FETCHED)


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
        expect_place(person, f"{TRIAL + 1}.1")  # held ahead
        person.page.wait_for_timeout(60_000)
        assert answers(made) == []

        person.page.context.set_offline(False)
        expect(person.page.get_by_role("status")).to_have_text(SENT, timeout=45_000)
        person.answer()
    first, second = answers(made)
    assert (first.position, second.position) == (TRIAL, TRIAL + 1)
    assert first.answer == {"choice": "$50,000 or less"}
    # The time is the person's, not the network's.
    assert first.response_ms is not None
    assert first.server_ms is not None
    assert first.response_ms < 30_000
    assert first.server_ms >= 60_000
    # How long somebody looked at a screen that was held ahead, the server cannot know; it says so.
    assert (second.server_ms, second.trail["ahead"]) == (None, 1)
    assert "ahead" not in first.trail


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
        expect(person.page.get_by_role("status")).to_have_text(SENT, timeout=45_000)
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
    with wire_to(web) as wire, somebody(chromium, wire.base, made) as person:
        at_the_first_trial(person)
        wire.cut()
        person.page.locator("label[for=answer-1]").click()
        person.go_on()
        expect(person.page.get_by_role("status")).to_contain_text("safe on this device", timeout=10_000)
        context = person.page.context
        person.page.close()
        assert answers(made) == []

        wire.mend()
        person.page = context.new_page()
        person.page.goto(wire.base + made.run)

        expect_place(person, f"{TRIAL + 1}.1")
        wait_until(lambda: kept_here(person) == [], what="the answer to be let go of", seconds=10)
    (kept,) = answers(made)
    assert kept.answer == {"choice": "More than $50,000"}


def keep_here(person: Person, run: str, position: int, body: str) -> None:
    """As if an answer had been kept in this browser before."""
    answer = {"run": run, "position": position, "attempt": 1, "body": body}
    person.page.evaluate(KEEP, [f"answer/{run}/{position:06}.001", answer])


def kept_here(person: Person) -> list[str]:
    kept: list[str] = person.page.evaluate(KEPT)
    return kept


def run_of(person: Person) -> str:
    return person.page.locator("#screen").get_attribute("data-run") or ""


def test_a_kept_answer_to_a_screen_that_was_answered_elsewhere_is_dropped(
    chromium: Browser, web: str, made: MadeStudy
) -> None:
    with somebody(chromium, web, made) as person:
        at_the_first_trial(person)
        stamp = person.page.locator("[name=stamp]").get_attribute("value") or ""
        person.answer()
        other = urlencode({"stamp": stamp, "answer": "More than $50,000"})
        keep_here(person, run_of(person), TRIAL, other)

        person.page.reload()
        expect_place(person, f"{TRIAL + 1}.1")
        wait_until(lambda: kept_here(person) == [], what="the stale answer to be dropped", seconds=10)
    (kept,) = answers(made)
    assert kept.answer == {"choice": "$50,000 or less"}


def test_an_answer_that_no_stamp_of_ours_vouches_for_is_dropped_and_asked_again(
    chromium: Browser, web: str, made: MadeStudy
) -> None:
    with somebody(chromium, web, made) as person:
        at_the_first_trial(person)
        keep_here(person, run_of(person), TRIAL, "stamp=forged&answer=More+than+%2450%2C000")

        person.page.reload()
        wait_until(lambda: kept_here(person) == [], what="the forged answer to be dropped", seconds=10)
        expect_place(person, f"{TRIAL}.1")
        expect(person.page.locator("#screen")).not_to_have_attribute("aria-busy", "true")
        person.answer()
    (kept,) = answers(made)
    assert kept.answer == {"choice": "$50,000 or less"}


def test_what_somebody_else_left_in_this_browser_is_neither_sent_nor_lost(
    chromium: Browser, web: str, made: MadeStudy
) -> None:
    with somebody(chromium, web, made) as person:
        at_the_first_trial(person)
        keep_here(person, "SOMEBODY", TRIAL, "stamp=theirs&answer=More+than+%2450%2C000")

        person.page.reload()
        person.answer()

        assert kept_here(person) == [f"answer/SOMEBODY/{TRIAL:06}.001"]
    (kept,) = answers(made)
    assert kept.answer == {"choice": "$50,000 or less"}


def test_what_comes_too_late_for_a_closed_study_is_deleted_with_a_word(
    chromium: Browser, web: str, made: MadeStudy
) -> None:
    with somebody(chromium, web, made) as person:
        at_the_first_trial(person)
        person.page.context.set_offline(True)
        person.answer()
        set_state(made.study, "closed")

        person.page.context.set_offline(False)
        expect(person.page.get_by_role("heading", name="The study has ended")).to_be_visible(timeout=45_000)
        expect(person.page.get_by_text("came too late")).to_be_visible()
        wait_until(lambda: kept_here(person) == [], what="the answer to be let go of", seconds=10)
        assert person.page.evaluate("caches.keys()") == []
    assert answers(made) == []


def test_a_whole_run_costs_one_request_a_page(chromium: Browser, web: str, made: MadeStudy) -> None:
    with somebody(chromium, web, made) as person:
        person.arrive()
        person.agree()
        person.page.wait_for_load_state("networkidle")
        requests: list[tuple[str, str]] = []
        person.page.on("request", lambda request: requests.append((request.method, request.url)))
        while person.place is not None:
            person.answer()
    assert [method for method, address in requests if method == "POST"] == ["POST"] * made.n_steps
    # Beside them the screens ahead, once for each of the two stretches of tests.
    assert [address for method, address in requests if method == "GET"] == [f"{web}{made.run}ahead/"] * 2

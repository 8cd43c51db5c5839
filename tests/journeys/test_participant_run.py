"""Whole runs in a real browser: by mouse, by thumb, by keyboard alone, without script."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from explainers.types import Modality
from studyapp.models import Enrolment, Response
from tests.journeys.participant_browser import SETTLED_MS, chromium, serious_violations, somebody, sticks_out
from tests.studyapp.views.participant_study import make_study

__all__ = ["chromium"]  # a fixture

CODE = "DONE42"


def the_run_of(study: object) -> Enrolment:
    return Enrolment.objects.filter(study=study).latest("pk")


@pytest.mark.parametrize("width", [1280, 375])
def test_a_person_takes_part_from_the_link_to_the_code(chromium: Browser, web: str, width: int) -> None:
    made = make_study("tabular")
    with somebody(chromium, web, made, width=width) as person:
        person.arrive("?PROLIFIC_PID=p1&STUDY_ID=s&SESSION_ID=x")
        person.agree()
        while person.place is not None:
            person.answer()

        expect(person.page.get_by_text(CODE, exact=True)).to_be_visible()
        assert "p1" not in person.page.url
        assert person.complaints == []
    run = the_run_of(made.study)
    assert (run.state, Response.objects.filter(enrolment=run).count()) == ("completed", made.n_steps)
    assert not Response.objects.filter(enrolment=run, response_ms=None).exists()


def test_the_keyboard_alone_is_enough(chromium: Browser, web: str) -> None:
    made = make_study("text")
    with somebody(chromium, web, made) as person:
        keyboard = person.page.keyboard
        person.arrive()
        person.page.wait_for_load_state("load")
        keyboard.press("Tab")  # the first control is the button that agrees
        keyboard.press("Enter")
        person.page.wait_for_url(f"**{made.run}")
        while person.place is not None:
            before = person.place
            person.page.wait_for_timeout(SETTLED_MS)
            if person.page.locator("[name=answer-0]").count():
                for key in ("Tab", "ArrowDown", "Tab", "Space"):  # from the heading to one question and the other
                    keyboard.press(key)
            elif person.page.locator("[name=answer]").count():
                keyboard.press("1")
            keyboard.press("Enter")
            expect(person.page.locator(f'#screen:not([data-place="{before}"])')).to_be_visible()

        expect(person.page.get_by_text(CODE, exact=True)).to_be_visible()


def test_no_script_is_needed(chromium: Browser, web: str) -> None:
    made = make_study("image")
    with somebody(chromium, web, made, width=375, script=False) as person:
        person.arrive()
        person.agree()
        while person.place is not None:
            person.answer()

        expect(person.page.get_by_text(CODE, exact=True)).to_be_visible()
    run = the_run_of(made.study)
    assert run.state == "completed"
    assert set(Response.objects.filter(enrolment=run).values_list("response_ms", flat=True)) == {None}


@pytest.mark.parametrize(
    ("modality", "concepts"),
    [("tabular", False), ("text", False), ("image", False), ("image", True)],
    ids=["feature_weights", "token_weights", "heatmap", "concepts"],
)
def test_every_page_is_accessible_and_fits_a_small_phone(
    chromium: Browser, web: str, modality: Modality, concepts: bool
) -> None:
    made = make_study(modality, concepts=concepts)
    found: list[str] = []
    arms, looked_at = set(), set()
    for _ in range(2):  # a permuted block of two: both arms are seen
        with somebody(chromium, web, made, width=375) as person:
            person.arrive()
            found += look(person.page)
            person.agree()
            while True:
                kind = person.page.locator("#screen :is(.stimulus, .question, .prose), #screen.ended").first
                kind_of_page = kind.get_attribute("class")
                if kind_of_page not in looked_at:  # a screen of every kind, not every screen
                    looked_at.add(kind_of_page)
                    person.page.wait_for_timeout(SETTLED_MS)
                    found += look(person.page)
                if person.place is None:
                    break
                person.answer()
            arms.add(the_run_of(made.study).arm)
    assert arms == {"none", "lime"}
    assert any(kind and "is-explained" in kind for kind in looked_at)
    assert found == []


def look(page: Page) -> list[str]:
    """What is wrong with a page: in light and in dark, at the widths of small phones."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found += [f"{page.url} {scheme} {line}" for line in serious_violations(page)]
    for width in (320, 375):
        page.set_viewport_size({"width": width, "height": 667})
        if sticks_out(page) > 0:
            found.append(f"{page.url}: wider than {width} px by {sticks_out(page)}")
    return found


def test_the_pages_beside_the_run_are_accessible_too(chromium: Browser, web: str) -> None:
    made = make_study("tabular")
    found: list[str] = []
    with somebody(chromium, web, made, width=375) as person:
        page = person.page
        for path in ("/declined/", "/join/unknown/", f"{made.join}?PROLIFIC_PID=", made.run):
            page.goto(web + path)
            found += look(page)
        person.arrive()
        person.agree()
        person.answer_until(4)
        person.go_on()  # without an answer
        expect(page.locator("#errors")).to_be_focused()
        found += look(page)
        page.get_by_role("link", name="Stop and withdraw").click()
        found += look(page)
        page.get_by_role("button", name="Stop and withdraw").click()
        expect(page.get_by_role("heading", name="You have withdrawn")).to_be_visible()
        found += look(page)
    assert found == []


def test_a_missing_answer_is_told_without_a_request_and_leads_to_the_field(chromium: Browser, web: str) -> None:
    made = make_study("tabular")
    with somebody(chromium, web, made) as person:
        person.arrive()
        person.agree()
        posts: list[str] = []
        person.page.on("request", lambda request: request.method == "POST" and posts.append(request.url))

        person.go_on()
        expect(person.page.locator("#errors")).to_be_focused()
        person.page.get_by_role("link", name="Choose one of the answers").click()

        expect(person.page.locator("#answer-0")).to_be_focused()
        assert posts == []


def test_focus_goes_to_the_new_question_and_the_button_stays_where_it_was(chromium: Browser, web: str) -> None:
    made = make_study("tabular")
    with somebody(chromium, web, made) as person:
        person.arrive()
        person.agree()
        places = set()
        while person.place is not None:
            box = person.page.locator("#screen button[type=submit]").bounding_box()
            assert box is not None
            places.add((round(box["x"]), round(box["y"])))
            assert box["height"] >= 44
            person.answer()
            expect(person.page.locator("h1")).to_be_focused()
        assert len(places) == 1


def test_a_target_is_never_smaller_than_a_thumb(chromium: Browser, web: str) -> None:
    made = make_study("tabular")
    with somebody(chromium, web, made, width=375) as person:
        person.arrive()
        person.agree()
        small = []
        while person.place is not None:
            person.page.wait_for_timeout(SETTLED_MS)
            for target in person.page.locator("#screen :is(button, label, a):visible").all():
                box = target.bounding_box()
                assert box is not None
                if box["height"] < 44:
                    small.append((person.place, target.inner_text(), box["height"]))
            person.answer()
        assert small == []


def test_the_colours_over_a_picture_can_be_switched_off_without_script(chromium: Browser, web: str) -> None:
    made = make_study("image", arms=("none", "lime"))
    seen = False
    for _ in range(2):
        with somebody(chromium, web, made, script=False) as person:
            person.arrive()
            person.agree()
            person.answer_until(7)
            colours = person.page.locator(".overlay")
            if colours.count():
                seen = True
                expect(colours).to_be_visible()
                person.page.get_by_label("Show the colours").uncheck()
                expect(colours).to_be_hidden()
    assert seen


def test_the_colours_over_a_picture_are_as_strong_as_the_person_wants(chromium: Browser, web: str) -> None:
    made = make_study("image", arms=("none", "lime"))
    seen = False
    for _ in range(2):
        with somebody(chromium, web, made) as person:
            person.arrive()
            person.agree()
            person.answer_until(7)
            slider = person.page.get_by_label("Strength of the colours")
            if slider.count():
                seen = True
                expect(person.page.locator(".overlay")).to_have_css("opacity", "1")
                slider.fill("3")
                expect(person.page.locator(".overlay")).to_have_css("opacity", "0.3")
                here = person.page.locator(f'#screen[data-place="{person.place}"]')
                person.page.wait_for_timeout(SETTLED_MS)
                slider.press("Enter")  # goes on, as everywhere
                expect(here).to_have_count(0)
    assert seen


def test_two_tabs_are_one_run(chromium: Browser, web: str) -> None:
    made = make_study("tabular")
    with somebody(chromium, web, made) as person:
        person.arrive()
        person.agree()
        person.answer_until(4)
        second = person.page.context.new_page()
        second.goto(web + made.run)
        person.answer()

        expect(second.locator('#screen[data-place="5.1"]')).to_be_visible()
        expect(second.get_by_role("status")).to_have_text("You answered in another tab. Continue here.")
    run = the_run_of(made.study)
    assert Response.objects.get(enrolment=run, position=4).answer == {"choice": "$50,000 or less"}
    assert run.position == 5


def test_a_second_tab_that_hears_nothing_of_the_first_cannot_answer_twice(chromium: Browser, web: str) -> None:
    made = make_study("tabular")
    with somebody(chromium, web, made) as person:
        person.page.context.add_init_script("delete window.BroadcastChannel")
        person.arrive()
        person.agree()
        person.answer_until(4)
        second = person.page.context.new_page()
        second.goto(web + made.run)
        person.answer()

        second.wait_for_timeout(SETTLED_MS)
        second.locator("label[for=answer-1]").click()
        second.locator("#screen button[type=submit]").click()

        expect(second.locator('#screen[data-place="5.1"]')).to_be_visible()
    run = the_run_of(made.study)
    assert Response.objects.get(enrolment=run, position=4).answer == {"choice": "$50,000 or less"}
    assert run.position == 5


def test_a_quick_second_tap_answers_nothing(chromium: Browser, web: str) -> None:
    made = make_study("tabular")
    with somebody(chromium, web, made, width=375) as person:
        person.arrive()
        person.agree()
        person.answer_until(1)
        person.page.wait_for_timeout(SETTLED_MS)

        person.page.evaluate(
            """async () => {
                document.querySelector("#screen button[type=submit]").click();
                await new Promise((resolve) => {
                    new MutationObserver(resolve).observe(document.body, { childList: true });
                });
                document.querySelector("#screen button[type=submit]").click();
            }"""
        )
        person.page.wait_for_timeout(SETTLED_MS)

        assert person.place == "2.1"
        expect(person.page.locator("#errors")).to_be_hidden()


def test_times_are_milliseconds_from_the_painted_stimulus_to_the_answer(chromium: Browser, web: str) -> None:
    made = make_study("tabular")
    waited_ms = 1200
    with somebody(chromium, web, made) as person:
        person.arrive()
        person.agree()
        person.answer_until(4)
        person.page.wait_for_timeout(waited_ms)
        person.page.locator("label[for=answer-1]").click()
        person.page.locator("label[for=answer-0]").click()
        person.answer()
    response = Response.objects.get(enrolment=the_run_of(made.study), position=4)
    assert response.response_ms is not None
    assert response.server_ms is not None
    assert waited_ms <= response.response_ms <= response.server_ms < 60_000
    assert response.trail["changes"] == 1
    assert waited_ms <= response.trail["first_touch_ms"] <= response.trail["chosen_ms"] <= response.response_ms
    assert set(response.trail) == {
        "painted_ms", "first_touch_ms", "chosen_ms", "changes", "focus_lost", "focus_lost_ms", "pastes",
    }  # fmt: skip

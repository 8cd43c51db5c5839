"""A real browser for participants' journeys, and a person who uses it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from studyapp.management.browser import FLAGS, executable
from tests.studyapp.views.participant_study import MadeStudy

SETTLED_MS = 400  # longer than the pause in which a second tap of the last button is not taken for an answer


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, else Playwright's own."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's loop runs in this thread; the database is ours alone
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@dataclass
class Person:
    """Somebody in front of a page."""

    page: Page
    base: str
    made: MadeStudy
    complaints: list[str]

    def arrive(self, query: str = "") -> None:
        self.page.goto(self.base + self.made.join + query)

    def agree(self) -> None:
        self.page.get_by_role("button", name="I agree").click()
        self.page.wait_for_url(f"**{self.made.run}")

    @property
    def place(self) -> str | None:
        """Position and attempt of the screen; None at the end."""
        return self.page.locator("#screen").get_attribute("data-place")

    def choose(self) -> None:
        """The first answer, or the right ones of the check."""
        if self.page.locator("[name=answer-0]").count():
            self.page.locator("label[for=answer-0-1]").click()
            self.page.locator("label[for=answer-1-0]").click()
        elif self.page.locator("[name=answer]").count():
            self.page.locator("label[for=answer-0]").click()

    def go_on(self) -> None:
        self.page.wait_for_timeout(SETTLED_MS)
        self.page.locator("#screen button[type=submit]").click()

    def answer(self) -> None:
        """Choose, go on, and wait for what comes next."""
        before = self.place
        self.choose()
        self.go_on()
        expect(self.page.locator(f'#screen:not([data-place="{before}"])')).to_be_visible(timeout=15_000)

    def answer_until(self, position: int) -> None:
        while self.place != f"{position}.1":
            self.answer()


@contextmanager
def somebody(
    chromium: Browser, base: str, made: MadeStudy, *, width: int = 1280, script: bool = True, dark: bool = False
) -> Iterator[Person]:
    """A fresh browser of their own; a page that complains fails the test."""
    context: BrowserContext = chromium.new_context(
        viewport={"width": width, "height": 667 if width < 500 else 800},
        has_touch=width < 500,
        is_mobile=width < 500,
        java_script_enabled=script,
        color_scheme="dark" if dark else "light",
    )
    page = context.new_page()
    person = Person(page, base, made, [])
    page.on("pageerror", lambda error: person.complaints.append(str(error)))
    page.on("console", lambda message: message.type == "error" and person.complaints.append(message.text))
    yield person
    context.close()


def serious_violations(page: Page) -> list[str]:
    """What axe finds serious or critical, in words."""
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for violation in found
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]


def sticks_out(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width

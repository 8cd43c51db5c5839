"""A researcher in front of the console, signed in by a one-time link."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, expect

from studyapp.actions.accounts import make_sign_in_link
from studyapp.models import User


@dataclass
class Researcher:
    """Their page, and what the browser complained about."""

    page: Page
    base: str
    complaints: list[str]

    def go(self, address: str) -> None:
        self.page.goto(self.base + address)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).click()

    def sees(self, text: str, *, seconds: float = 10) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=1000 * seconds)


@contextmanager
def researcher(
    chromium: Browser, base: str, user: User, *, width: int = 1280, dark: bool = False, script: bool = True
) -> Iterator[Researcher]:
    """Somebody who has just signed in, in a fresh browser."""
    context = chromium.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if dark else "light",
        java_script_enabled=script,
        accept_downloads=True,
    )
    who = Researcher(context.new_page(), base, [])
    who.page.on("pageerror", lambda error: who.complaints.append(str(error)))
    who.page.on("console", lambda message: message.type == "error" and who.complaints.append(message.text))
    who.go(f"/sign-in/{make_sign_in_link(user=user)}/")
    who.press("Sign in")
    who.page.wait_for_url("**/studies/")
    yield who
    context.close()

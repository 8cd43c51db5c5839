"""A lab comes together in real browsers: a second factor, an invitation, a forgotten password, a session ended."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.urls import reverse
from playwright.sync_api import Browser, expect

from studyapp import jobs, queue
from studyapp.actions.accounts import create_lab, sign_in_address
from studyapp.models import Job, Lab, User
from tests.journeys.participant_browser import chromium, serious_violations, sticks_out
from tests.journeys.researcher_browser import Researcher

__all__ = ["chromium"]  # a fixture

PASSWORD = "correct horse battery"


@contextmanager
def somebody(chromium: Browser, base: str, width: int = 1280) -> Iterator[Researcher]:
    """A fresh browser of somebody who has not signed in; every page they see is accessible and whole."""
    context = chromium.new_context(viewport={"width": width, "height": 800}, accept_downloads=True)
    who = Researcher(context.new_page(), base, [])
    who.page.on("pageerror", lambda error: who.complaints.append(str(error)))
    who.page.on("console", lambda message: message.type == "error" and who.complaints.append(message.text))
    yield who
    context.close()


def fill(who: Researcher, **fields: str) -> None:
    for label, value in fields.items():
        who.page.get_by_label(label.replace("_", " "), exact=True).fill(value)


def looks_well(who: Researcher) -> bool:
    return serious_violations(who.page) == [] and not sticks_out(who.page)


def mailed() -> str:
    """The address in the message that a worker sends."""
    job = Job.objects.get(state="pending")
    claim = queue.claim(job.pk)
    assert claim is not None
    jobs.JOBS[job.kind](claim)
    claim.finish()
    found = re.search(r"https?://\S+", mail.outbox[-1].body)
    assert found is not None
    return found[0]


@pytest.mark.parametrize("width", [1280, 375])
def test_a_lab_comes_together(web: str, chromium: Browser, width: int) -> None:
    lab: Lab = create_lab(name="Explanations Lab", owner=User.objects.create_user(email="ada@example.org", name="Ada"))
    door = sign_in_address(user=lab.members.get())
    with somebody(chromium, web, width) as ada, somebody(chromium, web, width) as grace:
        ada.page.goto(door)
        ada.press("Sign in")
        choose_password(ada)
        codes = set_up_second_factor(ada)

        ada.go(reverse("members", args=[lab.pk]))
        fill(ada, **{"E-mail_address": "Grace@Example.org"})
        ada.press("Invite")
        ada.sees("grace@example.org")
        assert looks_well(ada)
        join(grace, mailed())
        replace_forgotten_password(grace)

        with somebody(chromium, web, width) as elsewhere:
            sign_in_with_recovery_code(elsewhere, codes[0])
            sign_out_elsewhere(ada)
            elsewhere.go(reverse("studies"))
            expect(elsewhere.page.get_by_role("heading", name="Sign in")).to_be_visible()
            assert elsewhere.complaints == []
        assert (ada.complaints, grace.complaints) == ([], [])


def choose_password(ada: Researcher) -> None:
    ada.go(reverse("account"))
    assert looks_well(ada)
    ada.follow("Choose one")
    fill(ada, Password=PASSWORD, **{"Password,_again": PASSWORD})
    assert looks_well(ada)
    ada.press("Save")


def set_up_second_factor(ada: Researcher) -> list[str]:
    """Returns the recovery codes."""
    ada.follow("Set up")
    fill(ada, Password=PASSWORD)  # what matters asks who it is
    assert looks_well(ada)
    ada.press("Go on")
    ada.page.get_by_text("Or type in the key").click()
    fill(ada, Code=code_of(ada.page.locator(".copy code").inner_text()))
    assert looks_well(ada)
    ada.press("Turn it on")
    expect(ada.page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    assert looks_well(ada)
    return ada.page.locator(".plain code").all_inner_texts()


def join(grace: Researcher, invitation: str) -> None:
    grace.page.goto(invitation)
    fill(grace, Your_name="Grace", Password=PASSWORD)
    assert looks_well(grace)
    grace.press("Make the account and join")
    grace.sees("Explanations Lab")
    grace.press("Sign out")


def replace_forgotten_password(grace: Researcher) -> None:
    grace.follow("Password forgotten?")
    fill(grace, **{"E-mail_address": "grace@example.org"})
    assert looks_well(grace)
    grace.press("Send the link")
    grace.sees("Look into your letter box")
    grace.page.goto(mailed())
    fill(grace, New_password="another good password", **{"New_password,_again": "another good password"})
    assert looks_well(grace)
    grace.press("Save")
    grace.follow("Sign in")
    fill(grace, **{"E-mail_address": "grace@example.org"}, Password="another good password")
    grace.press("Sign in")
    grace.page.wait_for_url("**/studies/")


def sign_in_with_recovery_code(elsewhere: Researcher, code: str) -> None:
    elsewhere.go(reverse("sign_in"))
    fill(elsewhere, **{"E-mail_address": "ada@example.org"}, Password=PASSWORD)
    assert looks_well(elsewhere)
    elsewhere.press("Sign in")
    fill(elsewhere, Code=code)
    assert looks_well(elsewhere)
    elsewhere.press("Sign in")
    elsewhere.page.wait_for_url("**/studies/")


def sign_out_elsewhere(ada: Researcher) -> None:
    ada.go(reverse("account"))
    assert looks_well(ada)
    ada.press("Sign out every other browser")
    ada.sees("1 other browser is signed out.")


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))

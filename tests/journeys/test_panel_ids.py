"""Promise 33: what a panel calls a person is nowhere to be read once they have come."""

from __future__ import annotations

import io
import os
import re
import secrets
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, Request

from studyapp.actions.lifecycle import close_study
from studyapp.actions.payments import reveal_payments
from studyapp.actions.reports import request_report
from studyapp.exports.archive import write_archive
from studyapp.models import Job, Study
from studyapp.models.jobs import JobState
from tests import factories
from tests.journeys.participant_browser import SETTLED_MS, chromium  # noqa: F401 (a fixture)
from tests.journeys.processes import Processes
from tests.promises import traces
from tests.promises.ledger import Reached

SCREENS = 6


@dataclass
class Seen:
    """What a browser asked for and was given after the consent, and what it remembers."""

    canary: dict[str, str]
    requests: list[Request] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def hits(self) -> Counter[str]:
        places = {
            "address of a page": "\n".join(self.addresses),
            "address of a request": "\n".join(request.url for request in self.requests),
            "Referer": "\n".join(request.headers.get("referer", "") for request in self.requests),
            "page": "\n".join(self.pages),
        }
        return sum((traces.in_text(where, text, self.canary) for where, text in places.items()), Counter())


@dataclass
class World:
    """Real processes with logs of their own, and somebody who came from a panel."""

    study: Study
    processes: Processes
    base: str
    pid: str

    @property
    def canary(self) -> dict[str, str]:
        return {"panel id": self.pid}

    def logs(self) -> Counter[str]:
        text = {process.name: process.log.read_text() for process in self.processes.started}
        return sum((traces.in_text(f"log of {name}", said, self.canary) for name, said in text.items()), Counter())


def world_of(processes: Processes) -> World:
    study = factories.make_open()
    return World(study, processes, processes.web(), f"pid{secrets.token_hex(12)}")


@pytest.fixture
def world(processes: Processes) -> World:
    return world_of(processes)


@pytest.fixture
def named_world(transactional_db: None, tmp_path: Path) -> Iterator[World]:
    processes = Processes(tmp_path, {"DJANGO_SETTINGS_MODULE": "tests.journeys.named_settings"})
    try:
        yield world_of(processes)
    finally:
        processes.stop()


def visit(browser: Browser, world: World) -> Seen:
    """Come from the panel, agree, answer, look at one's data, and meet errors."""
    context = browser.new_context()
    page, seen = context.new_page(), Seen(world.canary)
    link = reverse("join", args=[factories.main_link(world.study).token])
    panel = f"?PROLIFIC_PID={world.pid}&STUDY_ID=s1&SESSION_ID=x{world.pid}"
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    page.goto(world.base + link + panel)
    page.get_by_role("button", name="I agree").click()
    page.wait_for_url("**/run/**")
    run = page.url
    for _ in range(SCREENS):
        note(page, seen)
        answer(page)
    for address in (run, f"{world.base}/run/{world.study.public_id}/your-data/", f"{world.base}/nowhere/", run + "ä"):
        page.goto(address)
        note(page, seen)
    seen.requests = [request for request in asked if panel not in request.url]  # but what the panel itself asked for
    history = context.new_cdp_session(page).send("Page.getNavigationHistory")["entries"]
    seen.addresses += [entry["url"] for entry in history if not entry["url"].endswith(panel)]
    context.close()
    return seen


def note(page: Page, seen: Seen) -> None:
    seen.addresses.append(page.url)
    seen.pages.append(page.content())


def answer(page: Page) -> None:
    before = page.locator("#screen").get_attribute("data-place")
    for name in ("answer-0", "answer-1"):  # of the comprehension check
        if page.locator(f"[name={name}]").count():
            page.locator(f"label[for={name}-1]").click()
    if page.locator("[name=answer]").count():
        page.locator("label[for=answer-0]").click()
    page.wait_for_timeout(SETTLED_MS)
    page.locator("#screen button[type=submit]").click()
    page.locator(f'#screen:not([data-place="{before}"])').wait_for()


def finish(world: World) -> bytes:
    """Pay, close, unblind and analyse, with real workers; the archive."""
    owner = factories.owner_of(world.study.lab)
    assert world.pid in {payment.panel_id for payment in reveal_payments(study=world.study, actor=owner)}
    close_study(study=world.study, actor=owner)
    world.study = factories.unblind(world.study)
    request_report(stage=factories.main_link(world.study).stage, actor=owner)
    world.processes.relay()
    world.processes.worker()
    world.processes.wait_until(is_quiet, what="the jobs", seconds=60)
    file = io.BytesIO()
    write_archive(factories.main_link(world.study).stage, file)
    return file.getvalue()


def is_quiet() -> bool:
    return not Job.objects.filter(state__in=[JobState.PENDING, JobState.RUNNING]).exclude(kind="explain").exists()


@pytest.mark.promise(33)
def test_a_panel_id_is_nowhere_to_be_read(world: World, chromium: Browser, reached: Reached) -> None:  # noqa: F811
    seen = visit(chromium, world)
    archive = finish(world)
    metrics = urllib.request.urlopen(f"{world.base}/metrics").read().decode()
    assert re.search(r"^\w+.* \d", metrics, re.MULTILINE)

    found = (
        seen.hits()
        + world.logs()
        + traces.in_tables(world.canary)  # sessions, jobs' arguments and the audit trail among them
        + traces.in_broker(world.canary)
        + traces.in_zip(archive, world.canary)
        + traces.in_text("metrics", metrics, world.canary)
        + traces.in_files(Path(os.environ["FORETELL_DATA"]), world.canary)  # Postgres' own files and logs too
    )

    assert found == Counter()
    assert len(seen.pages) == SCREENS + 4
    reached(
        f"0 hits in {len(seen.requests)} requests and Referers, {len(seen.pages)} pages, {len(set(seen.addresses))} "
        f"addresses, {len(world.processes.started)} logs, every table, job, export, metric and file; the browser's "
        "history keeps the panel's own link, which names the person, and no address of ours that does"
    )


@pytest.mark.control(33, "the panel id in the path")
def test_an_address_with_a_name_shows(named_world: World, chromium: Browser, reached: Reached) -> None:  # noqa: F811
    found = visit(chromium, named_world).hits()

    assert {"panel id in address of a page", "panel id in address of a request", "panel id in Referer"} <= set(found)
    reached(f"found in: {', '.join(sorted(hit.removeprefix('panel id in ') for hit in found))}")

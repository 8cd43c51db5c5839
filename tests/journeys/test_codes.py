"""A completion code is worth something only if every answer behind it is in the database.

People walk through the real pages over real sockets; some of their uploads are cut off in the middle, or lose their
reply, and some of those people give up. Whoever gets a code has every row; whoever has every row gets one.
"""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from django.test import Client

from studyapp.models import Enrolment, Response
from studyapp.rehearsal.browser import Browser, Form, Page
from tests.promises.ledger import Reached, scale
from tests.studyapp.views.participant_study import RIGHT_CHECK, MadeStudy, consent, make_study, walk

RUNS = scale(full=1_000, quick=60)
CUT_SHARE = 0.2  # of the runs have uploads that are cut
AT_ONCE = 8
CODE = "DONE42"
RUN = re.compile(r'data-run="(\w+)"')


@dataclass
class Participant:
    """Somebody who answers page after page; `cut` says at which screens the upload breaks, `gives_up` where it ends."""

    base: str
    made: MadeStudy
    number: int
    cut: frozenset[int] = frozenset()
    gives_up: int = 10_000
    cuts: int = 0
    browser: Browser = field(default_factory=lambda: Browser(scripts=True))

    def take_part(self) -> str:
        """The text of the last page that they see."""
        page = self.browser.get(f"{self.base}{self.made.join}?participant=p{self.number}")
        page = self.browser.send(page, the_form(page, "decision"), {"decision": "consent"})
        for screen in range(self.made.n_steps):
            form = page.form_with("stamp")
            if form is None:
                break
            if screen in self.cut:
                self.lose(page, form)
                if screen >= self.gives_up:
                    break
                page = self.browser.get(f"{self.base}{self.made.run}")  # the page is gone; they come back
                form = page.form_with("stamp")
                if form is None:
                    break
            page = self.browser.send(page, form, answers(form))
        last = self.browser.get(f"{self.base}{self.made.run}").text
        self.browser.close()
        return last

    def lose(self, page: Page, form: Form) -> None:
        """Send an answer so that half of it arrives, or all of it but never the reply."""
        self.cuts += 1
        body = urlencode({**form.values, **answers(form)}).encode()
        half = len(body) // 2 if self.cuts % 2 else len(body)
        parts = urlsplit(self.base)
        head = (
            f"POST {self.made.run} HTTP/1.1\r\nHost: {parts.netloc}\r\nX-Requested-With: foretell\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\nCookie: {self.cookies()}\r\n\r\n"
        )
        with socket.create_connection((parts.hostname, parts.port)) as wire:
            wire.sendall(head.encode() + body[:half])

    def cookies(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.browser.cookies.items())


def the_form(page: Page, name: str) -> Form:
    form = page.form_with(name)
    assert form is not None, page.text
    return form


def answers(form: Form) -> dict[str, str]:
    if "answer-0" in form.offers:
        return RIGHT_CHECK
    return {"answer": form.offers["answer"][0]} if "answer" in form.offers else {}


def people(base: str, made: MadeStudy) -> list[Participant]:
    draw = random.Random(14)
    found = []
    for number in range(RUNS):
        cut: frozenset[int] = frozenset()
        gives_up = 10_000
        if number % round(1 / CUT_SHARE) == 0:
            cut = frozenset(draw.sample(range(made.n_steps), 3))
            gives_up = max(cut) if draw.random() < 0.5 else 10_000
        found.append(Participant(base, made, number, cut, gives_up))
    return found


def rows_missing(made: MadeStudy) -> dict[str, int]:
    """How many answers each run of a study lacks in the database, by its code."""
    runs = dict(Enrolment.objects.filter(study=made.study).values_list("pk", "code"))
    stored: dict[str, set[int]] = {code: set() for code in runs.values()}
    for run, position in Response.objects.filter(enrolment__in=runs).values_list("enrolment", "position"):
        stored[runs[run]].add(position)
    return {code: made.n_steps - len(positions) for code, positions in stored.items()}


def shown_to(pages: Iterable[str]) -> dict[str, bool]:
    """Whether each run was shown a completion code, as its last page says."""
    return {match[1]: CODE in page for page in pages if (match := RUN.search(page))}


def codes_without_rows(shown: Mapping[str, bool], missing: Mapping[str, int]) -> list[str]:
    """The check of the promise: runs that were shown a code while answers are missing."""
    return [run for run, has_code in shown.items() if has_code and missing[run]]


@pytest.mark.promise(14)
def test_a_code_is_given_to_whoever_has_every_row_and_to_nobody_else(web: str, reached: Reached) -> None:
    made = make_study("tabular", strata=False, n_tests=1, capacity=2 * RUNS)
    everybody = people(web, made)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        shown = shown_to(pool.map(Participant.take_part, everybody))

    missing = rows_missing(made)
    cuts = sum(person.cuts for person in everybody)
    complete = [run for run, n in missing.items() if not n]
    assert len(shown) == len(missing) == RUNS
    assert cuts >= RUNS * CUT_SHARE
    assert len(complete) < RUNS  # some gave up
    assert codes_without_rows(shown, missing) == []
    assert [run for run in complete if not shown[run]] == []
    reached(
        f"{RUNS:,} runs, {cuts} uploads cut in {len([p for p in everybody if p.cut])} of them: 0 codes with a row "
        f"missing; {len(complete):,} of {len(complete):,} complete runs have one"
    )


@pytest.mark.django_db
@pytest.mark.control(14, "the code in the end page's template")
def test_a_code_in_the_template_reaches_runs_without_rows(settings, tmp_path: Path, reached: Reached) -> None:  # type: ignore[no-untyped-def]
    made = make_study("tabular", strata=False, n_tests=1)
    browsers = [Client() for _ in range(5)]
    for number, browser in enumerate(browsers):
        run = consent(browser, made)
        walk(browser, made, until=made.n_steps - number)
        # As if rows had been lost on the way: the run says completed, its last answers are nowhere.
        Enrolment.objects.filter(pk=run.pk).update(state="completed", position=made.n_steps)

    def without_rows() -> list[str]:
        pages = [browser.get(made.run).content.decode() for browser in browsers]
        return codes_without_rows(shown_to(pages), rows_missing(made))

    assert without_rows() == []
    page = tmp_path / "studyapp" / "participant" / "debrief.html"
    page.parent.mkdir(parents=True)
    page.write_text('<main id="screen" data-run="{{ code }}">Thank you. Your code: DONE42</main>')
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    assert len(without_rows()) == 4
    reached(f"{len(without_rows())} of {len(browsers)} runs got a code with rows missing")

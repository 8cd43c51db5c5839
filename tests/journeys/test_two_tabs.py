"""One person in two tabs is one run: who somebody is comes from the link and the browser, never from a tab."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from django.test import Client

from studyapp.actions import enrol
from studyapp.models import Enrolment, Link, Response
from studyapp.rehearsal.browser import Browser
from tests.journeys.test_codes import answers, the_form
from tests.promises.ledger import Reached, scale
from tests.studyapp.views.participant_study import MadeStudy, fields_of, make_study

PEOPLE = scale(full=500, quick=16)
AT_ONCE = 8


@dataclass
class TwoTabs:
    """Somebody who opens a link in two tabs of one browser, consents in both and answers now here, now there."""

    base: str
    made: MadeStudy
    number: int

    def take_part(self) -> str:
        """The last page, as the tab that did not answer last shows it."""
        first = Browser(scripts=True)
        second = first.another_tab()
        # Every other person comes without a panel's id and is known by the browser alone.
        query = f"?participant=t{self.number}" if self.number % 2 else ""
        pages = [tab.get(self.base + self.made.join + query) for tab in (first, second)]
        for tab, page in zip((first, second), pages, strict=True):
            tab.send(page, the_form(page, "decision"), {"decision": "consent"})
        for screen in range(self.made.n_steps):
            here, there = (first, second) if (screen + self.number) % 2 else (second, first)
            self.answer_in_both(here, there)
        last = second.get(self.run).text
        for tab in (first, second):
            tab.close()
        return last

    @property
    def run(self) -> str:
        return self.base + self.made.run

    def answer_in_both(self, here: Browser, there: Browser) -> None:
        """Both show the screen; one answers, then the other, on the screen that is no longer open."""
        page, twin = here.get(self.run), there.get(self.run)
        form, late = the_form(page, "stamp"), the_form(twin, "stamp")
        taken = here.send(page, form, answers(form))
        refused = there.send(twin, late, answers(late))
        assert (taken.status, refused.status) == (200, 200)
        assert "Go on from here." in refused.text or "data-ended" in refused.text


def runs_and_answers(made: MadeStudy) -> tuple[int, int, int]:
    """The check of the promise: runs, those that are whole, and answers given twice."""
    runs = list(Enrolment.objects.filter(study=made.study).values_list("pk", "state"))
    given = Counter(Response.objects.filter(enrolment__study=made.study).values_list("enrolment", "position"))
    whole = sum(state == "completed" for _, state in runs)
    return len(runs), whole, sum(count > 1 for count in given.values())


@pytest.mark.promise(15)
def test_one_person_in_two_tabs_is_one_run(web: str, reached: Reached) -> None:
    made = make_study("tabular", strata=False, n_tests=1, capacity=2 * PEOPLE)
    everybody = [TwoTabs(web, made, number) for number in range(PEOPLE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pages = list(pool.map(TwoTabs.take_part, everybody))

    assert runs_and_answers(made) == (PEOPLE, PEOPLE, 0)
    assert all("DONE42" in page for page in pages)
    reached(f"{PEOPLE} people, two tabs each: {PEOPLE} runs, 0 answers twice")


def consent_in_two_tabs(made: MadeStudy, people: int) -> int:
    """How many runs there are when each person consents in two tabs that share nothing but the id in the link."""
    for number in range(people):
        tabs = Client(), Client()
        pages = [tab.get(f"{made.join}?participant=t{number}") for tab in tabs]
        for tab, page in zip(tabs, pages, strict=True):
            assert tab.post(made.join, {**fields_of(page), "decision": "consent"}).status_code == 303
    return Enrolment.objects.filter(study=made.study).count()


@pytest.mark.django_db
@pytest.mark.control(15, "identity by a visitor known to one tab alone")
def test_who_is_known_by_a_tab_alone_is_two_runs(monkeypatch: pytest.MonkeyPatch, reached: Reached) -> None:
    pseudonym_of = enrol.pseudonym_of

    def by_tab(link: Link, arrival: enrol.Arrival, visitor: str) -> str:
        return pseudonym_of(link, enrol.Arrival("", "", {}), visitor)

    made = make_study("tabular", strata=False, n_tests=1)
    people = 5
    assert consent_in_two_tabs(made, people) == people
    monkeypatch.setattr(enrol, "pseudonym_of", by_tab)
    made = make_study("tabular", strata=False, n_tests=1)
    assert consent_in_two_tabs(made, people) == 2 * people
    reached(f"{people} people: {2 * people} runs")

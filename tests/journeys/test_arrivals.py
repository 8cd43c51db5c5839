"""200 people arrive at once at one link with 150 places, half of them in two tabs: one arm each, whole blocks."""

from __future__ import annotations

import random
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from django.db import connection

from studyapp.actions import enrol, respond
from studyapp.actions.allocate import mechanism, sequence_label
from studyapp.actions.links import link_address
from studyapp.actions.sealing import unseal
from studyapp.design.schema import Design
from studyapp.models import Assignment, Enrolment, Link, Stage, Stratum, Study
from studyapp.models.participants import EnrolmentState
from studyapp.rehearsal.browser import Browser, Page
from tests import factories

FULL = "You cannot begin now"
SCREEN = re.compile(r'class="screen screen-(\w+)"')


@dataclass
class Tab:
    """One tab of one person; tabs of a person share their cookies."""

    address: str
    browser: Browser
    checks: dict[str, str]
    page: Page | None = None

    def open(self) -> None:
        self.page = self.browser.get(self.address)

    def arrive(self, together: threading.Barrier) -> float:
        """Wait for all the others, consent and go on to the screen after allocation; seconds."""
        assert self.page is not None
        together.wait(timeout=120)
        page, form = self.page, self.page.form_with("decision")
        assert form is not None, page.title
        begun = time.perf_counter()
        page = self.browser.send(page, form, {"decision": "consent"})
        while kind_of(page) in {"instructions", "comprehension"}:
            form = page.form_with("stamp")
            assert form is not None, page.title
            page = self.browser.send(page, form, self.checks if kind_of(page) == "comprehension" else {})
        assert page.status == 200 or page.title == FULL, (page.status, page.title)
        self.browser.close()
        return time.perf_counter() - begun


def kind_of(page: Page) -> str:
    found = SCREEN.search(page.text)
    return found.group(1) if found else ""


def tabs_of(link: Link, people: int) -> list[Tab]:
    """A tab for each person and a second one for every other."""
    design = link.stage.study.frozen.design
    checks = {f"answer-{number}": str(q.answer) for number, q in enumerate(design.comprehension.questions)}
    tabs = []
    for person in range(people):
        browser = Browser()
        address = f"{link_address(link)}?PROLIFIC_PID=person-{person}"
        tabs.append(Tab(address, browser, checks))
        if person % 2:
            tabs.append(Tab(address, browser.another_tab(), checks))
    return tabs


def arrive_at_once(tabs: Sequence[Tab]) -> list[float | BaseException]:
    """Everybody looks at the consent page, then all press the button at once; what each tab took, or met instead."""
    for tab in tabs:
        tab.open()
    together = threading.Barrier(len(tabs))

    def one(tab: Tab) -> float | BaseException:
        try:
            return tab.arrive(together)
        except (AssertionError, Exception) as error:
            return error

    with ThreadPoolExecutor(len(tabs)) as pool:
        return list(pool.map(one, tabs))


def faults(study: Study, people: int, capacity: int) -> list[str]:
    """Every way in which the allocation of a stage is not what was promised."""
    stage = Stage.objects.get(study=study)
    enrolments = list(Enrolment.objects.filter(stage=stage).select_related("participant"))
    given = list(Assignment.objects.filter(enrolment__stage=stage).select_related("enrolment", "stratum"))
    states = Counter(enrolment.state for enrolment in enrolments)
    refused = states[EnrolmentState.NOT_ALLOCATED] + people - len(enrolments)
    promised = {
        "one enrolment a person": len({e.participant_id for e in enrolments}) == len(enrolments) <= people,
        "one assignment an enrolment": len({a.enrolment_id for a in given}) == len(given),
        "every place is taken": len(given) == stage.allocated == min(capacity, people),
        # Told at the end of the instructions, or at the link already where the last place went before.
        "those without a place are told": refused == max(0, people - capacity),
        "the page's arm is the assignment's": all(a.arm == a.enrolment.arm for a in given),
        "no arm without an assignment": sum(bool(e.arm) for e in enrolments) == len(given),
        "places follow each other": sorted(a.sequence for a in given) == list(range(len(given))),
        "the sealed sequence is followed": all(follows_the_seal(study, stage, a) for a in given),
        "no permuted block is broken": not broken_blocks(given, study.frozen.design),
    }
    return [promise for promise, kept in promised.items() if not kept]


def follows_the_seal(study: Study, stage: Stage, given: Assignment) -> bool:
    key = unseal(bytes(study.seal.encrypted_key), "allocation")
    label = sequence_label(stage, given.stratum.key)
    place = mechanism(study.frozen.design).place(key, label, given.sequence)
    return (place.arm, place.permuted_block, place.block_size) == (given.arm, given.permuted_block, given.block_size)


def broken_blocks(given: Sequence[Assignment], design: Design) -> list[int]:
    """Blocks with an arm over its quota, or full ones with one under it; counted from the rows alone."""
    weights = {arm.key: arm.weight for arm in design.arms}
    blocks: dict[int, list[Assignment]] = {}
    for row in given:
        blocks.setdefault(row.permuted_block, []).append(row)
    broken = []
    for number, rows in blocks.items():
        size = rows[0].block_size
        quota = {arm: size * weight // sum(weights.values()) for arm, weight in weights.items()}
        counts = Counter(row.arm for row in rows)
        over = any(counts[arm] > quota.get(arm, 0) for arm in counts)
        if over or (len(rows) == size and counts != quota) or len(rows) > size:
            broken.append(number)
    return broken


def open_study(capacity: int) -> Study:
    allocation = {"block_multiples": [1, 2], "capacity": capacity}
    return factories.make_open(document=factories.small_document(allocation=allocation))


def test_two_hundred_arrive_at_once_and_nobody_has_two_arms(web: str, record_property: Callable[..., None]) -> None:
    people, capacity = 200, 150
    study = open_study(capacity)

    times = arrive_at_once(tabs_of(factories.main_link(study), people))

    assert [time for time in times if not isinstance(time, float)] == []
    assert faults(study, people, capacity) == []
    ordered = sorted(time for time in times if isinstance(time, float))
    p50, p95 = ordered[len(ordered) // 2], ordered[int(0.95 * len(ordered))]
    record_property("arrival_p95_s", round(p95, 2))
    print(f"{len(times)} tabs of {people} people at once, from consent to allocation: p50 {p50:.1f} s, p95 {p95:.1f} s")


# --- the tests above see what they look for ----------------------------------------------------------------------


def count_the_arms(enrolment: Enrolment, design: Design) -> Assignment:
    """Mutant: the arm with the fewest people so far, read before it is written."""
    rows = Assignment.objects.filter(enrolment__stage=enrolment.stage)
    counts = Counter(rows.values_list("arm", flat=True))
    time.sleep(random.uniform(0.02, 0.1))
    enrolment.arm = min((arm.key for arm in design.arms), key=lambda arm: counts[arm])
    stratum, _ = Stratum.objects.get_or_create(stage=enrolment.stage, key="")
    n_arms = len(design.arms)
    return Assignment.objects.create(
        enrolment=enrolment, stratum=stratum, sequence=secrets.randbelow(10_000), arm=enrolment.arm,
        permuted_block=sum(counts.values()) // n_arms, block_size=n_arms, assigned_at=enrolment.enrolled_at,
    )  # fmt: skip


@pytest.fixture
def here(live_server, settings) -> str:  # type: ignore[no-untyped-def]
    """The pages in threads of this process, so that a mutant planted here is met there."""
    settings.BASE_URL = live_server.url
    return str(live_server.url)


def test_arms_that_are_counted_instead_of_drawn_are_seen(here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    study = open_study(24)
    monkeypatch.setattr(respond, "allocate", count_the_arms)
    arrive_at_once(tabs_of(factories.main_link(study), 24))
    found = faults(study, 24, 24)
    assert {"no permuted block is broken", "the sealed sequence is followed", "places follow each other"} <= set(found)


def test_a_tab_that_is_taken_for_a_person_is_seen(here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    study = open_study(24)
    monkeypatch.setattr(enrol, "pseudonym_of", lambda link, arrival, visitor: secrets.token_hex(32))
    arrive_at_once(tabs_of(factories.main_link(study), 8))
    assert "one enrolment a person" in faults(study, 8, 24)


def test_the_pages_in_this_process_keep_every_promise_without_a_mutant(here: str) -> None:
    """So that the two above are red for their mutant and nothing else; two people want the last place too."""
    study = open_study(7)
    times = arrive_at_once(tabs_of(factories.main_link(study), 8))
    connection.close()
    assert [time for time in times if not isinstance(time, float)] == []
    assert faults(study, 8, 7) == []

"""Many people at one link in the same moment: their tabs, and every way in which an allocation can be wrong."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from studyapp.actions.allocate import mechanism, sequence_label
from studyapp.actions.links import link_address
from studyapp.actions.sealing import unseal
from studyapp.design.schema import Design
from studyapp.models import Assignment, Enrolment, Link, Stage, Study
from studyapp.models.participants import EnrolmentState
from studyapp.rehearsal.browser import Browser, Page

FULL = "You cannot begin now"
SCREEN = re.compile(r'class="screen screen-(\w+)"')
BEFORE_ALLOCATION = {"background", "instructions", "comprehension"}


@dataclass
class Tab:
    """One tab of one person; tabs of a person share their cookies."""

    person: int
    address: str
    browser: Browser
    checks: Mapping[str, str]
    page: Page | None = None
    waits: list[float] = field(default_factory=list)

    def open(self) -> None:
        self.page = self.browser.get(self.address)

    def consent(self) -> None:
        self.send("decision", {"decision": "consent"})

    def go_to_check(self) -> None:
        while kind_of(self.here) in {"background", "instructions"}:
            self.send("stamp", {"answer": str(self.person % 3)} if kind_of(self.here) == "background" else {})

    def pass_check(self) -> None:
        """The answer that allocates; who lost the race for it with their other tab is shown where they are."""
        while kind_of(self.here) in BEFORE_ALLOCATION:
            self.send("stamp", self.checks if kind_of(self.here) == "comprehension" else {})
        assert self.here.status == 200 or self.here.title == FULL, (self.here.status, self.here.title)

    @property
    def here(self) -> Page:
        assert self.page is not None
        return self.page

    def send(self, field_name: str, answers: Mapping[str, str]) -> None:
        form = self.here.form_with(field_name)
        assert form is not None, self.here.title
        begun = time.perf_counter()
        self.page = self.browser.send(self.here, form, answers)
        self.waits.append(time.perf_counter() - begun)


def kind_of(page: Page) -> str:
    found = SCREEN.search(page.text)
    return found.group(1) if found else ""


def tabs_of(link: Link, people: int, *, second_tab_of: Callable[[int], bool] = lambda person: True) -> list[Tab]:
    """A tab for each person and a second one for those named."""
    design = link.stage.study.frozen.design
    checks = {f"answer-{number}": str(q.answer) for number, q in enumerate(design.comprehension.questions)}
    tabs = []
    for person in range(people):
        browser = Browser()
        address = f"{link_address(link)}?PROLIFIC_PID=person-{person}"
        tabs.append(Tab(person, address, browser, checks))
        if second_tab_of(person):
            tabs.append(Tab(person, address, browser.another_tab(), checks))
    return tabs


@dataclass
class Burst:
    """What every tab waited, in seconds, and what went wrong in any."""

    consents: list[float] = field(default_factory=list)
    allocations: list[float] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def __iadd__(self, other: Burst) -> Burst:
        self.consents += other.consents
        self.allocations += other.allocations
        self.errors += other.errors
        return self


def arrive_at_once(tabs: Sequence[Tab]) -> Burst:
    """All look at the consent page, press the button at once, read, and send the answer that allocates at once."""
    for tab in tabs:
        tab.open()
    burst = Burst()
    burst.consents = _all_at_once(tabs, Tab.consent, burst.errors)
    for tab in tabs:
        if not burst.errors:
            tab.go_to_check()
    burst.allocations = _all_at_once(tabs, Tab.pass_check, burst.errors)
    for tab in tabs:
        tab.browser.close()
    return burst


def _all_at_once(tabs: Sequence[Tab], step: Callable[[Tab], None], errors: list[BaseException]) -> list[float]:
    together = threading.Barrier(len(tabs))
    waits: list[float] = []

    def one(tab: Tab) -> None:
        together.wait(timeout=120)
        before = len(tab.waits)
        try:
            step(tab)
        except (AssertionError, Exception) as error:
            errors.append(error)
        waits.extend(tab.waits[before:])

    with ThreadPoolExecutor(len(tabs)) as pool:
        list(pool.map(one, tabs))
    return waits


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def faults(study: Study, people: int, capacity: int) -> list[str]:
    """Every way in which the allocation of a study's main stage is not what was promised."""
    stage = Stage.objects.get(study=study)
    enrolments = list(Enrolment.objects.filter(stage=stage).select_related("participant"))
    given = list(Assignment.objects.filter(enrolment__stage=stage).select_related("enrolment", "stratum"))
    states = Counter(enrolment.state for enrolment in enrolments)
    refused = states[EnrolmentState.NOT_ALLOCATED] + people - len(enrolments)
    strata = by_stratum(given)
    promised = {
        "one enrolment a person": len({e.participant_id for e in enrolments}) == len(enrolments) <= people,
        "one assignment an enrolment": len({a.enrolment_id for a in given}) == len(given),
        "every place is taken": len(given) == stage.allocated == min(capacity, people),
        # Told at the end of the instructions, or at the link already where the last place went before.
        "those without a place are told": refused == max(0, people - capacity),
        "the page's arm is the assignment's": all(a.arm == a.enrolment.arm for a in given),
        "no arm without an assignment": sum(bool(e.arm) for e in enrolments) == len(given),
        "places follow each other": all([a.sequence for a in rows] == list(range(len(rows))) for rows in strata),
        "the sealed sequence is followed": all(follows_the_seal(study, stage, a) for a in given),
        "no permuted block is broken": not any(broken_blocks(rows, study.frozen.design) for rows in strata),
        "arms stay in balance on the way": all(in_balance(rows, study.frozen.design) for rows in strata),
    }
    return [promise for promise, kept in promised.items() if not kept]


def by_stratum(given: Sequence[Assignment]) -> list[list[Assignment]]:
    """The assignments of each stratum, in the order of its sequence."""
    strata: dict[int, list[Assignment]] = {}
    for row in sorted(given, key=lambda row: row.sequence):
        strata.setdefault(row.stratum_id, []).append(row)
    return list(strata.values())


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


def in_balance(given: Sequence[Assignment], design: Design) -> bool:
    """No two arms ever differ by more than half the largest block; for arms of equal weight."""
    largest = max(design.allocation.block_multiples) * sum(arm.weight for arm in design.arms)
    counts = dict.fromkeys((arm.key for arm in design.arms), 0)
    for row in given:
        counts[row.arm] = counts.get(row.arm, 0) + 1
        if max(counts.values()) - min(counts.values()) > largest / 2:
            return False
    return True

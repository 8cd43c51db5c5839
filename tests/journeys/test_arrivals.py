"""People who arrive all at once, in two tabs, in three strata: one arm each, whole blocks, nobody waits long."""

from __future__ import annotations

import random
import secrets
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from studyapp.actions import audit, enrol, respond
from studyapp.design.schema import Design
from studyapp.models import Assignment, Enrolment, Stratum, Study
from tests import factories
from tests.journeys.arrivals import Burst, Tab, arrive_at_once, faults, percentile, tabs_of
from tests.promises.ledger import FULL, Reached, scale

SITES = {"key": "site", "question": "Where are you?", "options": ["At home", "At work", "On the way"]}


def open_study(capacity: int, **allocation: Any) -> Study:
    allocation = {"block_multiples": [1, 2], "capacity": capacity, **allocation}
    return factories.make_open(document=factories.small_document(allocation=allocation))


@pytest.mark.promise(4)
@pytest.mark.promise(5)
@pytest.mark.promise(6)
def test_a_hundred_people_in_two_tabs_get_one_arm_each_in_whole_blocks(web: str, reached: Reached) -> None:
    people, rounds = 100, scale(full=25, quick=2)
    study, found, all_waits = None, [], Burst()
    for _ in range(rounds):
        study = open_study(people, strata=[SITES])
        all_waits += arrive_at_once(tabs_of(factories.main_link(study), people))
        found += faults(study, people, people)

    assert all_waits.errors == []
    assert found == []
    n_people = Enrolment.objects.count()
    assert n_people == Assignment.objects.count() == people * rounds
    consent, allocated = percentile(all_waits.consents, 0.95), percentile(all_waits.allocations, 0.95)
    reached(f"0 of {n_people:,} people with two arms; two tabs each, {rounds} rounds", 4)
    reached(f"0 broken blocks in {Stratum.objects.count()} strata of {n_people:,} people", 5)
    reached(
        f"{rounds} bursts of {2 * people}: p95 {consent:.1f} s to consent, {allocated:.1f} s to allocation, 0 errors", 6
    )
    if FULL:
        assert max(consent, allocated) <= 3


@pytest.mark.promise(6)
def test_people_who_arrive_one_after_the_other_are_served_at_once(web: str, reached: Reached) -> None:
    people, per_second = scale(full=6_000, quick=60), 20
    study = open_study(people)
    tabs = tabs_of(factories.main_link(study), people, second_tab_of=lambda person: False)
    begun = time.monotonic()

    def arrive(tab: Tab) -> None:
        time.sleep(max(0.0, begun + tab.person / per_second - time.monotonic()))
        tab.open()
        tab.consent()
        tab.go_to_check()
        tab.pass_check()
        tab.browser.close()

    with ThreadPoolExecutor(30) as pool:
        list(pool.map(arrive, tabs))
    waits = [wait for tab in tabs for wait in tab.waits]
    assert faults(study, people, people) == []
    reached(
        f"{people:,} people at {per_second} a second: a page's p95 {1000 * percentile(waits, 0.95):.0f} ms, 0 errors"
    )


def test_more_people_than_places_are_told_and_hold_none(web: str) -> None:
    study = open_study(40)

    burst = arrive_at_once(tabs_of(factories.main_link(study), 60, second_tab_of=lambda person: person % 2 == 1))

    assert burst.errors == []
    assert faults(study, 60, 40) == []


# --- the tests above see what they look for ----------------------------------------------------------------------


def count_the_arms(enrolment: Enrolment, design: Design) -> Assignment:
    """Mutant: the arm with the fewest people so far, read before it is written."""
    rows = Assignment.objects.filter(enrolment__stage=enrolment.stage)
    counts = Counter(rows.values_list("arm", flat=True))
    time.sleep(random.uniform(0.02, 0.1))
    enrolment.arm = min((arm.key for arm in design.arms), key=lambda arm: counts[arm])
    stratum, _ = Stratum.objects.get_or_create(stage=enrolment.stage, key="")
    n_arms = len(design.arms)
    audit.record("allocated", enrolment.trail_name, actor=audit.SYSTEM, study=enrolment.study)
    return Assignment.objects.create(
        enrolment=enrolment, stratum=stratum, sequence=secrets.randbelow(10_000), arm=enrolment.arm,
        permuted_block=sum(counts.values()) // n_arms, block_size=n_arms, assigned_at=enrolment.enrolled_at,
    )  # fmt: skip


@pytest.fixture
def here(live_server, settings) -> str:  # type: ignore[no-untyped-def]
    """The pages in threads of this process, so that a mutant planted here is met there."""
    settings.BASE_URL = live_server.url
    return str(live_server.url)


@pytest.mark.control(5, "arms are counted instead of drawn")
def test_arms_that_are_counted_instead_of_drawn_are_seen(
    here: str, monkeypatch: pytest.MonkeyPatch, reached: Reached
) -> None:
    study = open_study(24)
    monkeypatch.setattr(respond, "allocate", count_the_arms)
    arrive_at_once(tabs_of(factories.main_link(study), 24))
    found = faults(study, 24, 24)
    assert {"no permuted block is broken", "the sealed sequence is followed", "places follow each other"} <= set(found)
    reached("; ".join(found))


@pytest.mark.control(4, "a tab is taken for a person")
def test_a_tab_that_is_taken_for_a_person_is_seen(here: str, monkeypatch: pytest.MonkeyPatch, reached: Reached) -> None:
    study = open_study(24)
    monkeypatch.setattr(enrol, "pseudonym_of", lambda link, arrival, visitor: secrets.token_hex(32))
    arrive_at_once(tabs_of(factories.main_link(study), 8))
    found = faults(study, 8, 24)
    assert "one enrolment a person" in found
    reached(f"{Enrolment.objects.count()} runs of 8 people")


@pytest.mark.control(6, "the lock is held while the page is made")
def test_a_lock_that_is_held_too_long_makes_a_burst_wait(
    here: str, monkeypatch: pytest.MonkeyPatch, reached: Reached
) -> None:
    study = open_study(24)
    whole = respond.allocate

    def slowly(enrolment: Enrolment, design: Design) -> Assignment:
        given = whole(enrolment, design)
        time.sleep(0.2)  # what rendering or a broker would add under the lock
        return given

    monkeypatch.setattr(respond, "allocate", slowly)
    burst = arrive_at_once(tabs_of(factories.main_link(study), 24, second_tab_of=lambda person: False))
    waited = percentile(burst.allocations, 0.95)
    assert waited > 3
    reached(f"p95 {waited:.1f} s for 24 people")


def test_the_pages_in_this_process_keep_every_promise_without_a_mutant(here: str) -> None:
    """So that those above are red for their mutant and nothing else; two people want the last place too."""
    study = open_study(7)
    burst = arrive_at_once(tabs_of(factories.main_link(study), 8, second_tab_of=lambda person: person % 2 == 1))
    connection.close()
    assert burst.errors == []
    assert faults(study, 8, 7) == []

"""What is promised of answers and arms, each beside a process that breaks it on purpose: then its checker is red."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tests.promises.ledger import Reached, scale
from tests.torture import checkers
from tests.torture.arena import Arena
from tests.torture.conftest import OpenArena
from tests.torture.history import ACKNOWLEDGED, ALTERED, History
from tests.torture.people import Crowd, Person, World, walk_all
from tests.torture.rows import Rows, read_rows

ALONE = {"web_processes": 1}


def people(arena: Arena, world: World, count: int, *, called: str = "person", **habits: object) -> Sequence[Person]:
    """Two tabs, altering and the like only where the test asks for it; the twins in turn."""
    links = arena.prepared.links
    return [
        Person(world, f"{called}-{n}", links[n % 2], f"twin {n % 2}", random.Random(n), **habits)  # type: ignore[arg-type]
        for n in range(count)
    ]


def let_walk(arena: Arena, count: int, **habits: object) -> tuple[History, Rows]:
    """So many people at once through the real pages, then what they wrote down and what the database holds."""
    arena.start("web")
    world = World(arena.base, arena.prepared.code, History())
    walk_all(people(arena, world, count, **habits))
    return world.history, rows_of(arena)


def rows_of(arena: Arena) -> Rows:
    with arena.cluster.session(arena.name) as cursor:
        return read_rows(cursor)


@pytest.mark.promise(3)
def test_the_same_key_with_another_body_is_refused_every_time(arena: OpenArena, reached: Reached) -> None:
    n_people = scale(full=50, quick=5)
    with arena("replays", **ALONE) as its:
        history, rows = let_walk(its, n_people, alters=1.0)
        wrong = checkers.found(history, rows, its.prepared.n_steps)
    altered = list(history.of(ALTERED))
    conflicts = sum(event.status == 409 for event in altered)
    reached(f"{conflicts:,} of {len(altered):,} answered with 409; {len(rows.responses):,} rows as first sent")
    assert len(altered) == conflicts >= scale(full=1_000, quick=100)
    assert wrong == {}


@pytest.mark.control(3, "upsert instead of insert")
def test_an_upsert_is_seen(arena: OpenArena, reached: Reached) -> None:
    with arena("upsert", broken="upsert_responses", **ALONE) as its:
        history, rows = let_walk(its, 1, alters=1.0)
    faults = checkers.altered_replays_are_refused(history, rows)
    lost = checkers.acknowledged_is_stored(history, rows)
    reached(f"{len(faults)} of {history.count(ALTERED)} overwritten")
    assert len(faults) == history.count(ALTERED) > 0
    assert len(lost) == len(faults)  # the body that was acknowledged is gone, too


@pytest.mark.control(2, "no unique constraint, no look at the key")
def test_answers_without_a_key_come_twice(arena: OpenArena, reached: Reached) -> None:
    with arena("no_key", broken="no_unique_key", share_cut=0.3, seed=1, **ALONE) as its:
        history, rows = let_walk(its, 2)
        cut = its.cutter.cut
    faults = checkers.nothing_is_doubled(history, rows)
    reached(f"{len(rows.responses) - len({row.key for row in rows.responses})} doubled by {cut} cut replies")
    assert cut > 0
    assert faults


@pytest.mark.control(1, "synchronous_commit=off")
def test_answers_that_are_not_on_the_disk_are_lost(arena: OpenArena, reached: Reached) -> None:
    kills = 0
    with arena("not_on_disk", broken="synchronous_commit_off", **ALONE) as its:
        its.start("web")
        world = World(its.base, its.prepared.code, History())
        crowd = Crowd(world, its.prepared.links, seed=1, clients=12)
        crowd.begin()
        lost: list[str] = []
        while not lost and kills < 12:
            wait_for_answers(world.history, 40)
            kills += its.cluster.kill_postgres()
            its.cluster.mend()
            lost = checkers.acknowledged_is_stored(world.history, rows_of(its))
        crowd.end(0)
    reached(f"{len(lost)} of {world.history.count(ACKNOWLEDGED)} lost by {kills} kills")
    assert lost


def wait_for_answers(history: History, more: int) -> None:
    from tests.journeys.processes import wait_until

    enough = history.count(ACKNOWLEDGED) + more
    wait_until(lambda: history.count(ACKNOWLEDGED) >= enough, what="people to answer", seconds=60)


def test_arms_that_are_counted_break_blocks(arena: OpenArena) -> None:
    with arena("counted", broken="count_the_arms", **ALONE) as its:
        history, rows = let_walk(its, 12)
    assert checkers.blocks_are_whole(history, rows)


def test_who_is_looked_for_and_then_inserted_gets_two_arms(arena: OpenArena) -> None:
    with arena("inserted", broken="read_then_insert", **ALONE) as its:
        history, rows = let_walk(its, 6, tabs=2)
    assert checkers.one_arm_a_person(history, rows)


def test_a_code_in_the_template_is_seen(arena: OpenArena) -> None:
    with arena("code", broken="code_in_template", **ALONE) as its:
        history, rows = let_walk(its, 2)
        faults = checkers.code_only_with_all_rows(its.prepared.n_steps)(history, rows)
    assert len(faults) == 2


def test_an_answer_in_a_data_attribute_is_seen(arena: OpenArena) -> None:
    with arena("attribute", broken="answer_in_data_attribute", **ALONE) as its:
        history, rows = let_walk(its, 4)
    assert checkers.no_answer_before_its_response(history, rows)


def test_without_a_break_two_tabs_and_cut_replies_break_nothing(arena: OpenArena) -> None:
    """So that the tests above are red for their break and nothing else."""
    with arena("unbroken", share_cut=0.3, seed=1, **ALONE) as its:
        history, rows = let_walk(its, 6, tabs=2)
        assert checkers.found(history, rows, its.prepared.n_steps) == {}


def test_a_changed_entry_of_the_trail_is_seen(arena: OpenArena) -> None:
    with arena("trail") as its:
        assert rows_of(its).trail == ()
        with its.cluster.session(its.name) as cursor:
            cursor.execute("ALTER TABLE studyapp_auditentry DISABLE TRIGGER USER")
            cursor.execute("INSERT INTO studyapp_auditentry (at, actor, verb, what, previous, entry_sha256)"
                           " VALUES (now(), 'me', 'slipped in', 'an entry', '', 'made up')")  # fmt: skip
        assert len(checkers.trail_is_whole(History(), rows_of(its))) == 1

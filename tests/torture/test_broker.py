"""A broker that accepts and never answers: no participant's request ever talks to it, so nobody waits."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.promises.ledger import FULL, Reached, scale
from tests.torture.arena import Arena
from tests.torture.conftest import OpenArena
from tests.torture.history import ACKNOWLEDGED, FAILED, LOST, History
from tests.torture.people import World, walk_all
from tests.torture.test_answers import people

TOO_LONG_S = 5.0  # far more than a page costs on a busy machine, far less than a hung broker


def harmed(history: History) -> list[str]:
    """Every answer that failed, or took as long as somebody takes who waits for a broker."""
    return [
        f"{event.kind} after {event.took_s:.1f} s"
        for event in history.of(ACKNOWLEDGED, LOST, FAILED)
        if event.kind != ACKNOWLEDGED or event.took_s >= TOO_LONG_S
    ]


def p95_ms(history: History) -> float:
    times: Sequence[float] = sorted(event.took_s for event in history.of(ACKNOWLEDGED))
    return 1000 * times[int(0.95 * len(times))]


def walk(arena: Arena, count: int, *, called: str = "person", **world: object) -> History:
    made = World(arena.base, arena.prepared.code, History(), **world)  # type: ignore[arg-type]
    walk_all(people(arena, made, count, called=called))
    return made.history


@pytest.mark.promise(27)
def test_nobody_waits_for_a_broker_that_hangs(arena: OpenArena, reached: Reached) -> None:
    # Without a thought between answers it would be our own crowd that people wait for, not the broker.
    count, thinks_s = scale(full=40, quick=4), scale(full=2, quick=0)
    with arena("hung") as its:
        its.start("web", "relay")
        usual = walk(its, count, thinks_s=thinks_s)
        its.gate.hung.set()
        its.scene("enqueue", explanations=5)  # the relay rings, and hangs
        hung = walk(its, count, called="other", thinks_s=thinks_s)
        swallowed = its.gate.swallowed
    reached(
        f"p95 {p95_ms(hung):.0f} ms with a broker that hangs, {p95_ms(usual):.0f} ms with one that works,"
        f" {count} people who think for {thinks_s} s; {len(harmed(hung))} failed or took {TOO_LONG_S:.0f} s"
    )
    assert swallowed > 0
    assert hung.count(ACKNOWLEDGED) == usual.count(ACKNOWLEDGED)
    assert harmed(hung) == []
    if FULL:
        assert p95_ms(hung) <= 300


@pytest.mark.control(27, "the broker is rung in the request")
def test_a_page_that_rings_the_broker_itself_is_seen(arena: OpenArena, reached: Reached) -> None:
    with arena("ringing", broken="publish_in_the_request", web_processes=1) as its:
        its.start("web")
        its.gate.hung.set()
        faults = harmed(walk(its, 1, patient=False, timeout_s=TOO_LONG_S + 1))
    reached(f"the first answer: {faults[0]}")
    assert faults

"""A seeded storm over the real processes. `make torture` lets it rage for ten minutes; `make test` for three rounds."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.promises.ledger import Reached
from tests.torture import checkers
from tests.torture.history import ACKNOWLEDGED, ALTERED, FAILED, LOST
from tests.torture.plan import CLOCK, CUT_REPLY, KILLS
from tests.torture.storm import Storm

VICTIMS = ("kill web", "kill worker", "kill valkey", "kill postgres")


def test_a_storm_breaks_no_rule(storm: Storm) -> None:
    """Every rule of checkers.py, that as much went wrong as planned, and that nothing fell which we did not kill."""
    print(f"{storm.seconds:.0f} s, {storm.rounds} rounds, {storm.acknowledged()} answers, {dict(storm.happened)}")
    assert storm.verdict() == {}


@pytest.mark.promise(1)
def test_no_acknowledged_answer_is_lost_in_a_storm(storm: Storm, reached: Reached) -> None:
    kills = sum(storm.happened[kind] for kind in KILLS)
    lost = checkers.acknowledged_is_stored(storm.history, storm.rows)
    each = ", ".join(f"{kind.removeprefix('kill ')} {storm.happened[kind]}" for kind in KILLS)
    reached(f"{len(lost)} of {storm.acknowledged():,} lost in {storm.seconds:.0f} s with {kills} kills ({each})")
    assert kills >= 12
    assert all(storm.happened[victim] >= 3 for victim in VICTIMS)
    assert lost == []


@pytest.mark.promise(2)
def test_answers_sent_again_after_a_cut_reply_are_there_once(storm: Storm, reached: Reached) -> None:
    doubled = checkers.nothing_is_doubled(storm.history, storm.rows)
    refused = checkers.every_retry_gets_the_first_reply(storm.history, storm.rows)
    posts = Counter(event.kind for event in storm.history.of(ACKNOWLEDGED, LOST, FAILED) if event.sent)
    again = _sent_again(storm)
    reached(
        f"{len(doubled)} doubled of {len(storm.rows.responses):,} rows; {storm.happened[CUT_REPLY]} replies cut off,"
        f" {posts[LOST] + posts[FAILED]} sendings without a reply, {again} answers sent again and acknowledged"
    )
    assert storm.happened[CUT_REPLY] >= 0.05 * posts[ACKNOWLEDGED]
    assert again > 0
    assert doubled + refused == []


def _sent_again(storm: Storm) -> int:
    """Answers that were acknowledged after at least one sending of the same body got no reply."""
    lost = {event.sent.key for event in storm.history.of(LOST, FAILED) if event.sent}
    return sum(1 for event in storm.history.of(ACKNOWLEDGED) if event.sent and event.sent.key in lost)


def test_altered_replays_are_refused_in_a_storm(storm: Storm) -> None:
    assert storm.history.count(ALTERED) > 0
    assert checkers.altered_replays_are_refused(storm.history, storm.rows) == []


@pytest.mark.promise(39)
def test_a_servers_clock_that_steps_refuses_nobody_and_mixes_no_order(storm: Storm, reached: Reached) -> None:
    refused = checkers.every_retry_gets_the_first_reply(storm.history, storm.rows)
    mixed = checkers.order_is_the_servers_own(storm.history, storm.rows)
    reached(f"{len(refused)} refused, {len(mixed)} out of order, {storm.happened[CLOCK]} steps of seconds to ten years")
    assert storm.happened[CLOCK] >= 3
    assert refused + mixed == []

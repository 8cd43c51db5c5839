"""A server's clock that jumps while somebody answers: nobody is refused, and the order is the database's count."""

from __future__ import annotations

import pytest

from tests.promises.ledger import Reached
from tests.torture import checkers
from tests.torture.conftest import OpenArena
from tests.torture.history import ACKNOWLEDGED, History
from tests.torture.people import Crowd, World
from tests.torture.test_answers import rows_of, wait_for_answers

STEPS_S = (-5.0, 7200.0, 0.0, -315_360_000.0)


@pytest.mark.control(39, "order by the clock")
def test_an_order_by_the_clock_would_be_mixed_up(arena: OpenArena, reached: Reached) -> None:
    """The rule holds by the database's count; by the times in the same rows it would not."""
    with arena("clocks", web_processes=1) as its:
        its.start("web")
        crowd = Crowd(World(its.base, its.prepared.code, History()), its.prepared.links, seed=1, clients=4)
        crowd.begin()
        for step in STEPS_S:
            wait_for_answers(crowd.world.history, 12)
            assert its.step_the_clock(step)
        crowd.end(0)
        rows = rows_of(its)
    by_the_count = checkers.order_is_the_servers_own(crowd.world.history, rows)
    refused = checkers.every_retry_gets_the_first_reply(crowd.world.history, rows)
    mixed = checkers.out_of_order(sorted(rows.responses, key=lambda row: row.received_at))
    reached(
        f"{len(mixed)} of {len(rows.responses)} answers out of order by the clock, {len(by_the_count)} by the count"
    )
    assert crowd.world.history.count(ACKNOWLEDGED) > 0
    assert by_the_count + refused == []
    assert mixed

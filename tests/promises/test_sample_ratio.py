"""Promise 38: a failed randomisation is seen, and a sound one rarely cries wolf.

Studies are given out by the real mechanism, in permuted blocks from a fresh key; people then leave at random. Blocks
keep the counts of those allocated almost exact, so what is measured is mostly the check on those who stay.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from analysis.inference.counts import sample_ratio_test
from studyapp.design.randomisation import FIRST_BLOCK, PermutedBlocks
from tests.promises.ledger import Reached, scale

Check = Callable[[Sequence[int], Sequence[int]], bool]  # counts and weights by arm: does it fire?

MOST_FALSE = 0.002
LEAST_FOUND = 0.9
DESIGNS: tuple[Mapping[str, int], ...] = ({"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 1, "c": 1, "d": 1})


def the_check(counts: Sequence[int], weights: Sequence[int]) -> bool:
    test = sample_ratio_test(counts, weights)
    return test is not None and test.is_alarm


def given_out(weights: Mapping[str, int], n: int) -> list[str]:
    """The arms of n people, by the mechanism that allocates them, from a key of their own."""
    mechanism, key, arms, after = PermutedBlocks(weights, (1, 2)), secrets.token_bytes(32), [], FIRST_BLOCK
    for sequence in range(n):
        placement = mechanism.place(key, "main/1/", sequence, after=after)
        arms.append(placement.arm)
        after = placement.block
    return arms


def stages(arms: Sequence[str], weights: Mapping[str, int], stays: Sequence[float], rng: np.random.Generator):
    """Counts by arm of those allocated, started and completed; each step is survived by these shares, in any arm."""
    people = np.array(arms)
    for share in (1.0, *stays):
        people = people[rng.random(len(people)) < share]
        yield [int((people == arm).sum()) for arm in weights]


def false_alarms(check: Check, n_studies: int, designs: Sequence[Mapping[str, int]] = DESIGNS) -> int:
    """Sound studies in which the check fires at any stage."""
    rng = np.random.default_rng(38)
    alarms = 0
    for _, weights in zip(range(n_studies), itertools.cycle(designs), strict=False):
        arms = given_out(weights, int(rng.integers(100, 200)))
        stays = (0.95, rng.uniform(0.3, 0.95))
        alarms += any(check(counts, list(weights.values())) for counts in stages(arms, weights, stays, rng))
    return alarms


def found(check: Check, n_studies: int, n_people: int = 600) -> float:
    """Share of studies found in which the arms of a 1:1 design are given out 60:40."""
    first = np.random.default_rng(60).binomial(n_people, 0.6, n_studies)
    return float(np.mean([check((int(n), n_people - int(n)), (1, 1)) for n in first]))


def is_kept(check: Check, n_studies: int, designs: Sequence[Mapping[str, int]] = DESIGNS) -> bool:
    """What is promised of a check."""
    return false_alarms(check, n_studies, designs) <= MOST_FALSE * n_studies and found(check, 200) >= LEAST_FOUND


@pytest.mark.promise(38)
def test_sound_studies_give_hardly_a_false_alarm(reached: Reached) -> None:
    n = scale(full=10_000, quick=500)
    alarms = false_alarms(the_check, n)

    reached(f"{alarms} of {n:,} sound studies alarmed ({100 * alarms / n:.2f} %), 3 designs × 3 stages, p < 0.001")
    assert alarms <= MOST_FALSE * n


@pytest.mark.promise(38)
def test_without_blocks_the_check_holds_its_level_too(reached: Reached) -> None:
    """Independent draws are the hardest sound case: nothing keeps the counts near their ratio."""
    n = scale(full=10_000, quick=2_000)
    counts = np.random.default_rng(1).multinomial(400, [0.5, 0.25, 0.25], n)
    alarms = sum(the_check([int(c) for c in row], (2, 1, 1)) for row in counts)

    reached(f"independent draws, 2:1:1, 400 people: {alarms} of {n:,} ({100 * alarms / n:.2f} %)")
    assert alarms <= MOST_FALSE * n


@pytest.mark.promise(38)
def test_sixty_to_forty_is_found(reached: Reached) -> None:
    n = scale(full=10_000, quick=1_000)
    large, small = found(the_check, n), found(the_check, n, n_people=200)

    reached(f"60:40 of 600 people found in {100 * large:.0f} % of {n:,} studies; of 200 people in {100 * small:.0f} %")
    assert large >= LEAST_FOUND


@pytest.mark.promise(38)
def test_an_arm_that_people_leave_is_found_among_those_who_completed(reached: Reached) -> None:
    n, rng = scale(full=500, quick=60), np.random.default_rng(3)
    seen = 0
    for _ in range(n):
        arms = np.array(given_out({"a": 1, "b": 1}, 720))
        stay = rng.random(len(arms)) < np.where(arms == "a", 1.0, 2 / 3)
        seen += the_check([int((arms[stay] == arm).sum()) for arm in ("a", "b")], (1, 1))

    reached(f"an arm that every third person leaves (360 each, then 360:240) found in {100 * seen / n:.0f} %")
    assert seen >= LEAST_FOUND * n


@pytest.mark.control(38, "no check")
def test_without_a_check_nothing_is_found(reached: Reached) -> None:
    def none(counts: Sequence[int], weights: Sequence[int]) -> bool:
        return False

    reached(f"60:40 of 600 people found in {100 * found(none, 200):.0f} %")
    assert not is_kept(none, 50)


@pytest.mark.control(38, "a check against equal weights")
def test_a_check_against_equal_weights_cries_wolf_at_two_to_one(reached: Reached) -> None:
    def equal(counts: Sequence[int], weights: Sequence[int]) -> bool:
        return the_check(counts, [1] * len(counts))

    designs = ({"a": 2, "b": 1},)
    assert is_kept(the_check, 50, designs)
    alarms = false_alarms(equal, 50, designs)

    reached(f"{alarms} of 50 sound 2:1 studies alarmed")
    assert not is_kept(equal, 50, designs)

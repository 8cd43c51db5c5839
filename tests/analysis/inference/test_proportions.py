import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.errors import InputError
from analysis.inference.proportions import newcombe


# Newcombe 1998, table II, method 10; the first also in reference.json to 12 digits.
@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0000),
        ((10, 10, 0, 10), 0.6075, 1.0000),
    ],
)
def test_intervals_are_newcombes(counts, low, high):
    found = newcombe(*counts)

    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=5.1e-5)


def test_interval_is_the_reference():
    found = newcombe(56, 70, 48, 80)

    assert (found.interval.low, found.interval.high) == pytest.approx((0.052431472402, 0.33387265404), abs=1e-11)
    assert (found.value, found.unit, found.n) == (pytest.approx(0.2), "proportion", (70, 80))


pairs = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=40, deadline=None)
@given(pairs, pairs)
def test_groups_and_marks_exchanged_turn_the_interval_around(first, second):
    found, turned = newcombe(*first, *second), newcombe(*second, *first)
    unmarked = newcombe(first[1] - first[0], first[1], second[1] - second[0], second[1])

    assert -1 - 1e-12 <= found.interval.low <= found.value <= found.interval.high <= 1 + 1e-12
    for other in (turned, unmarked):
        assert (-other.interval.high, -other.interval.low) == pytest.approx((found.interval.low, found.interval.high))


def test_exact_coverage_is_near_the_level():
    # Coverage summed over all outcomes, no simulation: 16 people a group, the second always at 0.1 more.
    n, p = 16, np.array([0.05, 0.2, 0.5, 0.85])
    outcomes = [(a, b, newcombe(a, n, b, n).interval) for a in range(n + 1) for b in range(n + 1)]
    for share in p:
        chance = sum(
            stats.binom.pmf(a, n, share + 0.1) * stats.binom.pmf(b, n, share)
            for a, b, interval in outcomes
            if interval.low <= 0.1 <= interval.high
        )
        assert chance == pytest.approx(0.955, abs=0.025)


def test_nobody_in_a_group_has_no_difference_and_impossible_counts_are_refused():
    assert (newcombe(0, 0, 3, 5).value, newcombe(0, 0, 3, 5).interval) == (None, None)
    with pytest.raises(InputError, match="from 0 to 5 people with the mark, found 6"):
        newcombe(1, 2, 6, 5)

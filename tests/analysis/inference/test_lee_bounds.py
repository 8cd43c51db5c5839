import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.inference.lee_bounds import lee_bounds

LOST = np.nan


def with_lost(values, n_lost):
    return np.append(np.asarray(values, dtype=float), np.full(n_lost, LOST))


def test_bounds_of_two_grids_are_the_reference():
    # reference.json, python.lee_bounds_grid: 90 of 100 kept on a grid from 0 to 1, 80 of 100 with a mean of 0.45.
    found = lee_bounds(with_lost(np.linspace(0, 1, 90), 10), with_lost(np.linspace(0, 0.9, 80), 20), seed=1, draws=200)

    assert found.cut_share == pytest.approx(0.1111111111, abs=1e-9)
    assert found.lower == pytest.approx(-0.006179775280898914, abs=1e-12)
    assert found.upper == pytest.approx(0.10617977528089889, abs=1e-12)
    assert (found.cut_arm, found.n_allocated, found.n_observed) == ("first", (100, 100), (90, 80))


def test_a_value_at_the_edge_is_counted_in_part():
    # 4 of 4 against 3 of 5 kept: 2/5 of the first, 1.6 values, are cut. Left of 1, 2, 3, 4 are 2.4 values.
    found = lee_bounds(np.array([4.0, 1, 3, 2]), with_lost([1, 1, 1], 2), seed=0, draws=50)

    assert found.lower == pytest.approx((1 + 2 + 0.4 * 3) / 2.4 - 1)
    assert found.upper == pytest.approx((4 + 3 + 0.4 * 2) / 2.4 - 1)


values = st.lists(st.floats(-5, 5), min_size=2, max_size=20)


@settings(max_examples=25, deadline=None)
@given(values, values, st.integers(0, 9), st.integers(0, 9))
def test_bounds_hold_the_plain_difference_and_turn_around_with_the_arms(first, second, lost_first, lost_second):
    a, b = with_lost(first, lost_first), with_lost(second, lost_second)

    found, turned = lee_bounds(a, b, seed=2, draws=20), lee_bounds(b, a, seed=2, draws=20)

    plain = np.mean(first) - np.mean(second)
    assert found.lower - 1e-9 <= plain <= found.upper + 1e-9
    assert (turned.lower, turned.upper) == pytest.approx((-found.upper, -found.lower), abs=1e-9)


def test_equal_losses_leave_a_point_and_the_two_sided_interval():
    rng = np.random.default_rng(3)
    a, b = with_lost(rng.normal(size=80), 20), with_lost(rng.normal(size=80), 20)

    found = lee_bounds(a, b, seed=4)

    assert (found.cut_arm, found.cut_share) == (None, 0.0)
    assert (found.lower, found.upper) == pytest.approx([np.nanmean(a) - np.nanmean(b)] * 2, abs=1e-12)
    assert found.interval.low < found.lower < found.interval.high


def test_the_same_seed_gives_the_same_interval_whatever_the_order_and_the_chunks(monkeypatch):
    rng = np.random.default_rng(5)
    a, b = with_lost(rng.normal(size=30), 3), with_lost(rng.normal(size=25), 9)

    found = lee_bounds(a, b, seed=6, draws=100)
    monkeypatch.setattr("analysis.inference.lee_bounds.CHUNK_CELLS", 300)
    again = lee_bounds(rng.permutation(a), b, seed=6, draws=100)

    assert (again.lower, again.upper) == pytest.approx((found.lower, found.upper), abs=1e-12)
    assert (again.interval.low, again.interval.high) == pytest.approx(
        (found.interval.low, found.interval.high), abs=1e-9
    )


def test_an_arm_that_kept_nobody_has_no_bounds():
    found = lee_bounds(np.full(5, LOST), np.arange(5.0), seed=0)

    assert (found.lower, found.upper, found.interval) == (None, None, None)
    assert found.n_observed == (0, 5)


def test_the_interval_covers_the_truth_where_leaving_follows_the_outcome():
    # In the second arm the lowest values leave: the plain difference is biased, the bounds are not.
    rng = np.random.default_rng(7)
    covered, plain = [], []
    for trial in range(60):
        stays = rng.normal(size=80)
        first, second = stays + 0.5, rng.normal(size=80)
        second[second < -0.8] = LOST
        found = lee_bounds(first, second, seed=trial, draws=100)
        # Among those who stay in both arms the effect is 0.5: the first arm's are those above -0.8 before it.
        covered.append(found.interval.low <= 0.5 <= found.interval.high)
        plain.append(np.mean(first) - np.nanmean(second))

    assert np.mean(plain) < 0.3
    assert np.mean(covered) >= 0.88

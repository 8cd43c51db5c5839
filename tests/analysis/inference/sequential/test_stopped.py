"""Estimates after stopping: limits, agreement with the test, and simulated coverage."""

import numpy as np
import pytest
from scipy.stats import norm

from analysis.errors import InputError
from analysis.inference.sequential import (
    classic_bounds,
    conditional_power,
    estimate_after_stopping,
    futility_design,
    repeated_interval,
    spending_bounds,
    spending_named,
    stopping,
)
from analysis.inference.sequential.stopped import chance_as_high


def test_after_one_look_everything_is_as_in_a_fixed_test():
    found = estimate_after_stopping(spending_bounds([1.0], alpha=0.05), [25.0], 2.2, unit="ms")

    assert found.estimate == pytest.approx(2.2 / 5)
    assert (found.interval.low, found.interval.high) == pytest.approx(
        ((2.2 - 1.959963985) / 5, (2.2 + 1.959963985) / 5)
    )
    assert found.p_value == pytest.approx(2 * norm.sf(2.2))
    assert (found.unit, found.n_looks) == ("ms", 1)


@pytest.mark.parametrize("sides", [1, 2])
def test_at_the_last_bound_p_is_alpha_and_the_interval_begins_at_zero(sides):
    bounds = spending_bounds([0.3, 0.7, 1], alpha=0.05, sides=sides)

    found = estimate_after_stopping(bounds, [30, 70, 100], bounds.upper[-1], level=1 - 0.1 / sides)

    assert found.p_value == pytest.approx(0.05, abs=1e-10)
    assert found.interval.low == pytest.approx(0, abs=1e-9)
    assert 0 < found.estimate < found.unadjusted


def test_at_an_early_bound_p_is_the_alpha_spent_until_then():
    bounds = spending_bounds([0.3, 0.7, 1], alpha=0.05)

    found = estimate_after_stopping(bounds, [30, 70], bounds.upper[1])

    assert found.p_value == pytest.approx(bounds.spent[1], abs=1e-12)


def test_two_sides_mirror_each_other():
    bounds = spending_bounds([0.5, 1], alpha=0.05)

    up, down = (estimate_after_stopping(bounds, [40, 80], z) for z in (2.4, -2.4))

    assert up.p_value == pytest.approx(down.p_value, abs=1e-12)
    assert (up.estimate, up.interval.low, up.interval.high) == pytest.approx(
        (-down.estimate, -down.interval.high, -down.interval.low)
    )


def test_the_ordering_grows_with_the_effect():
    bounds = spending_bounds([0.4, 0.8, 1], alpha=0.05, spending=spending_named("pocock"))

    chances = [chance_as_high(bounds, [40, 80, 100], 1.0, effect) for effect in np.linspace(-1.5, 1.5, 61)]

    assert (np.diff(chances) >= 0).all()
    assert chances[0] < 1e-6
    assert chances[-1] > 1 - 1e-6


def test_intervals_cover_and_the_estimate_is_median_unbiased_in_simulated_studies():
    draw = np.random.default_rng(11)
    bounds = classic_bounds([0.5, 1], alpha=0.05, shape="pocock")
    effect, informations = 0.25, [50.0, 100.0]
    n, above, covered, naive_above = 400, 0, 0, 0
    for first, second in draw.normal(size=(n, 2)):
        one = first + effect * np.sqrt(50)
        both = (one * np.sqrt(50) + second * np.sqrt(50) + effect * 50) / 10
        made, z = (informations[:1], one) if abs(one) >= bounds.upper[0] else (informations, both)
        found = estimate_after_stopping(bounds, made, z)
        above += found.estimate > effect
        naive_above += found.unadjusted > effect
        covered += found.interval.low <= effect <= found.interval.high

    assert abs(covered / n - 0.95) < 3.5 * np.sqrt(0.95 * 0.05 / n)
    assert abs(above / n - 0.5) < 3.5 * 0.5 / np.sqrt(n)
    assert naive_above > above


def test_more_looks_than_bounds_are_refused():
    with pytest.raises(InputError, match="at most 2 looks, found 3"):
        estimate_after_stopping(spending_bounds([0.5, 1], alpha=0.05), [1, 2, 3], 2.0)


def test_a_repeated_interval_leaves_zero_out_where_the_bound_is_crossed():
    bound = spending_bounds([0.5, 1], alpha=0.05).upper[0]

    assert repeated_interval(bound * 0.1, 0.1, bound, 0.95).low == pytest.approx(0)


def test_futility_bounds_are_those_of_the_default_design_of_gsdesign():
    # gsDesign (R), printed output of gsDesign(): k = 3, alpha .025, beta .1, HSD -4 and -2, non-binding.
    found = futility_design(
        [1 / 3, 2 / 3, 1],
        alpha=0.025,
        beta=0.1,
        spending=spending_named("hwang_shih_decani", -4),
        futility=spending_named("hwang_shih_decani", -2),
    )

    np.testing.assert_allclose(found.bounds.upper, (3.01, 2.55, 2.00), atol=0.005)
    np.testing.assert_allclose(norm.cdf(found.lower), (0.4057, 0.8267, 0.9772), atol=5e-5)
    np.testing.assert_allclose(np.diff((0, *found.spent_beta)), (0.0148, 0.0289, 0.0563), atol=5e-5)
    assert found.inflation == pytest.approx(1.070, abs=5e-4)


def test_futility_bounds_spend_beta_and_leave_the_planned_power():
    found = futility_design(
        [0.4, 1], alpha=0.025, beta=0.2, spending=spending_named("obrien_fleming"), futility=spending_named("pocock")
    )

    heeded = stopping(found.bounds, found.drift, found.lower)
    regardless = stopping(found.bounds, 0.0)

    assert heeded.power == pytest.approx(0.8, abs=1e-10)
    assert np.cumsum(heeded.below) == pytest.approx(found.spent_beta, abs=1e-10)
    assert regardless.power == pytest.approx(0.025, abs=1e-12)
    assert heeded.expected_time < 1


def test_a_futility_design_with_one_look_is_the_fixed_test():
    found = futility_design(
        [1.0], alpha=0.025, beta=0.1, spending=spending_named("pocock"), futility=spending_named("pocock")
    )

    assert found.inflation == pytest.approx(1, abs=1e-9)
    assert found.lower == found.bounds.upper


def test_conditional_power_before_the_last_look_is_the_closed_form():
    # Lan, Simon & Halperin (1982): the score still to come is normal with mean drift (1 - t) and variance 1 - t.
    bounds = spending_bounds([0.4, 1], alpha=0.025, sides=1)
    z, planned = 1.3, 3.0
    missing = bounds.upper[1] - z * np.sqrt(0.4)

    found = conditional_power(bounds, 1, z, planned)

    closed = [norm.sf((missing - drift * 0.6) / np.sqrt(0.6)) for drift in (z / np.sqrt(0.4), planned, 0)]
    assert (found.under_trend, found.under_planned, found.under_null) == pytest.approx(tuple(closed), abs=1e-12)


def test_conditional_power_averages_to_the_power():
    bounds = spending_bounds([0.3, 0.6, 1], alpha=0.05)
    drift = 2.8
    whole = stopping(bounds, drift)
    z = np.linspace(-bounds.upper[0], bounds.upper[0], 801)
    density = norm.pdf(z - drift * np.sqrt(0.3))
    later = [conditional_power(bounds, 1, float(at), drift).under_planned for at in z]

    assert whole.above[0] + np.trapezoid(later * density, z) == pytest.approx(whole.power, abs=1e-5)


def test_after_the_last_look_there_is_no_conditional_power():
    with pytest.raises(InputError, match="from 1 to 1, found 2"):
        conditional_power(spending_bounds([0.5, 1], alpha=0.05), 2, 1.0, 3.0)

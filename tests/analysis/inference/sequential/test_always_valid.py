"""Confidence sequences and e-values: reference numbers, closed forms, and what they promise whenever one looks."""

import numpy as np
import pytest
from scipy import integrate, optimize
from scipy.stats import beta, binom, norm

from analysis.errors import InputError
from analysis.inference.allocation import Allocation
from analysis.inference.sequential import (
    beta_mixture,
    block_steps,
    confidence_sequence,
    difference_e_value,
    mixture_radius,
    pair_steps,
    share_e_value,
    sign_e_value,
    tuned_for,
)
from analysis.inference.sequential.blocks import BlockSteps


@pytest.mark.parametrize(
    ("time", "radius"), [(50, 0.6195286751), (100, 0.3656394871), (500, 0.1366738367), (1000, 0.0960640193)]
)
def test_the_radius_is_that_of_the_closed_form(time, radius):
    # Waudby-Smith et al. 2024, computed independently: rho2 = .01, alpha = .05.
    assert mixture_radius(time, 0.01, 0.05) == pytest.approx(radius, abs=1e-10)


def test_the_radius_is_where_the_mixture_reaches_one_over_alpha():
    # Robbins 1970: a normal mixture of likelihood ratios, by quadrature.
    time, rho2, alpha = 80, 0.02, 0.05
    total = mixture_radius(time, rho2, alpha) * time

    def ratio(effect):
        return np.exp(effect * total - time * effect**2 / 2) * norm.pdf(effect, scale=np.sqrt(rho2))

    assert integrate.quad(ratio, -3, 3, epsabs=1e-12, limit=200)[0] == pytest.approx(1 / alpha, rel=1e-9)


def test_tuning_makes_the_interval_narrowest_at_its_time():
    found = tuned_for(200, 0.05)
    searched = optimize.minimize_scalar(
        lambda log_rho2: mixture_radius(200, np.exp(log_rho2), 0.05), bounds=(-10, 2), method="bounded"
    )

    assert found == pytest.approx(np.exp(searched.x), rel=1e-3)
    assert mixture_radius(200, found, 0.05) <= searched.fun


@pytest.mark.parametrize(
    ("successes", "failures", "e_value"),
    [(60, 40, 0.5960716011), (120, 80, 3.16093528), (55, 45, 0.1313280941)],
)
def test_e_values_of_a_share_are_those_of_the_closed_form(successes, failures, e_value):
    assert np.exp(beta_mixture(successes, failures)) == pytest.approx(e_value, abs=1e-10)


def test_the_e_value_of_a_share_is_a_mixture_of_likelihood_ratios():
    def ratio(share):
        return beta.pdf(share, 0.5, 0.5) * binom.pmf(7, 10, share) / binom.pmf(7, 10, 0.3)

    mixture = integrate.quad(ratio, 0, 1, epsabs=1e-12)[0]

    assert np.exp(beta_mixture(7, 3, 0.3)) == pytest.approx(mixture, rel=1e-6)


def test_e_values_have_mean_one_under_the_null():
    n = 30
    expected = sum(binom.pmf(s, n, 0.4) * np.exp(beta_mixture(s, n - s, 0.4)) for s in range(n + 1))

    assert expected == pytest.approx(1, abs=1e-10)


def test_the_order_of_outcomes_matters_to_the_largest_alone():
    first, last = share_e_value([True] * 12 + [False] * 8), share_e_value([False] * 8 + [True] * 12)

    assert first.value == pytest.approx(last.value)
    assert first.largest > last.largest
    assert first.p_value == pytest.approx(1 / first.largest)


ALLOCATION = Allocation(
    arm=np.array([0, 1, 1, 0, 1, 0, 0, 1, 0]),
    permuted_block=np.array([0, 0, 1, 1, 1, 1, 2, 2, 3]),
    block_sizes=(2, 4, 2, 2),
    weights=(1, 1),
)


def test_a_step_is_a_full_block():
    values = np.array([0.1, 0.4, 0.5, 0.2, 0.7, np.nan, 0.3, 0.1, 0.9])

    found = block_steps(values, ALLOCATION, (1, 0))

    np.testing.assert_allclose(found.differences, [0.3, 0.4, -0.2])
    np.testing.assert_array_equal(found.weights, [1, 2, 1])
    np.testing.assert_array_equal(found.n_enrolments, [2, 3, 2])
    assert found.is_mirrored


def test_a_block_that_is_not_full_waits_though_both_arms_are_in_it():
    allocation = Allocation(np.array([0, 1, 1]), np.zeros(3, dtype=np.int64), (4,), (1, 1))

    assert len(block_steps(np.array([0.1, 0.2, 0.3]), allocation, (1, 0))) == 0


def test_blocks_count_in_the_order_in_which_they_were_filled():
    values = np.array([0.1, 0.4, 0.5, 0.2, 0.7, 0.2, 0.3, 0.1, 0.9])

    found = block_steps(values, ALLOCATION, (1, 0), order=np.array([8, 0, 1, 2, 3, 4, 5, 6, 7]))

    np.testing.assert_allclose(found.differences, [0.4, -0.2, 0.3])


def test_a_block_in_which_an_arm_has_no_outcome_is_left_out():
    values = np.array([np.nan, 0.4, 0.5, 0.2, 0.7, 0.2, 0.3, 0.1, 0.9])

    assert len(block_steps(values, ALLOCATION, (1, 0))) == 2


def test_the_estimate_weighs_blocks_by_their_size():
    steps = BlockSteps(np.array([0.3, 0.4, -0.2]), np.array([1.0, 2, 1]), np.array([2, 4, 2]), True)

    found = confidence_sequence(steps, level=0.95, rho2=0.05, unit="proportion correct")

    assert [point.estimate for point in found.points] == pytest.approx([0.3, 1.1 / 3, 0.225])
    assert [point.interval for point in found.points] == [None] * 3
    assert [point.n_enrolments for point in found.points] == [2, 6, 8]


def test_the_interval_is_the_radius_times_the_steps_spread():
    differences = np.random.default_rng(2).normal(0.1, 0.3, 40)

    last = confidence_sequence(pair_steps(differences), level=0.9, rho2=0.05).points[-1]

    half = differences.std(ddof=1) * mixture_radius(40, 0.05, 0.1)
    assert (last.interval.low, last.interval.high) == pytest.approx(
        (differences.mean() - half, differences.mean() + half)
    )


def test_steps_that_never_differ_have_no_interval():
    found = confidence_sequence(pair_steps(np.full(30, 0.2)), level=0.95, rho2=0.05)

    assert {point.interval for point in found.points} == {None}
    assert confidence_sequence(pair_steps(np.empty(0)), level=0.95, rho2=0.05).points == ()


def null_blocks(draw, n_studies, n_blocks):
    """Differences of two arms of two people each, with skewed outcomes that no arm changes."""
    people = draw.beta(0.5, 2.0, size=(n_studies, n_blocks, 4))
    return people[:, :, :2].mean(axis=2) - people[:, :, 2:].mean(axis=2)


def test_a_sequence_rarely_ever_leaves_the_truth_out_however_often_one_looks():
    draw = np.random.default_rng(7)
    missed = 0
    for differences in null_blocks(draw, 300, 120):
        points = confidence_sequence(pair_steps(differences + 0.1), level=0.95, rho2=tuned_for(60, 0.05)).points
        missed += any(p.interval and not p.interval.low <= 0.1 <= p.interval.high for p in points)

    assert missed / 300 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def test_e_values_of_differences_rarely_ever_reach_twenty_without_an_effect_and_do_with_one():
    draw = np.random.default_rng(8)
    null = null_blocks(draw, 400, 150)
    found = [difference_e_value(pair_steps(steps), 4.0).largest for steps in null]
    effect = [difference_e_value(pair_steps(steps + 0.12), 4.0).largest for steps in null[:100]]
    signs = [sign_e_value(pair_steps(steps)).largest for steps in null]

    assert np.mean(np.array(found) >= 20) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
    assert np.mean(np.array(signs) >= 20) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
    assert np.mean(np.array(effect) >= 20) > 0.9


def test_the_e_value_of_differences_is_exactly_fair_over_all_sign_flips():
    sizes = np.array([0.1, 0.4, 0.25, 0.5, 0.05, 0.3])
    flips = np.array(np.meshgrid(*[[-1, 1]] * 6)).reshape(6, -1).T

    mean = np.mean([difference_e_value(pair_steps(sizes * flip), 9.0).value for flip in flips])

    assert mean <= 1  # a supermartingale begins at one and never rises on average


def test_the_e_value_of_differences_is_its_mixture():
    steps, variance = np.array([0.2, -0.1, 0.4]), 6.0

    def term(tilt):
        return np.exp(tilt * steps.sum() - tilt**2 * (steps**2).sum() / 2) * norm.pdf(tilt, scale=np.sqrt(variance))

    expected = integrate.quad(term, -40, 40, epsabs=1e-12, limit=200)[0]

    assert difference_e_value(pair_steps(steps), variance).value == pytest.approx(expected, rel=1e-8)


def test_without_steps_there_is_no_evidence():
    found = difference_e_value(pair_steps(np.empty(0)), 1.0)

    assert (found.value, found.largest, found.p_value, found.n_steps) == (1.0, 1.0, 1.0, 0)


def test_evidence_too_large_to_write_stays_a_number():
    found = share_e_value([True] * 3000)

    assert np.isfinite(found.value)
    assert found.log_value > 2000
    assert 0 < found.p_value < 1e-300


def test_unequal_places_have_no_mirror_image():
    allocation = Allocation(np.array([0, 0, 1]), np.zeros(3, dtype=np.int64), (3,), (2, 1))
    steps = block_steps(np.array([0.1, 0.2, 0.3]), allocation, (1, 0))

    with pytest.raises(InputError, match="equal places"):
        difference_e_value(steps, 1.0)
    with pytest.raises(InputError, match="equal places"):
        sign_e_value(steps)


def test_numbers_that_cannot_be_meant_are_refused():
    with pytest.raises(InputError, match="rho2 > 0"):
        mixture_radius(10, 0.0, 0.05)
    with pytest.raises(InputError, match="mixing_variance"):
        difference_e_value(pair_steps(np.array([0.1])), 0.0)
    with pytest.raises(InputError, match="counts of 0 or more"):
        beta_mixture(-1, 3)

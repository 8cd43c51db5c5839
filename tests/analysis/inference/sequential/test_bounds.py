"""Bounds against rpact 3.3.4 (R) and an independent recursion, and the identities of spending."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from analysis.errors import InputError
from analysis.inference.sequential import classic_bounds, spending_bounds, spending_named
from analysis.inference.sequential.recursion import begin, crossing_probabilities

FIFTHS = (0.2, 0.4, 0.6, 0.8, 1.0)
THIRDS = (1 / 3, 2 / 3, 1.0)


@pytest.mark.parametrize(
    ("name", "times", "expected"),
    [
        ("obrien_fleming", (0.5, 1), (2.9625880427, 1.9685956406374354)),
        ("obrien_fleming", THIRDS, (3.710302873262371, 2.511427481269539, 1.9930474778251352)),
        ("obrien_fleming", (0.25, 0.5, 0.75, 1), (4.332633646, 2.9631315976799, 2.3590442853, 2.01409014403)),
        ("obrien_fleming", FIFTHS, (4.8768849488, 3.3570119217, 2.680280067, 2.2898167744, 2.0310320631)),
        ("obrien_fleming", (0.3, 0.6, 1), (3.9285725426, 2.66997201, 1.9810244963)),
        ("pocock", THIRDS, (2.279428238917005, 2.294911134901904, 2.295939579338408)),
        ("pocock", FIFTHS, (2.4379766881, 2.4268138632, 2.4101941362, 2.3966492936, 2.3859997019)),
    ],
)
def test_spending_bounds_are_those_of_rpact(name, times, expected):
    found = spending_bounds(times, alpha=0.025, spending=spending_named(name), sides=1)

    np.testing.assert_allclose(found.upper, expected, rtol=0, atol=1e-7)


def test_the_half_of_a_two_sided_test_is_nearly_the_one_sided_one():
    # rpact 3.3.4, two-sided 0.05.
    expected = (4.8768849488, 3.3570119217, 2.680280067, 2.2898167744, 2.0310320482)

    found = spending_bounds(FIFTHS, alpha=0.05, sides=2)

    np.testing.assert_allclose(found.upper, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("obrien_fleming", (4.5617423273, 3.2256389335, 2.6337231607, 2.2808711637, 2.0400731879)),
        ("pocock", (2.4131802871,) * 5),
    ],
)
def test_classic_constants_are_those_of_rpact(shape, expected):
    found = classic_bounds(FIFTHS, alpha=0.025, shape=shape, sides=1)

    np.testing.assert_allclose(found.upper, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("shape", "looks", "constant"),
    # Jennison & Turnbull (2000), tables 2.1 and 2.3, two-sided 0.05: printed to three decimals.
    [("pocock", 2, 2.178), ("pocock", 10, 2.555), ("obrien_fleming", 2, 1.977), ("obrien_fleming", 10, 2.087)],
)
def test_two_sided_constants_are_those_of_the_book(shape, looks, constant):
    found = classic_bounds([(k + 1) / looks for k in range(looks)], alpha=0.05, shape=shape)

    assert found.upper[-1] == pytest.approx(constant, abs=5e-4)


def test_spent_alpha_is_that_of_rpact():
    spent = spending_bounds(THIRDS, alpha=0.025, sides=1).spent

    np.testing.assert_allclose(spent, (0.00010350571815, 0.0060483890773, 0.025), rtol=1e-7)


def test_one_look_is_the_fixed_test():
    for sides in (1, 2):
        found = spending_bounds([1.0], alpha=0.05, sides=sides)

        assert found.upper[0] == pytest.approx(norm.isf(0.05 / sides), abs=1e-12)
        assert found.nominal_p[0] == pytest.approx(0.05, abs=1e-12)


times_strategy = st.lists(st.floats(0.05, 1.0), min_size=1, max_size=6).map(
    lambda steps: tuple(np.cumsum(steps) / sum(steps))
)


@settings(max_examples=25, deadline=None)
@given(times_strategy, st.sampled_from(["obrien_fleming", "pocock", "hwang_shih_decani"]), st.sampled_from([1, 2]))
def test_bounds_at_any_times_give_back_the_alpha_they_spend(times, name, sides):
    alpha = 0.05
    found = spending_bounds(times, alpha=alpha, spending=spending_named(name), sides=sides)

    above, below = crossing_probabilities(times, *found.edges(), drift=0.0)

    np.testing.assert_allclose(np.cumsum(above + below), found.spent, rtol=0, atol=1e-12)
    assert found.spent[-1] == pytest.approx(alpha, abs=1e-12)


def test_crossing_probabilities_are_those_of_simulated_studies():
    draw = np.random.default_rng(5)
    information, upper, lower = (10.0, 15.0, 40.0), (2.5, 2.2, 2.0), (-1.0, 0.0, 2.0)
    scores = np.cumsum(
        draw.normal(np.diff((0, *information)) * 0.3, np.sqrt(np.diff((0, *information))), (200_000, 3)), 1
    )
    z = scores / np.sqrt(information)
    going = np.ones(len(z), dtype=bool)
    simulated = []
    for k in range(3):
        simulated += [(going & (z[:, k] > upper[k])).mean(), (going & (z[:, k] < lower[k])).mean()]
        going &= (z[:, k] <= upper[k]) & (z[:, k] >= lower[k])

    above, below = crossing_probabilities(information, upper, lower, 0.3)

    np.testing.assert_allclose(np.column_stack([above, below]).ravel(), simulated, atol=0.005)
    assert (above + below).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("begun_at", "z", "drift"), [(0.0, 0.0, 3.0), (0.9, 1.0, 3.0), (0.5, -2.0, -4.0)])
def test_looks_that_cannot_stop_leave_the_end_as_it_would_be_without_them(begun_at, z, drift):
    information, left = [0.94, 0.97, 1.0], 1 - begun_at
    expected = norm.sf((1.2 - z * np.sqrt(begun_at) - drift * left) / np.sqrt(left))

    above, below = crossing_probabilities(information, [np.inf, np.inf, 1.2], [-np.inf] * 3, drift, begin(begun_at, z))

    np.testing.assert_allclose(above, [0, 0, expected], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(below, 0)


def test_a_look_too_early_to_spend_anything_cannot_stop_the_study():
    early = spending_bounds([0.01, 0.5, 1], alpha=0.05)
    without = spending_bounds([0.5, 1], alpha=0.05)

    assert early.upper[0] is None
    assert early.nominal_p[0] is None
    np.testing.assert_allclose(early.upper[1:], without.upper, atol=1e-12)


def test_hwang_shih_decani_spends_evenly_at_zero_and_the_family_is_ordered():
    spent = [spending_named("hwang_shih_decani", gamma).spent(0.5, 0.04) for gamma in (-4, 0, 1)]

    assert spent[1] == pytest.approx(0.02)
    assert spent == sorted(spent)


@pytest.mark.parametrize(
    ("times", "alpha", "sides", "text"),
    [
        ([], 0.05, 2, "at least one look"),
        ([0.5, 0.5, 1], 0.05, 2, "look 2: expected clearly more"),
        ([0.5, 1.2], 0.05, 2, "look 2: expected a number above 0 and at most 1"),
        ([1.0], 0.7, 1, "alpha: expected"),
        ([1.0], 0.05, 3, "sides: expected 1 or 2"),
        ([float("nan")], 0.05, 2, "look 1: expected a number"),
    ],
)
def test_looks_that_cannot_be_meant_are_refused(times, alpha, sides, text):
    with pytest.raises(InputError, match=text):
        spending_bounds(times, alpha=alpha, sides=sides)


def test_an_unknown_spending_function_or_shape_is_refused():
    with pytest.raises(InputError, match="expected one of obrien_fleming"):
        spending_named("haybittle")
    with pytest.raises(InputError, match="shape"):
        classic_bounds([0.5, 1], alpha=0.05, shape="haybittle")

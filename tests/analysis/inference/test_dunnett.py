from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from analysis.errors import InputError
from analysis.inference.dunnett import critical_value, dunnett, exceedance, shared_control_loadings
from analysis.inference.welch import welch


# reference.json, checklist.dunnett_crit_two_sided_05 (R, equal arms).
@pytest.mark.parametrize(
    ("n_arms", "freedom", "expected"),
    [
        (2, 20, 2.3786899802),
        (3, 60, 2.409942125),
        (4, 120, 2.4747026415),
        (4, inf, 2.4417707732),
        (5, inf, 2.5114630535),
    ],
)
def test_critical_values_are_the_reference(n_arms, freedom, expected):
    assert critical_value(0.05, np.full(n_arms, np.sqrt(0.5)), freedom) == pytest.approx(expected, abs=2e-10)


@pytest.mark.parametrize(("freedom", "expected"), [(5, 2.44), (10, 2.15), (20, 2.03), (60, 1.95)])
def test_one_sided_critical_values_are_dunnetts_table(freedom, expected):
    # Dunnett 1955, table 1a: two arms, one-sided, joint 95 %.
    assert critical_value(0.05, np.full(2, np.sqrt(0.5)), freedom, sides=1) == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize(("freedom", "loadings"), [(1.0, (0.5, 0.9)), (7.0, (0.3, 0.707, 0.98))])
def test_unequal_arms_follow_the_double_integral(freedom, loadings):
    loadings = np.array(loadings)
    own, c = np.sqrt(1 - loadings**2), 1.7

    def given_ratio(s):
        def inner(z):
            stays = special.ndtr((loadings * z + c * s) / own) - special.ndtr((loadings * z - c * s) / own)
            return np.prod(stays) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

        return integrate.quad(inner, -9, 9, epsabs=1e-12, limit=200)[0] * stats.chi.pdf(
            s * np.sqrt(freedom), freedom
        ) * np.sqrt(freedom)  # fmt: skip

    expected = 1 - integrate.quad(given_ratio, 0, 60, points=[0.1, 0.5, 1, 2, 4], epsabs=1e-11, limit=200)[0]
    assert exceedance(c, loadings, freedom) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("freedom", [0.5, 2, 8, 50, 1000])
@pytest.mark.parametrize("sides", [1, 2])
def test_finer_steps_change_nothing(monkeypatch, freedom, sides):
    loadings = np.array([0.2, 0.7, 0.8, 0.95, 0.6])
    points = [0.3, 2.5, 9.0]

    found = [exceedance(c, loadings, freedom, sides=sides) for c in points]

    monkeypatch.setattr("analysis.inference.dunnett.STEPS_A_WIDTH", 3.0)
    monkeypatch.setattr("analysis.inference.dunnett.CHI_STEPS", ((0.0, 1200 if freedom < 8 else 400),))
    finer = [exceedance(c, loadings, freedom, sides=sides) for c in points]
    assert found == pytest.approx(finer, abs=1e-11)


@pytest.mark.parametrize("freedom", [3, 30, inf])
def test_one_arm_is_students_t(freedom):
    for c in (0.0, 0.5, 2.0, 6.0):
        assert exceedance(c, np.array([0.6]), freedom) == pytest.approx(2 * stats.t.sf(c, freedom), abs=1e-12)


def test_small_probabilities_keep_their_digits():
    # Far out the arms hardly ever exceed together: twice one arm's tail, but for their correlation.
    p = exceedance(12.0, np.full(2, 0.1), inf)

    assert p == pytest.approx(4 * stats.norm.sf(12), rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(2, 400), min_size=1, max_size=6),
    st.integers(2, 400),
    st.floats(1, 500),
    st.floats(0, 8),
)  # fmt: skip
def test_adjusted_p_lies_between_one_arms_and_bonferronis(sizes, control_size, freedom, c):
    p = exceedance(c, shared_control_loadings(sizes, control_size), freedom)
    alone = 2 * stats.t.sf(c, freedom)

    assert alone - 1e-9 <= p <= min(1.0, len(sizes) * alone) + 1e-9


def test_differences_of_a_study_are_scipys_but_for_its_random_digits():
    rng = np.random.default_rng(2)
    groups = [rng.normal(mean, 1, size) for mean, size in ((0, 12), (0.8, 9), (0.3, 15), (1.1, 7))]
    arm = np.repeat(np.arange(4), [len(group) for group in groups])

    found = dunnett(np.concatenate(groups), arm, control=0)

    theirs = stats.dunnett(*groups[1:], control=groups[0], random_state=1)
    assert [one.statistic for one in found.differences] == pytest.approx(theirs.statistic, rel=1e-10)
    assert [one.p_value for one in found.differences] == pytest.approx(theirs.pvalue, abs=2e-4)
    assert [(one.arm, one.minus, one.n) for one in found.differences] == [(1, 0, 21), (2, 0, 27), (3, 0, 19)]
    assert found.degrees_of_freedom == 39


def test_interval_excludes_zero_exactly_where_p_is_below_alpha():
    rng = np.random.default_rng(3)
    for shift in np.linspace(0, 1.5, 12):
        values, arm = rng.normal(size=30), np.repeat(np.arange(3), 10)
        for one in dunnett(values + shift * (arm == 1), arm, control=0).differences:
            assert (one.p_value < 0.05) == (one.interval.low > 0 or one.interval.high < 0)


def test_two_arms_of_equal_size_are_welch_with_one_variance():
    values, arm = np.random.default_rng(4).normal(size=40), np.tile([0, 1], 20)

    (one,) = dunnett(values, arm, control=0).differences

    assert one.standard_error == pytest.approx(welch(values[arm == 1], values[arm == 0], 0.95).standard_error)
    assert one.p_value == pytest.approx(stats.ttest_ind(values[arm == 1], values[arm == 0]).pvalue, abs=1e-12)


@pytest.mark.parametrize(
    ("values", "arm", "words"),
    [
        ([1, 2, np.nan, np.nan], [0, 0, 1, 1], "arm 1 has nobody"),
        ([1, 1, 2, 2], [0, 0, 1, 1], "nobody differs"),
        ([1, 2], [0, 0], "too few"),
        ([1, 2], [0, 1], "too few"),
    ],
)
def test_what_cannot_be_compared_gives_a_sentence(values, arm, words):
    found = dunnett(np.array(values, dtype=float), np.array(arm), control=0)

    assert words in found.problem
    assert (found.differences, found.critical_value) == ((), None)


def test_impossible_loadings_are_refused():
    with pytest.raises(InputError, match="below 1"):
        exceedance(2.0, np.array([0.5, 1.0]), 10)


def test_family_wise_error_of_unequal_arms_is_alpha():
    sizes, n = (10, 5, 20, 8), 20_000
    groups = [np.random.default_rng(k).normal(size=(n, size)) for k, size in enumerate(sizes)]
    scale = np.sqrt(sum(((group.T - group.mean(axis=1)) ** 2).sum(axis=0) for group in groups) / (sum(sizes) - 4))
    differences = [group.mean(axis=1) - groups[0].mean(axis=1) for group in groups[1:]]
    errors = [scale * np.sqrt(1 / size + 1 / sizes[0]) for size in sizes[1:]]
    largest = np.max([abs(d) / e for d, e in zip(differences, errors, strict=True)], axis=0)

    critical = critical_value(0.05, shared_control_loadings(sizes[1:], sizes[0]), sum(sizes) - 4)

    assert (largest > critical).mean() == pytest.approx(0.05, abs=0.0046)  # three standard errors

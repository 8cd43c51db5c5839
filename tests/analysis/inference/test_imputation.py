from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import InputError
from analysis.inference.imputation import Incomplete, imputed_difference, pool, tipping_point
from analysis.inference.welch import welch


def test_rubins_rules_are_the_reference():
    # reference.json, checklist.rubin_rules: q .132, total .003224, df 88.8664546356.
    found = pool((0.12, 0.15, 0.10, 0.13, 0.16), (0.0025, 0.0026, 0.0024, 0.0027, 0.0025))

    assert found.value == pytest.approx(0.132, abs=1e-15)
    assert found.standard_error**2 == pytest.approx(0.003224, abs=1e-15)
    assert found.degrees_of_freedom == pytest.approx(88.8664546356, abs=1e-9)
    assert (found.within, found.between) == (pytest.approx(0.00254), pytest.approx(0.00057))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=9), st.floats(0.001, 1), st.floats(2, 500))
def test_pooling_never_has_more_freedom_than_complete_data(estimates, variance, complete):
    found = pool(estimates, [variance] * len(estimates), complete_freedom=complete)

    assert 0 < found.degrees_of_freedom <= complete
    assert found.standard_error**2 >= variance * (1 - 1e-12)
    assert 0 <= found.missing_information < 1


def test_alike_estimates_leave_the_variance_within():
    found = pool((0.2, 0.2, 0.2), (0.01, 0.01, 0.01))

    assert (found.standard_error, found.degrees_of_freedom) == (pytest.approx(0.1), inf)


def an_arm(n, shift, missing, seed, slope=1.0):
    """The lower the covariate, the more likely the outcome is missing."""
    rng = np.random.default_rng(seed)
    before = rng.normal(size=n)
    outcome = shift + slope * before + rng.normal(size=n)
    outcome[rng.random(n) < missing / (1 + np.exp(2 * before)) * 2] = np.nan
    return Incomplete(outcome, before[:, None])


def test_nothing_missing_is_welch():
    first, second = an_arm(30, 0.5, 0, 1), an_arm(40, 0, 0, 2)

    found = imputed_difference(first, second, seed=3)

    expected = welch(first.outcome, second.outcome, 0.95)
    assert found.pooled.value == pytest.approx(expected.value, rel=1e-12)
    assert found.pooled.standard_error == pytest.approx(expected.standard_error, rel=1e-12)
    assert found.n_missing == (0, 0)


def test_outcomes_that_covariates_tell_are_filled_in_as_they_were():
    before = np.linspace(-1, 1, 20)
    truth = 2 + 3 * before
    outcome = np.where(before < -0.5, np.nan, truth)
    rest = Incomplete(np.array([0.0, 1, 2, 3]), np.zeros((4, 1)))

    found = imputed_difference(Incomplete(outcome, before[:, None]), rest, seed=1)

    assert found.pooled.value == pytest.approx(truth.mean() - 1.5, abs=1e-9)
    assert found.pooled.between == pytest.approx(0, abs=1e-15)


def test_a_shift_moves_the_difference_by_the_share_filled_in():
    first, second = an_arm(50, 0.5, 0.3, 4), an_arm(50, 0, 0.2, 5)

    plain = imputed_difference(first, second, seed=6)
    moved = imputed_difference(first, second, seed=6, shift=(-0.4, 0.2))

    shares = [count / n for count, n in zip(plain.n_missing, plain.n, strict=True)]
    assert moved.pooled.value == pytest.approx(plain.pooled.value - 0.4 * shares[0] - 0.2 * shares[1], abs=1e-12)


def test_at_the_tipping_point_the_interval_ends_at_zero():
    first, second = an_arm(80, 1.5, 0.3, 7), an_arm(80, 0, 0.2, 8)

    found = tipping_point(first, second, seed=9)

    at_it = imputed_difference(first, second, seed=9, shift=(found.shift, 0.0)).pooled
    assert found.shift < 0
    assert at_it.interval.low == pytest.approx(0, abs=1e-9)
    assert found.in_deviations == pytest.approx(found.shift / np.nanstd(first.outcome, ddof=1))
    assert f"{found.shift:+.3g}" in found.sentence


def test_a_harmful_arm_has_its_tipping_point_on_the_other_side():
    found = tipping_point(an_arm(80, -1.5, 0.3, 7), an_arm(80, 0, 0.2, 8), seed=9)

    at_it = imputed_difference(an_arm(80, -1.5, 0.3, 7), an_arm(80, 0, 0.2, 8), seed=9, shift=(found.shift, 0.0)).pooled
    assert found.shift > 0
    assert at_it.interval.high == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("shift", "missing", "words"),
    [(0.0, 0.3, "holds zero without any shift"), (3.0, 0.0, "No outcome is missing")],
)
def test_without_a_tipping_point_a_sentence_says_why(shift, missing, words):
    found = tipping_point(an_arm(40, shift, missing, 10), an_arm(40, 0, 0.2, 11), seed=1)

    assert (found.shift, found.in_deviations) == (None, None)
    assert words in found.sentence


def test_too_few_outcomes_to_learn_from_give_no_estimate():
    lost = Incomplete(np.array([1.0, 2, np.nan, np.nan]), np.zeros((4, 1)))

    assert imputed_difference(lost, an_arm(20, 0, 0, 1), seed=1).pooled is None
    assert "too few outcomes" in tipping_point(lost, an_arm(20, 0, 0, 1), seed=1).sentence


def test_missing_and_constant_covariates_do_no_harm():
    first, second = an_arm(40, 0.5, 0.3, 12), an_arm(40, 0, 0.2, 13)
    holes = first.covariates.copy()
    holes[::7] = np.nan
    wide = [Incomplete(arm.outcome, np.column_stack([x, np.ones(40), x]))
            for arm, x in ((first, holes), (second, second.covariates))]  # fmt: skip

    found = imputed_difference(*wide, seed=2)

    narrow = imputed_difference(Incomplete(first.outcome, holes), second, seed=2)
    assert found.pooled.value == pytest.approx(narrow.pooled.value, abs=0.15)
    assert found == imputed_difference(*wide, seed=2)


def test_parts_that_do_not_fit_are_told_all_at_once():
    arm = Incomplete(np.zeros(3), np.zeros((2, 1)))
    with pytest.raises(InputError, match="3 problems"):
        imputed_difference(arm, arm, seed=1, n_imputations=1)
    with pytest.raises(InputError, match="expected two or more estimates"):
        pool([0.1], [0.1])


def test_coverage_holds_where_leaving_follows_the_covariate_and_the_plain_difference_fails():
    # In one arm those who were worse before leave: what is left of it looks better than it is.
    covered, plain = [], []
    for seed in range(80):
        first, second = an_arm(60, 0.5, 0.5, 2 * seed, slope=1.5), an_arm(60, 0, 0, 2 * seed + 1, slope=1.5)
        found = imputed_difference(first, second, seed=seed, n_imputations=20).pooled
        complete = welch(first.outcome, second.outcome, 0.95)
        covered.append(found.interval.low <= 0.5 <= found.interval.high)
        plain.append(complete.interval.low <= 0.5 <= complete.interval.high)

    assert np.mean(covered) >= 0.95 - 0.073  # three standard errors
    assert np.mean(plain) < 0.8

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from analysis.inference.welch import Mean, mean_of, welch
from analysis.types import Interval


def test_welch_on_set_a_is_the_reference(people_of_a):
    # reference.json, checklist.A_participant_did_welch (R's t.test on the participants' difference scores).
    gains = people_of_a["post"] - people_of_a["pre"]

    difference = welch(gains[people_of_a["arm"] == 1], gains[people_of_a["arm"] == 0], 0.95)

    assert difference.value == pytest.approx(0.051770708283, abs=1e-11)
    assert difference.value / difference.standard_error == pytest.approx(1.4911273237, abs=1e-9)
    assert difference.degrees_of_freedom == pytest.approx(97.1355391508, abs=1e-8)
    assert (difference.interval.low, difference.interval.high) == pytest.approx(
        (-0.017136026126, 0.12067744269), abs=1e-10
    )


samples = st.lists(st.floats(-1, 1).map(lambda x: round(x, 3)), min_size=2, max_size=20)


@given(samples, samples)
def test_welch_is_the_interval_of_scipy(first, second):
    assume(np.ptp(first) > 0 and np.ptp(second) > 0)  # scipy warns of the rest; ours is tested below
    ours = welch(np.array(first), np.array(second), 0.9)

    theirs = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.9)
    assert (ours.interval.low, ours.interval.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9, abs=1e-12)


def test_mean_has_the_t_interval_of_the_closed_form():
    # 1, 2, 3, 4: mean 2.5, standard error sqrt(5/3/4), t quantile 3.182446305 on three degrees of freedom.
    half = 3.182446305284263 * np.sqrt(5 / 12)

    mean = mean_of(np.array([1, 2, np.nan, 3, 4]), 0.95)

    assert mean.value == 2.5
    assert (mean.interval.low, mean.interval.high) == pytest.approx((2.5 - half, 2.5 + half), rel=1e-12)
    assert mean.degrees_of_freedom == 3


def test_too_few_people_give_a_value_without_an_interval():
    assert mean_of(np.array([np.nan]), 0.95) == Mean(None, None, None, None)
    assert mean_of(np.array([0.25, np.nan]), 0.95) == Mean(0.25, None, None, None)
    assert welch(np.array([0.5]), np.array([0.25, 0.25]), 0.95) == Mean(0.25, None, None, None)
    assert welch(np.array([]), np.array([0.25, 0.25]), 0.95) == Mean(None, None, None, None)


def test_no_spread_gives_no_interval_of_width_zero():
    # 0.1 three times has a mean that is not 0.1 in binary, and 5/7 - 2/7 is not 3/7; that is no spread either.
    assert welch(np.full(3, 0.1), np.full(3, 0.0), 0.95) == Mean(pytest.approx(0.1), 0.0, None, None)
    assert mean_of(np.array([5 / 7 - 2 / 7, 3 / 7, 4 / 7 - 1 / 7]), 0.95) == Mean(pytest.approx(3 / 7), 0.0, None, None)


def test_one_group_without_spread_still_has_an_interval():
    difference = welch(np.array([1.0, 1, 1]), np.array([0.0, 1, 2]), 0.95)

    # All of the error is the second group's: a one-sample interval with its two degrees of freedom.
    half = 4.302652729911275 * np.sqrt(1 / 3)
    assert difference.interval == Interval(pytest.approx(-half), pytest.approx(half), 0.95)

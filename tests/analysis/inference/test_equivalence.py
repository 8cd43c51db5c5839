import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import InputError
from analysis.inference.equivalence import equivalence, non_inferiority
from analysis.inference.welch import Mean, welch


def sample(mean, sd, n):
    """Return values with exactly this mean and standard deviation."""
    values = np.random.default_rng(1).normal(size=n)
    return mean + sd * (values - values.mean()) / values.std(ddof=1)


def test_two_one_sided_tests_are_the_reference():
    # reference.json, checklist.tost_welch: means .02 and 0, sd .15 and .16, n 120 and 118, bounds -.05 and .05.
    difference = welch(sample(0.02, 0.15, 120), sample(0, 0.16, 118), 0.95)

    found = equivalence(difference, low=-0.05, high=0.05)

    assert difference.degrees_of_freedom == pytest.approx(234.4507160959, abs=1e-8)
    assert found.statistic_low == pytest.approx(3.4806958475, abs=1e-9)
    assert found.statistic_high == pytest.approx(-1.4917267918, abs=1e-9)
    assert found.p_low == pytest.approx(0.0002981425589, abs=1e-12)
    assert found.p_value == found.p_high == pytest.approx(0.068557541581, abs=1e-11)
    assert (found.interval.low, found.interval.high) == pytest.approx((-0.013210750088, 0.053210750088), abs=1e-11)
    assert found.interval.level == pytest.approx(0.9)
    assert not found.is_equivalent
    assert found.sentence == "Undecided: the 90 % interval reaches beyond a bound and over zero."


differences = st.builds(
    lambda value, error, freedom: Mean(value, error, freedom, None),
    st.floats(-0.3, 0.3), st.floats(0.001, 0.2), st.floats(2, 500),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(differences, st.floats(0.01, 0.3), st.sampled_from([0.01, 0.05, 0.1]))
def test_p_is_below_alpha_exactly_where_the_interval_is_within(difference, bound, alpha):
    found = equivalence(difference, low=-bound, high=bound, alpha=alpha)

    inside = min(found.interval.low + bound, bound - found.interval.high)
    assert found.is_equivalent == (inside >= 0) or abs(inside) < 1e-9
    assert found.is_equivalent == found.sentence.startswith("Too small to matter") or abs(inside) < 1e-9


@settings(max_examples=60, deadline=None)
@given(differences, st.floats(0.01, 0.3))
def test_what_is_not_inferior_mirrored_is_the_same_for_what_should_be_small(difference, margin):
    mirrored = Mean(-difference.value, difference.standard_error, difference.degrees_of_freedom, None)

    found = non_inferiority(difference, margin=margin)
    other = non_inferiority(mirrored, margin=margin, more_is_better=False)

    assert found.p_value == other.p_value
    assert found.is_non_inferior == (found.interval.low > -margin) or abs(found.interval.low + margin) < 1e-9


def test_non_inferiority_is_the_low_half_of_equivalence():
    difference = Mean(0.01, 0.02, 40.0, None)

    found = non_inferiority(difference, margin=0.05)

    assert found.p_value == equivalence(difference, low=-0.05, high=0.05).p_low
    assert found.is_non_inferior
    assert found.sentence == "Not worse by more than 0.05 (one-sided alpha 0.025)."


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "Too small to matter: the 90 % interval lies within the bounds."),
        (0.03, "Too small to matter: the 90 % interval lies within the bounds but beside zero."),
        (0.045, "Undecided: the 90 % interval reaches beyond a bound."),
        (-0.09, "Large enough to matter: the 90 % interval lies beyond a bound."),
    ],
)
def test_the_four_outcomes_have_a_sentence_each(value, words):
    assert equivalence(Mean(value, 0.01, 100.0, None), low=-0.05, high=0.05).sentence == words


@pytest.mark.parametrize("difference", [Mean.absent(), Mean(0.1, None, None, None), Mean(0.1, 0.0, None, None)])
def test_without_a_standard_error_nothing_is_shown(difference):
    equal, not_worse = equivalence(difference, low=-1, high=1), non_inferiority(difference, margin=1)

    assert (equal.p_value, equal.interval, equal.is_equivalent) == (None, None, False)
    assert (not_worse.p_value, not_worse.interval, not_worse.is_non_inferior) == (None, None, False)


def test_bounds_and_alpha_out_of_order_are_refused():
    difference = Mean(0.1, 0.1, 10.0, None)
    with pytest.raises(InputError, match="2 problems"):
        equivalence(difference, low=0.1, high=-0.1, alpha=0.7)
    with pytest.raises(InputError, match="more than 0"):
        non_inferiority(difference, margin=0)


def test_at_the_bound_equivalence_is_declared_at_most_alpha_of_the_time():
    rng = np.random.default_rng(2)
    declared = [
        equivalence(welch(rng.normal(0.5, 1, 60), rng.normal(0, 2, 60), 0.95), low=-0.5, high=0.5).is_equivalent
        for _ in range(1500)
    ]

    assert np.mean(declared) <= 0.05 + 0.017

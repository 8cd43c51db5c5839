import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from analysis.errors import InputError
from analysis.inference.bayes_factor import one_sample_bayes_factor, two_sample_bayes_factor


# reference.json, python.jzs_bf10; checklist.bf_jzs_two_sample (R's BayesFactor) to ten digits of it.
@pytest.mark.parametrize(
    ("t", "first_n", "second_n", "expected"),
    [
        (2, 50, 50, 1.2251333237911073),
        (0.5, 120, 120, 0.15896441247119217),
        (3.2, 30, 40, 16.528048313379553),
    ],
)
def test_bayes_factors_are_the_reference(t, first_n, second_n, expected):
    assert two_sample_bayes_factor(t, first_n, second_n).value == pytest.approx(expected, abs=1e-9)


def by_the_cauchy_prior(t, effective, freedom, scale):
    """Average the noncentral t density over the prior itself: another form of the same integral."""

    def weighed(delta):
        return stats.nct.pdf(t, freedom, delta * np.sqrt(effective)) * stats.cauchy.pdf(delta, scale=scale)

    # Beyond 12 standard errors from the estimate the likelihood is below any digit.
    centre, reach = t / np.sqrt(effective), 12 / np.sqrt(effective) * max(1.0, abs(t) / np.sqrt(freedom))
    total = integrate.quad(weighed, centre - reach, centre + reach, epsabs=1e-13, limit=400)[0]
    return total / stats.t.pdf(t, freedom)


@pytest.mark.parametrize("scale", [0.3, 1.0])
@pytest.mark.parametrize(("t", "n"), [(0.0, 12), (2.3, 25), (-1.1, 60)])
def test_one_group_is_the_average_of_the_noncentral_t(t, n, scale):
    found = one_sample_bayes_factor(t, n, scale=scale)

    assert found.value == pytest.approx(by_the_cauchy_prior(t, n, n - 1, scale), rel=1e-6)
    assert (found.n, found.statistic, found.scale) == ((n,), t, scale)


@pytest.mark.parametrize(("t", "n", "scale"), [(2.0, 50, 0.7), (0.0, 2, 10.0), (80.0, 1000, 0.01), (5.0, 10**6, 0.7)])
def test_finer_steps_change_nothing(monkeypatch, t, n, scale):
    found = two_sample_bayes_factor(t, n, n, scale=scale).log_value

    monkeypatch.setattr("analysis.inference.bayes_factor.LOG_G", np.linspace(-9, 120, 40_001))
    assert two_sample_bayes_factor(t, n, n, scale=scale).log_value == pytest.approx(found, abs=1e-11)


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 30), st.integers(2, 2000), st.integers(2, 2000))
def test_sign_and_order_of_groups_do_not_matter_and_more_t_speaks_more_for_a_difference(t, first_n, second_n):
    found = two_sample_bayes_factor(t, first_n, second_n).log_value

    assert two_sample_bayes_factor(-t, second_n, first_n).log_value == pytest.approx(found, abs=1e-11)
    assert two_sample_bayes_factor(t + 0.1, first_n, second_n).log_value > found


def test_no_difference_at_all_speaks_for_none_the_more_the_more_people():
    values = [two_sample_bayes_factor(0, n, n).value for n in (5, 50, 500)]

    assert 1 > values[0] > values[1] > values[2]
    assert two_sample_bayes_factor(0, 50, 50).sentence == (
        f"The data are {1 / values[1]:.3g} times as likely under no difference as under one."
    )


def test_beyond_all_numbers_it_is_infinite_with_a_logarithm():
    found = one_sample_bayes_factor(1e4, 500)

    assert found.value == float("inf")
    assert np.isfinite(found.log_value)


def test_impossible_input_is_told_all_at_once():
    with pytest.raises(InputError, match="3 problems"):
        two_sample_bayes_factor(float("nan"), 0, 5, scale=0)

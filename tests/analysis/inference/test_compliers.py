import numpy as np
import pytest
from scipy import stats

from analysis.errors import InputError
from analysis.inference.compliers import complier_effect, per_protocol
from analysis.inference.welch import welch


def a_trial(n=200, share=0.6, effect=1.0, seed=1):
    """People of whom a share would use it; users differ from others from the start."""
    rng = np.random.default_rng(seed)
    would = rng.random(2 * n) < share
    base = rng.normal(size=2 * n) + 0.8 * would
    used = would & (np.arange(2 * n) < n)
    y = base + effect * used
    return y[:n], used[:n], y[n:], used[n:]


def test_when_everybody_complies_it_is_welch():
    rng = np.random.default_rng(2)
    first, second = rng.normal(1, 1, 30), rng.normal(0, 2, 40)

    found = complier_effect(first, np.ones(30, dtype=bool), second, np.zeros(40, dtype=bool))

    expected = welch(first, second, 0.95)
    assert found.value == pytest.approx(expected.value, rel=1e-12)
    assert found.standard_error == pytest.approx(expected.standard_error, rel=1e-12)
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (expected.interval.low, expected.interval.high), rel=1e-10
    )
    assert found.p_value == pytest.approx(stats.ttest_ind(first, second, equal_var=False).pvalue, rel=1e-10)


def test_ratio_is_two_stage_least_squares():
    first, first_used, second, second_used = a_trial()
    y, d = np.append(first, second), np.append(first_used, second_used).astype(float)
    z = np.stack([np.ones(400), np.repeat([1.0, 0.0], 200)], axis=1)
    fitted = z @ np.linalg.lstsq(z, d, rcond=None)[0]
    second_stage = np.linalg.lstsq(np.stack([np.ones(400), fitted], axis=1), y, rcond=None)[0]

    found = complier_effect(first, first_used, second, second_used)

    assert found.value == pytest.approx(second_stage[1], rel=1e-9)
    assert found.complier_share.value == pytest.approx(first_used.mean())
    assert found.value * found.complier_share.value == pytest.approx(found.by_allocation.value)


def test_interval_is_the_set_of_ratios_that_no_test_rejects():
    first, first_used, second, second_used = a_trial(n=60)

    found = complier_effect(first, first_used, second, second_used)

    # At its ends the outcome less the ratio times use does not differ between the arms, but for the degrees of freedom.
    for end in (found.interval.low, found.interval.high):
        difference = welch(first - end * first_used, second - end * second_used, 0.95)
        assert abs(difference.value / difference.standard_error) == pytest.approx(
            stats.t.ppf(0.975, difference.degrees_of_freedom), rel=2e-3
        )


def test_few_compliers_leave_the_interval_without_end():
    first, first_used, second, second_used = a_trial(n=30, share=0.05, seed=3)

    found = complier_effect(first, first_used, second, second_used)

    assert (found.is_bounded, found.interval) == (False, None)
    assert found.p_value is not None


def test_use_alike_in_both_arms_has_no_complier_effect():
    found = complier_effect(np.arange(4.0), np.ones(4, dtype=bool), np.arange(3.0), np.ones(3, dtype=bool))

    assert (found.value, found.interval) == (None, None)


def test_coverage_is_the_level():
    covered = []
    for seed in range(150):
        found = complier_effect(*a_trial(n=80, seed=seed))
        covered.append(found.interval.low <= 1.0 <= found.interval.high)

    assert np.mean(covered) == pytest.approx(0.95, abs=0.054)  # three standard errors


def test_per_protocol_counts_whom_it_leaves_out():
    first, second = np.array([1.0, 2, 3, np.nan]), np.array([0.0, 1, 5])

    found = per_protocol(first, np.array([True, True, False, False]), second, np.array([True, True, False]))

    assert found.difference == welch(first[:2], second[:2], 0.95)
    assert (found.n, found.n_left_out) == ((2, 2), (1, 1))


def test_marks_of_another_length_are_refused():
    with pytest.raises(InputError, match="second arm: expected as many outcomes as marks, found 2 and 3"):
        complier_effect(np.zeros(2), np.zeros(2, dtype=bool), np.zeros(2), np.zeros(3, dtype=bool))

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from analysis.inference.allocation import Allocation
from analysis.inference.permutation import max_t_tests, permutation_tests, studentised

# reference.json, checklist.perm_exact: the first six against the last six, by complete enumeration in R.
TWELVE = np.array([0.12, 0.31, 0.05, 0.22, 0.4, 0.18, -0.02, 0.1, 0, 0.15, 0.07, -0.05])
ARM = np.array([0] * 6 + [1] * 6)


def test_free_enumeration_gives_the_reference_p():
    (test,) = permutation_tests(
        TWELVE, Allocation(ARM, np.zeros(12, dtype=np.int64), (12,), (1, 1)), [(0, 1)], draws=1000, seed=0
    )

    assert test.is_exact
    assert test.n_allocations == 924
    assert test.p_value == pytest.approx(0.019480519481, abs=1e-12)


def test_enumeration_within_permuted_blocks_gives_the_reference_p():
    blocks = np.array([0, 0, 1, 1, 2, 2] * 2)

    (test,) = permutation_tests(TWELVE, Allocation(ARM, blocks, (4, 4, 4), (1, 1)), [(0, 1)], draws=1000, seed=0)

    assert (test.n_allocations, test.is_exact) == (216, True)
    assert test.p_value == pytest.approx(0.027777777778, abs=1e-12)


def test_small_design_enumerated_by_hand():
    # One block of four, values 1, 2, 3, 5; allocated 1, 2 against 3, 5. |difference| of means is 2.5 for {1,2}|{3,5}
    # and its mirror, 1.5 and 0.5 for the four others; groups are of equal size, so t ranks them alike: p = 2/6.
    allocation = Allocation(np.array([0, 0, 1, 1]), np.zeros(4, dtype=np.int64), (4,), (1, 1))

    (test,) = permutation_tests(np.array([1.0, 2, 3, 5]), allocation, [(1, 0)], draws=6, seed=0)

    assert (test.n_allocations, test.is_exact) == (6, True)
    assert test.p_value == pytest.approx(2 / 6, abs=1e-15)
    assert test.statistic == pytest.approx(2.5 / np.sqrt(0.5 / 2 + 2 / 2), rel=1e-12)


def test_statistic_is_the_t_of_scipy():
    rng = np.random.default_rng(1)
    values, labels = rng.normal(0, 1, 30), rng.integers(0, 3, (5, 30)).astype(np.int8)

    ours = studentised(values, labels, [(0, 1), (2, 0)])

    theirs = [
        [stats.ttest_ind(values[row == a], values[row == b], equal_var=False).statistic for a, b in ((0, 1), (2, 0))]
        for row in labels
    ]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_random_redraws_come_near_the_exact_p():
    blocks = np.array([0, 0, 1, 1, 2, 2] * 2)

    (test,) = permutation_tests(TWELVE, Allocation(ARM, blocks, (4, 4, 4), (1, 1)), [(0, 1)], draws=215, seed=4)

    assert not test.is_exact
    assert test.p_value == pytest.approx(6 / 216, abs=0.034)  # three standard errors of 215 draws
    assert test.p_value * 216 == pytest.approx(round(test.p_value * 216))  # (1 + b) / (1 + 215)


def test_p_is_never_zero():
    values = np.repeat([0.0, 10.0], 50) + np.linspace(0, 1, 100)
    allocation = Allocation(np.repeat([0, 1], 50), np.zeros(100, dtype=np.int64), (100,), (1, 1))

    (test,) = permutation_tests(values, allocation, [(1, 0)], draws=99, seed=0)

    assert test.p_value == 1 / 100


def test_rounding_of_values_does_not_break_ties():
    # Thirds in another order of summation: without a tolerance p would depend on the machine.
    values = np.array([1 / 3, 2 / 3, 1 / 3, 2 / 3, 1, 1 / 3, 0, 2 / 3])
    allocation = Allocation(np.array([0, 1] * 4), np.zeros(8, dtype=np.int64), (8,), (1, 1))
    noise = np.array([3, -2, 1, 0, -1, 2, 0, -3]) * 1e-16

    plain, shaken = (
        permutation_tests(v, allocation, [(1, 0)], draws=100, seed=0)[0].p_value for v in (values, values + noise)
    )

    means = np.array(
        [values[list(group)].mean() - np.delete(values, group).mean() for group in combinations(range(8), 4)]
    )
    observed = values[1::2].mean() - values[::2].mean()
    assert plain == shaken
    assert plain == pytest.approx((np.abs(means) >= abs(observed) - 1e-9).mean(), abs=1e-12)


def test_missing_values_keep_their_places_in_the_allocation():
    # Three of four places have a value. Allocations of AABB over them with the fourth free, by hand below.
    values = np.array([1.0, 2.0, 6.0, np.nan, 7.0, 1.5, np.nan, 3.0])
    allocation = Allocation(np.array([0, 0, 1, 1, 1, 0, 0, 1]), np.repeat([0, 1], 4), (4, 4), (1, 1))

    (test,) = permutation_tests(values, allocation, [(1, 0)], draws=100, seed=0)

    ts = []
    for first in combinations(range(4), 2):
        for second in combinations(range(4, 8), 2):
            in_b = np.isin(np.arange(8), [*first, *second])
            b, a = (values[mask & ~np.isnan(values)] for mask in (in_b, ~in_b))
            ts.append(stats.ttest_ind(b, a, equal_var=False).statistic)
    observed = stats.ttest_ind([6, 7, 3.0], [1, 2, 1.5], equal_var=False).statistic
    assert test.p_value == pytest.approx((np.abs(ts) >= observed * (1 - 1e-9)).mean(), abs=1e-12)


def test_an_unfilled_block_weights_its_allocations_and_lopsided_ones_count_as_extreme():
    # Four of eight places filled. Brute force: each of the 70 orders of 00001111 is as likely; those that put fewer
    # than two of the four people in an arm have no t and count as extreme.
    values, arm = np.array([1.0, 2, 4, 9]), np.array([0, 0, 1, 1])

    allocation = Allocation(arm, np.zeros(4, dtype=np.int64), (8,), (1, 1))
    (test,) = permutation_tests(values, allocation, [(1, 0)], draws=100, seed=0)

    observed = stats.ttest_ind(values[2:], values[:2], equal_var=False).statistic
    extreme = 0
    for places in combinations(range(8), 4):
        in_b = np.isin(np.arange(4), places)
        is_lopsided = in_b.sum() != 2
        extreme += is_lopsided or abs(
            stats.ttest_ind(values[in_b], values[~in_b], equal_var=False).statistic
        ) >= observed * (1 - 1e-9)
    assert test.is_exact
    assert test.n_allocations == 16
    assert test.p_value == pytest.approx(extreme / 70, abs=1e-12)


def test_an_arm_with_one_value_has_no_test():
    allocation = Allocation(np.array([0, 0, 1, 1]), np.zeros(4, dtype=np.int64), (4,), (1, 1))

    assert permutation_tests(np.array([1, 2, 3, np.nan]), allocation, [(1, 0)], draws=10, seed=0) == (None,)


def test_nobody_differing_from_anybody_gives_p_one():
    allocation = Allocation(np.array([0, 1] * 10), np.repeat(np.arange(5), 4), (4,) * 5, (1, 1))

    (test,) = permutation_tests(np.full(20, 0.1), allocation, [(1, 0)], draws=99, seed=0)

    assert (test.p_value, test.statistic) == (1.0, 0.0)


def test_all_contrasts_are_tested_on_the_same_redraws():
    rng = np.random.default_rng(2)
    allocation = Allocation(np.tile([0, 1, 2], 20), np.repeat(np.arange(20), 3), (3,) * 20, (1, 1, 1))
    values = rng.normal(size=60)

    together = permutation_tests(values, allocation, [(1, 0), (2, 0)], draws=300, seed=5)
    alone = [permutation_tests(values, allocation, [pair], draws=300, seed=5)[0] for pair in ((1, 0), (2, 0))]

    assert list(together) == alone


def test_max_t_is_the_step_down_rule_over_all_allocations():
    # Three arms of two in one block: 90 allocations, the rule written out for each contrast.
    allocation = Allocation(np.array([0, 0, 1, 1, 2, 2]), np.zeros(6, dtype=np.int64), (6,), (1, 1, 1))
    values, pairs = np.array([1.0, 1.4, 2.0, 3.3, 4.0, 4.7]), [(1, 0), (2, 0), (2, 1)]

    tests = max_t_tests(values, allocation, pairs, draws=90, seed=0)

    drawn = np.abs(studentised(values, allocation.every()[0], pairs))
    observed = np.abs(studentised(values, allocation.arm[None, :].astype(np.int8), pairs)[0])
    highest = 0.0
    for place, i in enumerate(sorted(range(3), key=lambda i: -observed[i])):
        rest = sorted(range(3), key=lambda i: -observed[i])[place:]
        highest = max(highest, (drawn[:, rest].max(axis=1) >= observed[i] * (1 - 1e-9)).mean())
        assert tests[i].p_adjusted == pytest.approx(highest, abs=1e-12)
        assert (tests[i].n_allocations, tests[i].is_exact) == (90, True)
    assert [test.p_value for test in tests] == pytest.approx(
        [test.p_value for test in permutation_tests(values, allocation, pairs, draws=90, seed=0)], abs=1e-12
    )


def test_max_t_of_one_contrast_is_not_adjusted_and_more_are_never_worse_than_bonferroni():
    rng = np.random.default_rng(7)
    allocation = Allocation(np.tile([0, 1, 2, 3], 15), np.repeat(np.arange(15), 4), (4,) * 15, (1, 1, 1, 1))
    values, pairs = rng.normal(size=60) + 0.4 * allocation.arm, [(1, 0), (2, 0), (3, 0)]

    alone = max_t_tests(values, allocation, pairs[:1], draws=400, seed=1)[0]
    several = max_t_tests(values, allocation, pairs, draws=400, seed=1)

    assert alone.p_adjusted == alone.p_value == several[0].p_value
    for test in several:
        assert test.p_value <= test.p_adjusted <= min(1.0, 3 * test.p_value)


def test_max_t_leaves_out_a_contrast_without_values():
    allocation = Allocation(np.tile([0, 1, 2], 4), np.repeat(np.arange(4), 3), (3,) * 4, (1, 1, 1))
    values = np.arange(12.0)
    values[allocation.arm == 2] = np.nan

    first, second = max_t_tests(values, allocation, [(1, 0), (2, 0)], draws=20, seed=0)

    assert second is None
    assert first.p_adjusted == first.p_value


def test_max_t_keeps_the_error_over_all_contrasts():
    rng = np.random.default_rng(8)
    allocation = Allocation(np.tile([0, 1, 2, 3], 6), np.repeat(np.arange(6), 4), (4,) * 6, (1, 1, 1, 1))
    smallest = [
        min(test.p_adjusted for test in max_t_tests(
            rng.normal(size=24), allocation, [(1, 0), (2, 0), (3, 0)], draws=199, seed=trial))
        for trial in range(300)
    ]  # fmt: skip

    assert np.mean(np.array(smallest) <= 0.1) == pytest.approx(0.1, abs=0.052)  # three standard errors

from itertools import product

import numpy as np
import pytest
from scipy import stats

from analysis.errors import InputError
from analysis.inference.allocation import Allocation
from analysis.inference.crossover import Crossover, crossover_tests, orders_drawn_freely

AB_BA = np.array([[0, 1], [1, 0]])


def test_two_periods_are_the_sign_flips_of_fisher():
    # Darwin's fifteen pairs of maize (Fisher 1935, The Design of Experiments, section 21): of 32,768 sign flips 863
    # have a sum as large as 314 one way; two-sided 1,726.
    differences = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48.0])
    values = np.stack([differences, np.zeros(15)], axis=1)
    crossover = orders_drawn_freely(np.tile([1, 0], (15, 1)))

    (test,) = crossover_tests(values, crossover, [(1, 0)], draws=40_000, seed=0)

    assert (test.n_allocations, test.is_exact) == (32_768, True)
    assert test.p_value == pytest.approx(1726 / 32_768, abs=1e-12)
    assert test.statistic == pytest.approx(stats.ttest_1samp(differences, 0).statistic, rel=1e-12)


def test_three_conditions_in_any_order_are_the_brute_force_ones():
    rng = np.random.default_rng(1)
    orders = np.array([rng.permutation(3) for _ in range(4)])
    values = rng.normal(size=(4, 3)) + 2.0 * (orders == 2)
    crossover = orders_drawn_freely(orders)

    tests = crossover_tests(values, crossover, [(2, 0), (1, 0)], draws=1296, seed=0)

    def t_of(chosen, a, b):
        people = zip(values, map(list, chosen), strict=True)
        d = [value[order.index(a)] - value[order.index(b)] for value, order in people]
        return np.mean(d) / (np.std(d, ddof=1) / 2)

    every = list(product(crossover.sequences.tolist(), repeat=4))
    for test, (a, b) in zip(tests, [(2, 0), (1, 0)], strict=True):
        observed = t_of(orders.tolist(), a, b)
        share = np.mean([abs(t_of(chosen, a, b)) >= abs(observed) * (1 - 1e-9) for chosen in every])
        assert (test.n_allocations, test.is_exact) == (1296, True)
        assert test.statistic == pytest.approx(observed, rel=1e-10)
        assert test.p_value == pytest.approx(share, abs=1e-12)


def test_orders_given_in_permuted_blocks_are_drawn_again_in_blocks():
    blocks = Allocation(np.array([0, 1, 1, 0]), np.array([0, 0, 1, 1]), (2, 2), (1, 1))
    crossover = Crossover(AB_BA, blocks)

    labels, probability = crossover.every()

    assert crossover.arm.tolist() == [0, 1, 1, 0, 1, 0, 0, 1]
    assert crossover.n_distinct() == len(labels) == 4
    np.testing.assert_allclose(probability, 1 / 4)
    drawn = np.concatenate(list(crossover.redraws(50, seed=0))).reshape(50, 4, 2)
    assert (drawn[:, 0] == drawn[:, 1, ::-1]).all()
    assert (drawn[:, 2] == drawn[:, 3, ::-1]).all()


def test_a_trend_over_periods_does_not_break_the_test():
    # Everybody gets faster by far more than anything else matters; without an effect p is still uniform.
    rng = np.random.default_rng(2)
    p_values = []
    for trial in range(300):
        arms = rng.integers(0, 2, 14)
        values = np.array([0.0, 10.0]) + rng.normal(size=(14, 2))
        (test,) = crossover_tests(values, orders_drawn_freely(AB_BA[arms]), [(1, 0)], draws=199, seed=trial)
        p_values.append(test.p_value)

    assert np.mean(np.array(p_values) <= 0.1) == pytest.approx(0.1, abs=0.052)  # three standard errors


def test_a_person_without_one_of_the_conditions_is_left_out_of_that_contrast():
    values = np.array([[1.0, 2], [np.nan, 5], [3, 3.5], [2, 4]])
    conditions = AB_BA[np.zeros(4, dtype=np.int64)]

    (test,) = crossover_tests(values, orders_drawn_freely(conditions), [(1, 0)], draws=100, seed=0)

    rest = crossover_tests(values[[0, 2, 3]], orders_drawn_freely(conditions[1:]), [(1, 0)], draws=100, seed=0)
    assert test.statistic == rest[0].statistic
    assert test.p_value == pytest.approx(rest[0].p_value)


def test_one_person_has_no_test():
    crossover = orders_drawn_freely(np.array([[0, 1]]))

    assert crossover_tests(np.array([[1.0, 2]]), crossover, [(1, 0)], draws=10, seed=0) == (None,)


def test_other_conditions_or_shapes_are_refused():
    with pytest.raises(InputError, match=r"person 1: expected \(0, 1\) in some order, found \(0, 0\)"):
        orders_drawn_freely(np.array([[0, 1], [0, 0]]))
    with pytest.raises(InputError, match="expected shape"):
        crossover_tests(np.zeros((3, 2)), orders_drawn_freely(AB_BA), [(1, 0)], draws=10, seed=0)

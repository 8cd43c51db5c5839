from collections import Counter

import numpy as np
import pytest

from analysis.errors import InputError
from analysis.inference.minimisation import Minimisation
from analysis.inference.permutation import permutation_tests


def test_the_arm_that_leaves_least_imbalance_has_the_given_chance():
    # By hand, with the counts below at the levels 1 and 0 of the next person: in arm 0 he would leave ranges 1 and 2,
    # in arm 1 ranges 1 and 0, in arm 2 ranges 2 and 2. So arm 1 with 2/3, the others with 1/6.
    person = Minimisation(np.zeros(0, dtype=np.int64), np.zeros((0, 2), dtype=np.int64), 3, 2 / 3, (1, 1))
    counts = np.zeros((2, 2, 3, 1), dtype=np.int64)
    counts[0, 1, :, 0] = 4, 4, 5
    counts[1, 0, :, 0] = 7, 6, 7

    chances = person._chances(counts, np.array([1, 0]))

    assert chances[:, 0] == pytest.approx([1 / 6, 2 / 3, 1 / 6])


def run_by_hand(factors, probability, draw):
    """Minimise over two arms as the paper tells it, one person at a time; `draw` gives the coins."""
    arms = []
    for person, levels in enumerate(factors):
        left = []
        for arm in (0, 1):
            trial = [*arms, arm]
            ranges = [
                abs(sum((1 if trial[i] else -1) for i in range(person + 1) if factors[i][f] == level))
                for f, level in enumerate(levels)
            ]
            left.append(sum(ranges))
        best = int(left[1] < left[0]) if left[0] != left[1] else draw.integers(2)
        arms.append(int(best if draw.random() < probability else 1 - best))
    return tuple(arms)


@pytest.mark.parametrize("imbalance", ["range", "variance"])
def test_redraws_and_the_list_are_the_procedure(imbalance):
    factors = np.array([[0, 1], [1, 1], [0, 0], [0, 1]])
    mechanism = Minimisation(np.array([0, 1, 1, 0]), factors, 2, 0.8, (1, 1), imbalance)

    labels, probability = mechanism.every()
    drawn = np.concatenate(list(mechanism.redraws(30_000, seed=2)))

    listed = dict(zip(map(tuple, labels.tolist()), probability, strict=True))
    shares = {row: count / 30_000 for row, count in Counter(map(tuple, drawn.tolist())).items()}
    assert probability.sum() == pytest.approx(1, abs=1e-12)
    assert shares == pytest.approx(listed, abs=0.015)
    if imbalance == "range":
        coins = np.random.default_rng(3)
        by_hand = Counter(run_by_hand(factors.tolist(), 0.8, coins) for _ in range(6000))
        assert {row: count / 6000 for row, count in by_hand.items()} == pytest.approx(listed, abs=0.03)


def test_a_certain_coin_leaves_only_the_sequences_that_can_come():
    # Pairs of people alike in everything: the second always gets the other arm.
    factors = np.repeat([[0], [1], [2]], 2, axis=0)
    mechanism = Minimisation(np.array([0, 1] * 3), factors, 2, 1.0, (1,))

    labels, probability = mechanism.every()

    assert len(labels) == 8
    np.testing.assert_allclose(probability, 1 / 8)
    assert (labels[:, ::2] + labels[:, 1::2] == 1).all()


def drawn_by_definition(mechanism, draws, seed):
    """Put every person into each arm in turn, take the imbalance that leaves, and toss the coins in the same order."""
    coins, n_arms = np.random.default_rng(seed), mechanism.n_arms
    labels = np.zeros((len(mechanism.arm), draws), dtype=np.int64)
    for person, levels in enumerate(mechanism.factors):
        left = np.zeros((n_arms, draws), dtype=np.int64)
        for factor, (level, weight) in enumerate(zip(levels, mechanism.factor_weights, strict=True)):
            there = labels[:person][mechanism.factors[:person, factor] == level]
            counts = np.stack([(there == arm).sum(axis=0) for arm in range(n_arms)])
            for arm in range(n_arms):
                after = counts + (np.arange(n_arms) == arm)[:, None]
                # Whole numbers for the variance too: n times the sum of squares minus the square of the sum.
                spread = n_arms * (after**2).sum(axis=0) - after.sum(axis=0) ** 2
                left[arm] += weight * (spread if mechanism.imbalance == "variance" else np.ptp(after, axis=0))
        is_best = left == left.min(axis=0)
        other = (1 - mechanism.probability) / (n_arms - 1)
        chances = other + (mechanism.probability - other) * is_best / is_best.sum(axis=0)
        labels[person] = (coins.random(draws) >= np.cumsum(chances[:-1], axis=0)).sum(axis=0)
    return labels.T


@pytest.mark.parametrize("imbalance", ["range", "variance"])
@pytest.mark.parametrize(("n_arms", "weights"), [(2, (1, 1)), (5, (2, 1, 1)), (9, (1, 1)), (3, (100, 90))])
def test_redraws_are_those_of_the_definition_coin_by_coin(n_arms, weights, imbalance):
    rng = np.random.default_rng(8)
    factors = rng.integers(0, 3, (40, len(weights)))
    mechanism = Minimisation(rng.integers(0, n_arms, 40), factors, n_arms, 0.8, weights, imbalance)

    labels = np.concatenate(list(mechanism.redraws(60, seed=9)))

    np.testing.assert_array_equal(labels, drawn_by_definition(mechanism, 60, seed=9))


def test_three_arms_stay_near_balance_in_every_level():
    rng = np.random.default_rng(4)
    factors = np.stack([rng.integers(0, 2, 60), rng.integers(0, 3, 60)], axis=1)
    mechanism = Minimisation(rng.integers(0, 3, 60), factors, 3, 0.9, (2, 1))

    labels = np.concatenate(list(mechanism.redraws(300, seed=5)))

    for factor in (0, 1):
        for level in np.unique(factors[:, factor]):
            here = labels[:, factors[:, factor] == level]
            counts = np.stack([(here == k).sum(axis=1) for k in range(3)])
            assert np.ptp(counts, axis=0).mean() < 2.5  # free drawing: about 1.7 standard deviations, 5 to 6


def test_enumerated_p_is_the_weighted_share_of_sequences():
    factors = np.array([[0], [0], [1], [1], [0], [1], [0], [1]])
    mechanism = Minimisation(np.array([0, 1, 0, 1, 0, 1, 1, 0]), factors, 2, 0.7, (1,))
    values = np.array([1.0, 3.1, 0.4, 2.2, 0.9, 4.0, 2.6, 1.1])

    (test,) = permutation_tests(values, mechanism, [(1, 0)], draws=256, seed=0)

    labels, probability = mechanism.every()
    extreme = 0.0
    for row, chance in zip(labels, probability, strict=True):
        a, b = values[row == 1], values[row == 0]
        enough = len(a) > 1 and len(b) > 1
        t = (a.mean() - b.mean()) / np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)) if enough else np.inf
        extreme += chance * (abs(t) >= abs(test.statistic) * (1 - 1e-9))
    assert test.is_exact
    assert test.p_value == pytest.approx(extreme, abs=1e-12)


def test_type_one_error_is_kept_where_the_balanced_factor_rules_the_outcome():
    # An outcome that is nearly the factor: a test that exchanged people freely would be far too conservative.
    rng = np.random.default_rng(6)
    factors = rng.integers(0, 2, (24, 1))
    wrong = []
    for trial in range(200):
        made = Minimisation(np.zeros(24, dtype=np.int64), factors, 2, 0.85, (1,))
        arm = next(made.redraws(1, seed=trial))[0].astype(np.int64)
        values = 3.0 * factors[:, 0] + rng.normal(size=24)
        mechanism = Minimisation(arm, factors, 2, 0.85, (1,))
        wrong.append(permutation_tests(values, mechanism, [(1, 0)], draws=99, seed=trial)[0].p_value <= 0.1)

    assert np.mean(wrong) == pytest.approx(0.1, abs=0.064)  # three standard errors


def test_parts_that_do_not_fit_are_told_all_at_once():
    with pytest.raises(InputError, match="3 problems"):
        Minimisation(np.array([0, 3]), np.zeros((2, 1), dtype=np.int64), 2, 0.3, (1, 1))

from dataclasses import dataclass

import numpy as np
import pytest

from analysis.estimands.gain_in_accuracy import Answers, Gain
from analysis.inference.bootstrap import crossed_intervals
from analysis.inference.welch import welch


def crossed_gain(seed, n=60, n_items=24, item_effect_sd=0.0):
    """Everybody answers every item before and after; items differ in how far the second arm gains on them."""
    rng = np.random.default_rng(seed)
    arm = np.arange(n) % 2
    lift = np.clip(rng.normal(0.15, item_effect_sd, n_items), -0.4, 0.4)
    pre = (rng.random((n, n_items)) < 0.5).astype(float)
    post = (rng.random((n, n_items)) < 0.5 + np.outer(arm, lift)).astype(float)
    given = np.ones((n, n_items))
    return Gain(Answers(pre, given), Answers(post, given), 0.0), arm


@dataclass
class ParticipantsOnly:
    """An outcome whose items do not matter: one item of weight whatever."""

    values: np.ndarray
    n_items: int = 1

    def reweighted(self, item_weights):
        return np.repeat(self.values[:, None], item_weights.shape[1], axis=1)


def width(interval):
    return interval.high - interval.low


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_crossed_data_give_a_wider_interval_than_welch(seed):
    outcome, arm = crossed_gain(seed, item_effect_sd=0.2)

    (crossed,) = crossed_intervals(outcome, arm, [(1, 0)], level=0.95, draws=1000, seed=0)

    plain = welch(outcome.values[arm == 1], outcome.values[arm == 0], 0.95)
    assert width(crossed) > 1.15 * width(plain.interval)
    assert crossed.low < plain.value < crossed.high


def test_without_items_it_is_the_bootstrap_over_participants():
    # Its width is near the normal interval's with the plug-in variance (n in the denominator): Welch's, but for
    # factors of 59/60 and of t against z.
    rng = np.random.default_rng(0)
    arm = np.arange(120) % 2
    outcome = ParticipantsOnly(rng.normal(0, 1, 120))

    (crossed,) = crossed_intervals(outcome, arm, [(1, 0)], level=0.95, draws=8000, seed=1)

    sides = [outcome.values[arm == k] for k in (1, 0)]
    normal = 2 * 1.959964 * np.sqrt(sum(side.var() / len(side) for side in sides))
    assert width(crossed) == pytest.approx(normal, rel=0.04)


def test_same_seed_same_interval_and_another_seed_another():
    outcome, arm = crossed_gain(1)

    first, again, other = (
        crossed_intervals(outcome, arm, [(1, 0)], level=0.95, draws=200, seed=seed) for seed in (7, 7, 8)
    )

    assert first == again != other


def test_an_arm_with_nobody_has_no_interval():
    outcome, arm = crossed_gain(1)

    assert crossed_intervals(outcome, arm, [(2, 0)], level=0.95, draws=50, seed=0) == (None,)


def test_no_answers_at_all_give_no_interval():
    empty = Answers(np.zeros((4, 0)), np.zeros((4, 0)))

    assert crossed_intervals(
        Gain(empty, empty, 0.0), np.array([0, 1, 0, 1]), [(1, 0)], level=0.95, draws=50, seed=0
    ) == (None,)


def test_a_participant_without_drawn_items_is_left_out_of_that_draw():
    # Person 0 answered item 0 alone; where item 0 has no weight the person has no value, and nobody else is touched.
    pre = Answers(np.zeros((2, 2)), np.array([[1.0, 0], [1, 1]]))
    post = Answers(np.array([[1.0, 0], [0, 1]]), np.array([[1.0, 0], [1, 1]]))

    values = Gain(pre, post, 0.0).reweighted(np.array([[0.0, 1], [2, 1]]))

    np.testing.assert_array_equal(values, [[np.nan, 1], [1, 0.5]])

"""Best arms: the right ones as often as promised, each problem by itself."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from explainers.methods.lucb import MARGIN, Arms


class Coins:
    """Problems of coins with known shares, each problem with a generator of its own."""

    def __init__(self, shares: list[list[float]], seeds: list[int]) -> None:
        self.shares, self.rngs = shares, [np.random.default_rng(seed) for seed in seeds]
        self.n_calls = 0

    def __call__(self, arms: Mapping[int, np.ndarray], n_draws: int) -> Mapping[int, np.ndarray]:
        self.n_calls += 1
        return {
            row: np.array([self.rngs[row].binomial(n_draws, self.shares[row][arm]) for arm in own])
            for row, own in arms.items()
        }


def started(shares: list[list[float]], seeds: list[int], budget: float = 1e9) -> Arms:
    arms = Arms([len(own) for own in shares], Coins(shares, seeds), [budget] * len(shares))
    arms.draw_all(20)
    return arms


def test_best_arms_are_within_epsilon_as_often_as_promised() -> None:
    """Of 200 problems at delta = 0.1 at most 20 may fail on average; the bounds are known to be wide."""
    shares = [np.random.default_rng(n).random(8).tolist() for n in range(200)]
    best = started(shares, list(range(200))).best(2, epsilon=0.1, delta=0.1)

    failed = [min(own[arm] for arm in arms) < sorted(own)[-2] - 0.1 for own, arms in zip(shares, best, strict=True)]
    assert sum(failed) <= 20


def test_a_problem_finds_the_same_alone_and_among_others() -> None:
    shares = [[0.2, 0.9, 0.5, 0.7], [0.5, 0.55], [0.9, 0.1, 0.3]]
    together = started(shares, [1, 2, 3])
    best = together.best(1, 0.05, 0.1)
    low = together.decide(best, 0.85, np.full(3, 5.0))

    for row in range(3):
        alone = started([shares[row]], [row + 1])
        own = alone.best(1, 0.05, 0.1)
        assert own.tolist() == best[row : row + 1].tolist()
        assert alone.decide(own, 0.85, np.full(1, 5.0)).tolist() == low[row : row + 1].tolist()
        n_arms = len(shares[row])
        assert alone.draws[0].tolist() == together.draws[row, :n_arms].tolist()


def test_fewer_arms_than_asked_for_are_all_kept_without_a_draw() -> None:
    arms = started([[0.5, 0.9], [0.1, 0.2, 0.3]], [1, 2])

    assert np.sort(arms.best(3, 0.1, 0.1), axis=1).tolist() == [[-1, 0, 1], [0, 1, 2]]
    assert arms.draws.sum() == 5 * 20


def test_a_decision_reaches_what_is_asked_for_up_to_the_margin_or_falls_short() -> None:
    arms = started([[0.99], [0.6]], [1, 2])
    low = arms.decide(np.zeros((2, 1), np.int64), 0.9, np.full(2, np.log(1 / 0.05)))

    assert low[0, 0] >= 0.9 - MARGIN
    assert arms.shares[1, 0] < 0.9


def test_a_budget_ends_the_draws() -> None:
    arms = started([[0.5] * 6], [1], budget=1000)
    arms.best(2, epsilon=0.001, delta=0.1)

    assert 1000 <= arms.draws.sum() <= 1200

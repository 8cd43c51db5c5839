"""KL-LUCB (Kaufmann & Kalyanakrishnan 2013, COLT) for several problems at once: which arms have the highest shares?

A problem is a set of arms; each draw of an arm succeeds or not. In a round every open problem draws the two arms that
tell most: the weakest of the best and the strongest of the rest. The rounds of all problems are taken together, so that
one question answers them all; what a problem finds does not depend on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from explainers.methods.base import FloatArray, IntArray
from explainers.methods.kl_bounds import exploration_rate, lower_bound, upper_bound

MORE_DRAWS = 100  # of an arm a round
MARGIN = 0.05  # by which an arm's bound may miss what is asked for

# From problems to some of their arms, and how often each is drawn: the successes of these arms.
Draw: TypeAlias = Callable[[Mapping[int, IntArray], int], Mapping[int, IntArray]]


class Arms:
    """The arms of several problems, a row a problem; rows are filled up with arms that do not exist.

    Parameters
    ----------
    n_arms : sequence of int
        Of each problem, at least 1.
    draw : callable
    budgets : sequence of float
        Draws after which a problem stops to compare its arms, whatever it has found.
    """

    def __init__(self, n_arms: Sequence[int], draw: Draw, budgets: Sequence[float]) -> None:
        self._n_arms, self._draw, self._budgets = np.array(n_arms), draw, np.array(budgets)
        self.exists = np.arange(self._n_arms.max()) < self._n_arms[:, None]
        self.successes, self.draws = np.zeros(self.exists.shape), np.zeros(self.exists.shape)

    @property
    def shares(self) -> FloatArray:
        """Of successes; -1 where there is no arm; shape (n_problems, most arms)."""
        return np.where(self.exists, self.successes / np.maximum(self.draws, 1), -1.0)

    @property
    def _may_go_on(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return np.asarray(self.draws.sum(axis=1) < self._budgets)

    def draw(self, arms: Mapping[int, IntArray], n_draws: int) -> None:
        """Draw some arms of some problems so many times each."""
        for problem, successes in self._draw(arms, n_draws).items():
            self.successes[problem, arms[problem]] += successes
            self.draws[problem, arms[problem]] += n_draws

    def draw_all(self, n_draws: int) -> None:
        """Draw every arm so many times."""
        self.draw({row: np.arange(n_arms) for row, n_arms in enumerate(self._n_arms.tolist())}, n_draws)

    def best(self, n_best: int, epsilon: float, delta: float) -> IntArray:
        """The arms with the highest shares, each within `epsilon` of the true ones with probability 1 - `delta`.

        Returns
        -------
        int array, shape (n_problems, n_best)
            The highest share first, of equal ones the first; -1 where a problem has fewer arms.
        """
        open_, n_rounds = np.flatnonzero(self._n_arms > n_best), 1
        while len(open_):
            pairs, gaps = self._contenders(open_, n_best, exploration_rate(self._n_arms[open_], n_rounds, delta))
            going = (gaps > epsilon) & self._may_go_on[open_]
            open_, n_rounds = open_[going], n_rounds + 1
            if len(open_):
                self.draw(dict(zip(open_.tolist(), pairs[going], strict=True)), MORE_DRAWS)
        order = _ranked(self.shares)[:, :n_best]
        return np.where(np.take_along_axis(self.exists, order, axis=1), order, -1)

    def _contenders(self, problems: IntArray, n_best: int, rates: FloatArray) -> tuple[IntArray, FloatArray]:
        """The weakest of the best arms and the strongest of the rest, and by how much they may be in wrong order."""
        shares, draws = self.shares[problems], self.draws[problems]
        order = _ranked(shares)
        top, rest = order[:, :n_best], order[:, n_best:]
        levels = rates[:, None] / np.maximum(draws, 1)
        low = lower_bound(*_taken(top, shares, levels))
        high = np.where(_taken(rest, shares)[0] < 0, -1.0, upper_bound(*_taken(rest, shares, levels)))
        rows = np.arange(len(problems))
        weakest, strongest = low.argmin(axis=1), high.argmax(axis=1)
        gaps = high[rows, strongest] - low[rows, weakest]
        return np.stack([top[rows, weakest], rest[rows, strongest]], axis=1), gaps

    def decide(self, arms: IntArray, wanted: float, rates: FloatArray) -> FloatArray:
        """Draw the arms until each is known to reach `wanted` or not, up to `MARGIN`: some hundred draws each.

        Parameters
        ----------
        arms : int array, shape (n_problems, n_best)
            As from `best`.
        wanted : float
            The share asked for.
        rates : float array, shape (n_problems,)
            The bounds' level beta.

        Returns
        -------
        float array, shape (n_problems, n_best)
            Lower bounds of the arms' shares.
        """
        while True:
            shares, draws = _taken(np.maximum(arms, 0), self.shares, self.draws)
            levels = rates[:, None] / np.maximum(draws, 1)
            low, high = lower_bound(shares, levels), upper_bound(shares, levels)
            unsure = np.where(shares >= wanted, low < wanted - MARGIN, high >= wanted + MARGIN)
            unsure &= arms >= 0
            if not unsure.any():
                return low
            asked = {int(problem): arms[problem, unsure[problem]] for problem in np.flatnonzero(unsure.any(axis=1))}
            self.draw(asked, MORE_DRAWS)


def _ranked(shares: FloatArray) -> IntArray:
    return np.argsort(-shares, axis=1, kind="stable")


def _taken(where: IntArray, *arrays: FloatArray) -> list[FloatArray]:
    return [np.take_along_axis(array, where, axis=1) for array in arrays]

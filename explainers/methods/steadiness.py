"""Asking more until an estimate is steady: what two seeds disagree about is the method's noise, and people see it.

An explanation that is estimated from random samples differs from seed to seed. Each fit says how well two such runs
would agree (`seed_r`); the items whose runs would not agree well enough are asked about again, twice as often as so
far, until they do or the budget ends. Whether an item goes on depends on its own samples alone, so that a result does
not depend on its batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np

from explainers.methods.base import FloatArray, Params

R = TypeVar("R")


class Estimated(Protocol):
    """A fit that knows how far it is to be trusted."""

    @property
    def n_samples(self) -> int:
        """How often the predictor was asked."""
        ...

    @property
    def n_units(self) -> int:
        """How many weights there are; one alone correlates with nothing, and is not asked about again."""
        ...

    def seed_r(self) -> float:
        """The correlation to expect between the weights of two runs with different seeds."""
        ...


F = TypeVar("F", bound=Estimated)


def agreement(first: FloatArray, second: FloatArray) -> FloatArray:
    """The correlation to expect between two runs, from the weights that the two halves of a run's samples give.

    Spearman–Brown: 2r / (1 + r), -1 at least; 0 where a half does not vary.

    Parameters
    ----------
    first, second : float arrays, shape (n_items, n_units)

    Returns
    -------
    float array, shape (n_items,)
    """
    a, b = (half - half.mean(axis=1, keepdims=True) for half in (first, second))
    sizes = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    r = np.clip(np.divide((a * b).sum(axis=1), sizes, out=np.zeros(len(a)), where=sizes > 0), -1.0, 1.0)
    found: FloatArray = np.maximum(np.divide(2 * r, 1 + r, out=np.full(len(r), -1.0), where=r > -1), -1.0)
    return found


def until_steady(
    params: Params,
    n_items: int,
    ask: Callable[[int, int, R | None], R],
    solve: Callable[[list[R]], Sequence[F]],
) -> list[F]:
    """Fit every item, asking again about those that are not steady.

    Parameters
    ----------
    params : mapping
        With `steady_r` (0: ask once) and `most_samples`, never exceeded but for the first round.
    n_items : int
    ask : callable
        ``ask(place, round, before)`` gives what an item's regression is made of, `before` being that of the round
        before; in round k it should rest on about 2^k times the samples of round 0.
    solve : callable
        Fits many at once; each fit must depend on its own regression alone.

    Returns
    -------
    list
        One fit an item.
    """
    target, most = float(params["steady_r"]), int(params["most_samples"])
    made = [ask(place, 0, None) for place in range(n_items)]
    fits = list(solve(made))
    open_places, number = list(range(n_items)), 0
    while True:
        number += 1
        open_places = [place for place in open_places if _goes_on(fits[place], target, most)]
        if not open_places:
            return fits
        for place in open_places:
            made[place] = ask(place, number, made[place])
        for place, fit in zip(open_places, solve([made[place] for place in open_places]), strict=True):
            fits[place] = fit


def _goes_on(fit: Estimated, target: float, most: int) -> bool:
    return fit.n_units > 1 and fit.seed_r() < target and 2 * fit.n_samples <= most

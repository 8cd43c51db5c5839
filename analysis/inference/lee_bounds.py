"""What people who left could have made of a difference, when arms lost different shares of theirs.

Lee, D. S. (2009), Review of Economic Studies 76, 1071-1102. If being in one arm can only keep people in the study (or
only drive them out), the arm that kept more holds people whom the other would have lost. They could be those with the
largest values or those with the smallest: cutting that share from either end bounds the difference among those who
would have stayed in both arms.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy import optimize, special

from analysis.types import FloatArray, Interval

REFERENCE: Final = "Lee 2009, Rev. Econ. Stud. 76; interval by Imbens & Manski 2004, Econometrica 72"
CHUNK_CELLS: Final = 2_000_000


@dataclass(frozen=True)
class LeeBounds:
    """Bounds of a difference of means, first minus second, among those who would have stayed in both arms.

    Parameters
    ----------
    lower, upper : float or None
        In the unit of the values; None where an arm kept nobody.
    interval : Interval or None
        Covers the difference, wherever between the bounds it lies; None where there is no spread.
    cut_arm : {"first", "second"} or None
        The arm that kept more; None where both kept the same share.
    cut_share : float
        Of that arm's values, cut from one end.
    n_allocated, n_observed : tuple of int
        People of each arm, and those with a value.
    method, reference : str
    """

    lower: float | None
    upper: float | None
    interval: Interval | None
    cut_arm: Literal["first", "second"] | None
    cut_share: float
    n_allocated: tuple[int, int]
    n_observed: tuple[int, int]
    method: str
    reference: str


@dataclass(frozen=True)
class _Sorted:
    """One arm: its values in order, and how many of its people lack one."""

    values: FloatArray
    n_lost: int

    @property
    def n(self) -> int:
        return len(self.values) + self.n_lost


def lee_bounds(
    first: FloatArray, second: FloatArray, *, seed: int, draws: int = 2000, level: float = 0.95
) -> LeeBounds:
    """Bound a difference of means by what unequal losses could hide.

    Parameters
    ----------
    first, second : float array, shape (n,)
        One value a person allocated; NaN for those who were lost.
    seed : int
    draws : int
        Resamples of people within their arm, the lost included.
    level : float
        Of the interval.

    Returns
    -------
    LeeBounds
    """
    one, other = _sorted(first), _sorted(second)
    observed, allocated = (len(one.values), len(other.values)), (one.n, other.n)
    method = f"Lee bounds; interval from {draws} resamples of people, the lost included"
    if not min(observed):
        return LeeBounds(None, None, None, None, 0.0, allocated, observed, "Lee bounds", REFERENCE)
    lower, upper = (float(bound[0]) for bound in _bounds(one, other, np.ones((1, one.n)), np.ones((1, other.n))))
    kept = [count / n for count, n in zip(observed, allocated, strict=True)]
    larger, smaller = max(kept), min(kept)
    return LeeBounds(
        lower=lower,
        upper=upper,
        interval=_interval(lower, upper, _resampled(one, other, draws, seed), level),
        cut_arm=None if larger == smaller else "first" if kept[0] > kept[1] else "second",
        cut_share=1 - smaller / larger,
        n_allocated=allocated,
        n_observed=observed,
        method=method,
        reference=REFERENCE,
    )


def _sorted(values: FloatArray) -> _Sorted:
    return _Sorted(np.sort(values[~np.isnan(values)]), int(np.isnan(values).sum()))


def _bounds(
    first: _Sorted, second: _Sorted, first_weights: FloatArray, second_weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper bounds when people count by weights of shape (m, n), those with values first."""
    own = [weights[:, : len(arm.values)] for arm, weights in ((first, first_weights), (second, second_weights))]
    kept = [w.sum(axis=1) / all_.sum(axis=1) for w, all_ in zip(own, (first_weights, second_weights), strict=True)]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.minimum(1.0, kept[1] / kept[0]), np.minimum(1.0, kept[0] / kept[1])
    lows, highs = [], []
    for arm, weights, share in zip((first, second), own, shares, strict=True):
        lows.append(_mean_of_lowest(arm.values, weights, share))
        highs.append(-_mean_of_lowest(-arm.values[::-1], weights[:, ::-1], share))
    return lows[0] - highs[1], highs[0] - lows[1]


def _mean_of_lowest(values: FloatArray, weights: FloatArray, share: FloatArray) -> FloatArray:
    """Return the mean of the lowest share of sorted values, the one at the edge counted in part; shape (m,)."""
    room = (share * weights.sum(axis=1))[:, None] - (np.cumsum(weights, axis=1) - weights)
    used = np.clip(room, 0.0, weights)
    with np.errstate(invalid="ignore"):
        mean: FloatArray = used @ values / used.sum(axis=1)
    return mean


def _resampled(first: _Sorted, second: _Sorted, draws: int, seed: int) -> FloatArray:
    """Return both bounds over resamples, shape (2, draws)."""
    generators = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2)]
    chunk = max(1, CHUNK_CELLS // (first.n + second.n))
    found = []
    for start in range(0, draws, chunk):
        m = min(chunk, draws - start)
        weights = [
            generator.multinomial(arm.n, np.full(arm.n, 1 / arm.n), size=m)
            for generator, arm in zip(generators, (first, second), strict=True)
        ]
        found.append(np.stack(_bounds(first, second, *(w.astype(np.float64) for w in weights))))
    return np.concatenate(found, axis=1)


def _interval(lower: float, upper: float, drawn: FloatArray, level: float) -> Interval | None:
    """Return Imbens & Manski's interval: wide bounds need one-sided limits only, equal ones two-sided."""
    drawn = drawn[:, ~np.isnan(drawn).any(axis=0)]
    if drawn.shape[1] < 2:
        return None
    errors = drawn.std(axis=1, ddof=1)
    largest = float(errors.max())
    if largest == 0:
        return None

    def short_of_level(c: float) -> float:
        return float(special.ndtr(c + (upper - lower) / largest) - special.ndtr(-c)) - level

    c: float = optimize.brentq(short_of_level, 0.0, float(special.ndtri((1 + level) / 2)) + 1e-9, xtol=1e-13)
    return Interval(lower - c * float(errors[0]), upper + c * float(errors[1]), level)

"""The conservative interval: participants and items resampled together."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from analysis.types import FloatArray, IntArray, Interval

CHUNK_CELLS = 2_000_000  # participants times draws held at once


class ReweightedOutcome(Protocol):
    """An outcome that can be had again when items count more than once, or not at all."""

    @property
    def n_items(self) -> int:
        """Items the outcome is made of."""
        ...

    def reweighted(self, item_weights: FloatArray) -> FloatArray:
        """Return the outcome under weights of shape (n_items, m); shape (n, m), NaN where there is none."""
        ...


def crossed_intervals(
    outcome: ReweightedOutcome,
    arm: IntArray,
    contrasts: Sequence[tuple[int, int]],
    *,
    level: float,
    draws: int,
    seed: int,
) -> tuple[Interval | None, ...]:
    """Bootstrap differences of arm means over participants and items; all contrasts see the same draws.

    Participants are resampled within their arm, items over the whole study, independently: the pigeonhole bootstrap
    (Owen, A. B. 2007, "The pigeonhole bootstrap", Ann. Appl. Stat. 1). For crossed data its variance is not too small
    and up to three times too large, so the percentile interval is conservative: it says what other participants *and*
    other items could have given.

    Parameters
    ----------
    outcome : ReweightedOutcome
    arm : int array, shape (n,)
    contrasts : sequence of (int, int)
        Pairs of arms: the first minus the second.
    level : float
    draws : int
    seed : int

    Returns
    -------
    tuple of Interval or None
        One a contrast; None where an arm has nobody.
    """
    if outcome.n_items == 0:
        return (None,) * len(contrasts)
    arms = sorted({k for contrast in contrasts for k in contrast})
    generator = np.random.default_rng(seed)
    chunk = max(1, CHUNK_CELLS // max(1, len(arm)))
    means: dict[int, list[FloatArray]] = {k: [] for k in arms}
    for start in range(0, draws, chunk):
        m = min(chunk, draws - start)
        values = outcome.reweighted(_counts(generator, outcome.n_items, m).T)
        for k in arms:
            means[k].append(_resampled_mean(generator, values[arm == k]))
    drawn = {k: np.concatenate(chunks) for k, chunks in means.items()}
    return tuple(_percentiles(drawn[a] - drawn[b], level) for a, b in contrasts)


def _counts(generator: np.random.Generator, n: int, m: int) -> FloatArray:
    """Return how often each of n things comes in a resample of n, m times; shape (m, n)."""
    return generator.multinomial(n, np.full(n, 1 / n), size=m).astype(np.float64)


def _resampled_mean(generator: np.random.Generator, values: FloatArray) -> FloatArray:
    """Resample people (rows) once for each column; the mean over those who have a value there."""
    if not len(values):
        return np.full(values.shape[1], np.nan)
    weights = _counts(generator, *values.shape).T
    seen = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: FloatArray = (weights * np.where(seen, values, 0.0)).sum(axis=0) / (weights * seen).sum(axis=0)
    return mean


def _percentiles(drawn: FloatArray, level: float) -> Interval | None:
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn) or np.ptp(drawn) == 0:
        return None
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level)

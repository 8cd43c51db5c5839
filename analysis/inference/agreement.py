"""Agreement of raters on categories and scales, beyond what chance would give.

Cohen, J. (1960), Educ. Psychol. Meas. 20, and (1968), Psychol. Bull. 70, for two raters, the error by Fleiss, J. L.,
Cohen, J. & Everitt, B. S. (1969), Psychol. Bull. 72. Krippendorff, K. (2011), Computing Krippendorff's
Alpha-Reliability: any number of raters, missing ratings, any scale.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from analysis.errors import InputError
from analysis.inference.student import t_interval
from analysis.types import FloatArray, Interval

Weights = Literal["none", "linear", "quadratic"]
Scale = Literal["nominal", "ordinal", "interval", "ratio"]

COHEN: Final = "Cohen 1960, 1968; Fleiss, Cohen & Everitt 1969, Psychol. Bull. 72"
KRIPPENDORFF: Final = "Krippendorff 2011, Computing Krippendorff's Alpha-Reliability"
CHUNK_CELLS: Final = 2_000_000


@dataclass(frozen=True)
class Agreement:
    """Agreement beyond chance: 1 is perfect, 0 is chance.

    Parameters
    ----------
    value : float or None
        None where everybody gave one and the same rating, or nothing was rated twice.
    interval : Interval or None
    n : int
        Things rated by two or more.
    method, reference : str
    """

    value: float | None
    interval: Interval | None
    n: int
    method: str
    reference: str


def cohen_kappa(first: FloatArray, second: FloatArray, *, weights: Weights = "none", level: float = 0.95) -> Agreement:
    """Compare two raters who put the same things into categories.

    Parameters
    ----------
    first, second : float array, shape (n,)
        Numbers of categories; things that lack a rating are left out.
    weights : {"none", "linear", "quadratic"}
        What a difference of categories costs, by their order.
    level : float
        Of the interval.

    Returns
    -------
    Agreement

    Raises
    ------
    InputError
        When lengths differ.
    """
    if len(first) != len(second):
        raise InputError("kappa", [f"expected as many ratings of both, found {len(first)} and {len(second)}"])
    seen = ~np.isnan(first) & ~np.isnan(second)
    n, method = int(seen.sum()), f"Cohen's kappa, weights: {weights}; normal interval"
    categories, place = np.unique(np.stack([first[seen], second[seen]]), return_inverse=True)
    k = len(categories)
    if k < 2:
        return Agreement(None, None, n, method, COHEN)
    row, column = place.reshape(2, n)
    shares = np.bincount(row * k + column, minlength=k * k).reshape(k, k) / n
    agreeing = _agreement_weights(k, weights)
    value, error = _kappa(shares, agreeing, n)
    if value is None:
        return Agreement(None, None, n, method, COHEN)
    interval = t_interval(value, error, float("inf"), level) if error > 0 else None
    return Agreement(value, interval, n, method, COHEN)


def _agreement_weights(k: int, weights: Weights) -> FloatArray:
    if weights == "none":
        return np.eye(k)
    distance = np.abs(np.subtract.outer(np.arange(k), np.arange(k))) / (k - 1)
    made: FloatArray = 1 - (distance if weights == "linear" else distance**2)
    return made


def _kappa(shares: FloatArray, agreeing: FloatArray, n: int) -> tuple[float | None, float]:
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    observed, expected = float((shares * agreeing).sum()), float(rows @ agreeing @ columns)
    if expected >= 1:
        return None, 0.0
    value = (observed - expected) / (1 - expected)
    means = (agreeing @ columns)[:, None] + (rows @ agreeing)[None, :]
    squares = float((shares * (agreeing - means * (1 - value)) ** 2).sum())
    variance = (squares - (value - expected * (1 - value)) ** 2) / (n * (1 - expected) ** 2)
    return value, float(np.sqrt(max(variance, 0.0)))


def krippendorff_alpha(
    ratings: FloatArray, *, scale: Scale, seed: int, draws: int = 1000, level: float = 0.95
) -> Agreement:
    """Compare any number of raters, not all of whom rated everything.

    Parameters
    ----------
    ratings : float array, shape (n_raters, n_things)
        NaN where there is none.
    scale : {"nominal", "ordinal", "interval", "ratio"}
        What a difference means.
    seed : int
    draws : int
        Resamples of the things rated, for the percentile interval.
    level : float

    Returns
    -------
    Agreement

    Raises
    ------
    InputError
        When it is not a table, or a rating on a ratio scale is negative.
    """
    if ratings.ndim != 2:
        raise InputError("Krippendorff's alpha", [f"expected raters by things, found shape {ratings.shape}"])
    if scale == "ratio" and (ratings[~np.isnan(ratings)] < 0).any():
        raise InputError("Krippendorff's alpha", ["expected no negative ratings on a ratio scale"])
    method = f"Krippendorff's alpha, {scale} scale; interval from {draws} resamples of the things rated"
    values, coincidences = _coincidences(ratings)
    n = len(coincidences)
    if n == 0:
        return Agreement(None, None, 0, method, KRIPPENDORFF)
    value = float(_alpha(coincidences.sum(axis=0)[None], values, scale)[0])
    if np.isnan(value):
        return Agreement(None, None, n, method, KRIPPENDORFF)
    generator = np.random.default_rng(seed)
    chunk = max(1, CHUNK_CELLS // max(n, len(values) ** 2))
    found = []
    for start in range(0, draws, chunk):
        counts = generator.multinomial(n, np.full(n, 1 / n), size=min(chunk, draws - start))
        drawn = (counts @ coincidences.reshape(n, -1)).reshape(-1, len(values), len(values))
        found.append(_alpha(drawn, values, scale))
    return Agreement(value, _percentiles(np.concatenate(found), level), n, method, KRIPPENDORFF)


def _coincidences(ratings: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the values in use, and for each thing rated twice or more its pairs of values, shape (n, v, v)."""
    ratings = ratings[:, (~np.isnan(ratings)).sum(axis=0) > 1]
    values = np.unique(ratings[~np.isnan(ratings)])
    counts = (ratings[:, :, None] == values).sum(axis=0).astype(np.float64)
    pairs = counts[:, :, None] * counts[:, None, :]
    pairs[:, np.arange(len(values)), np.arange(len(values))] -= counts
    return values, pairs / (counts.sum(axis=1) - 1)[:, None, None]


def _alpha(coincidences: FloatArray, values: FloatArray, scale: Scale) -> FloatArray:
    """Return one minus observed over expected disagreement for each table, shape (m,); NaN where none is expected."""
    totals = coincidences.sum(axis=2)
    n = totals.sum(axis=1)
    costs = _costs(totals, values, scale)
    expected = (costs * totals[:, :, None] * totals[:, None, :]).sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha: FloatArray = 1 - (n - 1) * (costs * coincidences).sum(axis=(1, 2)) / expected
    return np.where(expected > 0, alpha, np.nan)


def _costs(totals: FloatArray, values: FloatArray, scale: Scale) -> FloatArray:
    """Return the squared difference of every pair of values, shape (m or 1, v, v)."""
    difference = np.subtract.outer(values, values)
    if scale == "nominal":
        differs: FloatArray = (difference != 0).astype(np.float64)[None]
        return differs
    if scale == "interval":
        squared: FloatArray = difference[None] ** 2
        return squared
    if scale == "ratio":
        total = np.add.outer(values, values)
        relative: FloatArray = (difference / np.where(total > 0, total, 1.0))[None] ** 2
        return relative
    # Ordinal: as many ratings as lie between, half of those at both ends.
    middle = np.cumsum(totals, axis=1) - totals / 2
    ranks: FloatArray = (middle[:, :, None] - middle[:, None, :]) ** 2
    return ranks


def _percentiles(drawn: FloatArray, level: float) -> Interval | None:
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn) or np.ptp(drawn) == 0:
        return None
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level)

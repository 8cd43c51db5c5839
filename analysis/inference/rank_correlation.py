"""Whether what people say of explanations goes with what explanations do for them: rank correlations.

Bonett, D. G. & Wright, T. A. (2000), Psychometrika 65: Spearman's correlation with the interval of Fisher's z, whose
variance grows with the correlation. Where a person gives several pairs, people are resampled. Spearman, C. (1904), Am.
J. Psychol. 15: the correlation there would be, were both measured without error.
"""

from dataclasses import dataclass
from math import atanh, sqrt, tanh
from typing import Final

import numpy as np
from scipy import stats

from analysis.errors import InputError
from analysis.inference.student import t_quantile
from analysis.types import FloatArray, IntArray, Interval

BONETT_WRIGHT: Final = "Bonett & Wright 2000, Psychometrika 65"
CLUSTERED: Final = "Davison & Hinkley 1997, Bootstrap Methods and their Application, section 3.8"
DISATTENUATION: Final = "Spearman 1904, Am. J. Psychol. 15"
CHUNK_CELLS: Final = 2_000_000


@dataclass(frozen=True)
class RankCorrelation:
    """A correlation of ranks.

    Parameters
    ----------
    value : float or None
        From -1 to 1; None where one side does not vary.
    interval : Interval or None
        None also for fewer than four pairs, or a perfect correlation.
    n_pairs, n_people : int
    method, reference : str
    """

    value: float | None
    interval: Interval | None
    n_pairs: int
    n_people: int
    method: str
    reference: str


@dataclass(frozen=True)
class Disattenuated:
    """A correlation as it would be without errors of measurement.

    Parameters
    ----------
    value : float or None
        May pass 1 where reliabilities are estimated too low; None where one of them is not above 0.
    interval : Interval or None
        The correlation's own, stretched alike: it takes the reliabilities for known.
    reliabilities : tuple of float
    method, reference : str
    """

    value: float | None
    interval: Interval | None
    reliabilities: tuple[float, float]
    method: str
    reference: str


def spearman(first: FloatArray, second: FloatArray, *, level: float = 0.95) -> RankCorrelation:
    """Correlate ranks of independent pairs, one a person.

    Parameters
    ----------
    first, second : float array, shape (n,)
        Pairs that lack a value are left out.
    level : float

    Returns
    -------
    RankCorrelation

    Raises
    ------
    InputError
        When lengths differ.
    """
    x, y, _ = _pairs(first, second, np.arange(len(first)))
    method = "Spearman's correlation, Bonett and Wright's interval"
    value = _correlation(x, y)
    if value is None:
        return RankCorrelation(None, None, len(x), len(x), method, BONETT_WRIGHT)
    return RankCorrelation(value, bonett_wright(value, len(x), level), len(x), len(x), method, BONETT_WRIGHT)


def bonett_wright(correlation: float, n: int, level: float = 0.95) -> Interval | None:
    """Return the interval of a Spearman correlation of n pairs; None below four pairs or for a perfect one."""
    if n < 4 or abs(correlation) >= 1 - 1e-12:
        return None
    half = t_quantile((1 + level) / 2, float("inf")) * sqrt((1 + correlation**2 / 2) / (n - 3))
    return Interval(tanh(atanh(correlation) - half), tanh(atanh(correlation) + half), level)


def kendall(first: FloatArray, second: FloatArray) -> float | None:
    """Return Kendall's tau-b of independent pairs; None where one side does not vary.

    Parameters
    ----------
    first, second : float array, shape (n,)
        Pairs that lack a value are left out.

    Returns
    -------
    float or None

    Raises
    ------
    InputError
        When lengths differ.
    """
    x, y, _ = _pairs(first, second, np.arange(len(first)))
    if _correlation(x, y) is None:
        return None
    return float(stats.kendalltau(x, y).statistic)


def clustered_spearman(
    first: FloatArray, second: FloatArray, people: IntArray, *, seed: int, draws: int = 2000, level: float = 0.95
) -> RankCorrelation:
    """Correlate ranks of pairs of which a person may give several.

    Parameters
    ----------
    first, second : float array, shape (n,)
        Pairs that lack a value are left out.
    people : int array, shape (n,)
        Who gave the pair (or whatever is resampled as a whole).
    seed : int
    draws : int
        Resamples of people, for the percentile interval.
    level : float

    Returns
    -------
    RankCorrelation

    Raises
    ------
    InputError
        When lengths differ.
    """
    x, y, who = _pairs(first, second, people)
    _, number = np.unique(who, return_inverse=True)
    n_people = int(number.max(initial=-1)) + 1
    method = f"Spearman's correlation, interval from {draws} resamples of people"
    value = _correlation(x, y)
    if value is None:
        return RankCorrelation(None, None, len(x), n_people, method, CLUSTERED)
    generator = np.random.default_rng(seed)
    chunk = max(1, CHUNK_CELLS // len(x))
    drawn = []
    for start in range(0, draws, chunk):
        m = min(chunk, draws - start)
        counts = generator.multinomial(n_people, np.full(n_people, 1 / n_people), size=m).astype(np.float64)
        drawn.append(_weighted_correlations(x, y, counts[:, number]))
    return RankCorrelation(value, _percentiles(np.concatenate(drawn), level), len(x), n_people, method, CLUSTERED)


def disattenuated(correlation: RankCorrelation, first_reliability: float, second_reliability: float) -> Disattenuated:
    """Correct a correlation for the unreliability of both sides.

    Parameters
    ----------
    correlation : RankCorrelation
    first_reliability, second_reliability : float
        Such as `cronbach_alpha` or ICC(3,k) give.

    Returns
    -------
    Disattenuated
    """
    both, method = (first_reliability, second_reliability), "correlation over the root of both reliabilities"
    if correlation.value is None or min(both) <= 0:
        return Disattenuated(None, None, both, method, DISATTENUATION)
    stretch, own = 1 / sqrt(first_reliability * second_reliability), correlation.interval
    interval = Interval(own.low * stretch, own.high * stretch, own.level) if own is not None else None
    return Disattenuated(correlation.value * stretch, interval, both, method, DISATTENUATION)


def _pairs(first: FloatArray, second: FloatArray, people: IntArray) -> tuple[FloatArray, FloatArray, IntArray]:
    if not len(first) == len(second) == len(people):
        raise InputError(
            "rank correlation",
            [f"expected pairs of values, found {len(first)}, {len(second)} and {len(people)} people"],
        )
    seen = ~np.isnan(first) & ~np.isnan(second)
    return first[seen], second[seen], people[seen]


def _correlation(x: FloatArray, y: FloatArray) -> float | None:
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(_weighted_correlations(x, y, np.ones((1, len(x))))[0])


def _weighted_correlations(x: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
    """Correlate midranks where pairs come as often as the weights (m, n) say; shape (m,), NaN without spread."""
    ranks = [_midranks(side, weights) for side in (x, y)]
    total = weights.sum(axis=1, keepdims=True)
    a, b = (rank - (weights * rank).sum(axis=1, keepdims=True) / total for rank in ranks)
    squares = (weights * a**2).sum(axis=1), (weights * b**2).sum(axis=1)
    product = np.sqrt(squares[0] * squares[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation: FloatArray = (weights * a * b).sum(axis=1) / product
    return np.where(product > 0, np.clip(correlation, -1, 1), np.nan)


def _midranks(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the mean rank of each value in the resample it is part of, shape (m, n)."""
    order = np.argsort(values, kind="stable")
    is_new = np.append(True, np.diff(values[order]) > 0)
    counts = np.add.reduceat(weights[:, order], np.flatnonzero(is_new), axis=1)
    middle = np.cumsum(counts, axis=1) - (counts - 1) / 2
    ranks = np.empty_like(weights)
    ranks[:, order] = middle[:, np.cumsum(is_new) - 1]
    return ranks


def _percentiles(drawn: FloatArray, level: float) -> Interval | None:
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn) or np.ptp(drawn) == 0:
        return None
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level)

"""How far ratings measure people or items at all, and how much answers of one person go together.

Shrout, P. E. & Fleiss, J. L. (1979), Psychol. Bull. 86: six intraclass correlations. McGraw, K. O. & Wong, S. P.
(1996), Psychol. Methods 1, has their intervals. Feldt, L. S. (1965), Psychometrika 30: the interval of Cronbach's
alpha, which is ICC(3,k). Kish, L. (1965), Survey Sampling, section 8.2: the design effect.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi
from typing import Final

import numpy as np
from scipy import special

from analysis.errors import InputError
from analysis.types import FloatArray, IntArray, Interval

NAMES: Final = ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)")
SHROUT_FLEISS: Final = "Shrout & Fleiss 1979, Psychol. Bull. 86; McGraw & Wong 1996, Psychol. Methods 1"
FELDT: Final = "Cronbach 1951, Psychometrika 16; Feldt 1965, Psychometrika 30"
DONNER: Final = "Donner 1986, Int. Stat. Rev. 54"
LOGISTIC_VARIANCE: Final = pi**2 / 3
ROUNDING: Final = 1e-12


@dataclass(frozen=True)
class Reliability:
    """A share of variance that is of what is measured.

    Parameters
    ----------
    name : str
    value : float or None
        At most 1; below 0 where raters differ more than chance would have them. None where nothing varies.
    interval : Interval or None
    n_targets : int
        People, items or clusters measured.
    n_raters : float
        Raters or questions each; the mean number for clusters of unequal size.
    method, reference : str
    """

    name: str
    value: float | None
    interval: Interval | None
    n_targets: int
    n_raters: float
    method: str
    reference: str


@dataclass(frozen=True)
class _Squares:
    """Mean squares of a table of n targets by k raters."""

    n: int
    k: int
    targets: float
    within: float
    raters: float
    rest: float


def intraclass_correlations(ratings: FloatArray, *, level: float = 0.95) -> tuple[Reliability, ...]:
    """Estimate the six intraclass correlations of Shrout and Fleiss.

    Parameters
    ----------
    ratings : float array, shape (n_targets, n_raters)
        Targets that lack a rating are left out.
    level : float
        Of the intervals.

    Returns
    -------
    tuple of Reliability
        Each target rated by others, by a sample of raters who rated all, by these raters only; for one rating (1) and
        for the mean of all (k).

    Raises
    ------
    InputError
        When it is not a table of at least two raters.
    """
    squares = _squares(ratings)
    found = dict(_each(squares, level)) if squares is not None else {}
    n, k = (squares.n, squares.k) if squares is not None else (0, ratings.shape[1])
    return tuple(
        Reliability(
            name, *found.get(name, (None, None)), n, k, "two-way analysis of variance, F intervals", SHROUT_FLEISS
        )
        for name in NAMES
    )


def cronbach_alpha(answers: FloatArray, *, level: float = 0.95) -> Reliability:
    """Estimate how far several questions measure one thing.

    Parameters
    ----------
    answers : float array, shape (n_people, n_questions)
        People who lack an answer are left out.
    level : float

    Returns
    -------
    Reliability

    Raises
    ------
    InputError
        When it is not a table of at least two questions.
    """
    squares = _squares(answers)
    method = "Cronbach's alpha, Feldt's interval"
    if squares is None:
        return Reliability("alpha", None, None, 0, answers.shape[1], method, FELDT)
    value, interval = dict(_each(squares, level))["ICC(3,k)"]
    return Reliability("alpha", value, interval, squares.n, squares.k, method, FELDT)


def _squares(table: FloatArray) -> _Squares | None:
    if table.ndim != 2 or table.shape[1] < 2:
        raise InputError("reliability", [f"expected a table with two or more columns, found shape {table.shape}"])
    x = table[~np.isnan(table).any(axis=1)]
    n, k = x.shape
    if n < 2:
        return None
    rows, columns = x.mean(axis=1) - x.mean(), x.mean(axis=0) - x.mean()
    rest = x - x.mean() - rows[:, None] - columns
    if np.abs(x - x.mean()).max() <= ROUNDING * max(1.0, float(np.abs(x).max())):
        return None
    residual, between_raters = float((rest**2).sum()), float(n * (columns**2).sum())
    return _Squares(
        n=n,
        k=k,
        targets=float(k * (rows**2).sum()) / (n - 1),
        within=(residual + between_raters) / (n * (k - 1)),
        raters=between_raters / (k - 1),
        rest=residual / ((n - 1) * (k - 1)),
    )


def _each(s: _Squares, level: float) -> Iterator[tuple[str, tuple[float | None, Interval | None]]]:
    """Yield every correlation by name; None where its error variance and the targets' are both zero."""
    for one, mean, error, freedom in (
        ("ICC(1,1)", "ICC(1,k)", s.within, s.n * (s.k - 1)),
        ("ICC(3,1)", "ICC(3,k)", s.rest, (s.n - 1) * (s.k - 1)),
    ):
        value = _share(s.targets, error, s.k)
        interval = _f_interval(s.targets, error, s.n - 1, freedom, s.k, level)
        yield one, (value, interval)
        yield mean, (_stepped_up(value, s.k), _stepped_up_interval(interval, s.k))
    value, interval = _two_way(s, level)
    yield "ICC(2,1)", (value, interval)
    yield "ICC(2,k)", (_stepped_up(value, s.k), _stepped_up_interval(interval, s.k))


def _share(between: float, within: float, size: float) -> float | None:
    total = between + (size - 1) * within
    return (between - within) / total if total > 0 else None


def _f_interval(
    between: float, within: float, between_freedom: float, within_freedom: float, size: float, level: float
) -> Interval | None:
    """Return the interval of a share of variance from that of a ratio of mean squares."""
    if within <= 0 or between <= 0:
        return None
    ratio = between / within
    low = ratio / _f_quantile(between_freedom, within_freedom, (1 + level) / 2)
    high = ratio * _f_quantile(within_freedom, between_freedom, (1 + level) / 2)
    return Interval((low - 1) / (low + size - 1), (high - 1) / (high + size - 1), level)


def _f_quantile(numerator: float, denominator: float, probability: float) -> float:
    return float(special.fdtri(numerator, denominator, probability))


def _two_way(s: _Squares, level: float) -> tuple[float | None, Interval | None]:
    """Return ICC(2,1), whose interval has Satterthwaite's degrees of freedom (McGraw & Wong 1996, table 7)."""
    n, k = s.n, s.k
    total = s.targets + (k - 1) * s.rest + k * (s.raters - s.rest) / n
    if total <= 0:
        return None, None
    value = (s.targets - s.rest) / total
    if s.rest <= 0:
        return value, None
    a, b = k * value * s.raters / s.rest, n * (1 + (k - 1) * value) - k * value
    freedom = (n - 1) * (k - 1) * (a + b) ** 2 / ((n - 1) * a**2 + b**2)
    upper = _f_quantile(n - 1, freedom, (1 + level) / 2)
    lower = _f_quantile(freedom, n - 1, (1 + level) / 2)
    shared = k * s.raters + (k * n - k - n) * s.rest
    low = n * (s.targets - upper * s.rest) / (upper * shared + n * s.targets)
    high = n * (lower * s.targets - s.rest) / (shared + n * lower * s.targets)
    return value, Interval(low, high, level)


def _stepped_up(value: float | None, k: int) -> float | None:
    """Return the reliability of the mean of k ratings (Spearman 1910 and Brown 1910)."""
    if value is None or 1 + (k - 1) * value <= 0:
        return None
    return k * value / (1 + (k - 1) * value)


def _stepped_up_interval(interval: Interval | None, k: int) -> Interval | None:
    if interval is None:
        return None
    low, high = _stepped_up(interval.low, k), _stepped_up(interval.high, k)
    return Interval(low, high, interval.level) if low is not None and high is not None else None


def clustering(values: FloatArray, clusters: IntArray, *, level: float = 0.95) -> Reliability:
    """Estimate how much values of one cluster (answers of one person, say) go together.

    Parameters
    ----------
    values : float array, shape (n,)
        NaN are left out.
    clusters : int array, shape (n,)
    level : float
        Of the interval, exact where clusters are of equal size and values normal.

    Returns
    -------
    Reliability

    Raises
    ------
    InputError
        When lengths differ.
    """
    if len(values) != len(clusters):
        raise InputError("clustering", [f"expected a cluster a value, found {len(values)} and {len(clusters)}"])
    seen = ~np.isnan(values)
    x, (_, number) = values[seen], np.unique(clusters[seen], return_inverse=True)
    method = "one-way analysis of variance, F interval"
    sizes = np.bincount(number) if len(x) else np.zeros(0, dtype=np.int64)
    n_clusters, n = len(sizes), len(x)
    mean_size = n / n_clusters if n_clusters else 0.0
    if n_clusters < 2 or n == n_clusters or np.ptp(x) <= ROUNDING * max(1.0, float(np.abs(x).max())):
        return Reliability("ICC", None, None, n_clusters, mean_size, method, DONNER)
    means = np.bincount(number, weights=x) / sizes
    between = float((sizes * (means - x.mean()) ** 2).sum()) / (n_clusters - 1)
    within = float(((x - means[number]) ** 2).sum()) / (n - n_clusters)
    size = float(n - (sizes**2).sum() / n) / (n_clusters - 1)
    interval = _f_interval(between, within, n_clusters - 1, n - n_clusters, size, level)
    return Reliability("ICC", _share(between, within, size), interval, n_clusters, mean_size, method, DONNER)


def latent_clustering(variance: float, other_variances: float = 0.0) -> float:
    """Return the share of the latent variance of a logistic mixed model that is between clusters.

    Parameters
    ----------
    variance : float
        Of the clusters' random intercepts, in squared log odds.
    other_variances : float
        Of the other random intercepts together.

    Returns
    -------
    float
        The logistic distribution's own variance is pi squared over 3.
    """
    return variance / (variance + other_variances + LOGISTIC_VARIANCE)


def design_effect(correlation: float, cluster_size: float) -> float:
    """Return by how much clusters enlarge the variance of a mean: 1 + (m - 1) rho (Kish 1965).

    Parameters
    ----------
    correlation : float
        Within clusters, such as `clustering` gives.
    cluster_size : float
        Mean number of values a cluster.

    Returns
    -------
    float
    """
    return 1 + (cluster_size - 1) * correlation

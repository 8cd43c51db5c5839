"""Means and differences of means of participants' values, with intervals from the t distribution."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from analysis.types import FloatArray, Interval

ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Mean:
    """A mean over participants, or a difference of two.

    Parameters
    ----------
    value : float or None
        None over nobody.
    standard_error : float or None
        None over fewer than two people in a group.
    degrees_of_freedom : float or None
        None where there is no standard error, or it is zero.
    interval : Interval or None
        None where there are no degrees of freedom.
    """

    value: float | None
    standard_error: float | None
    degrees_of_freedom: float | None
    interval: Interval | None

    @classmethod
    def absent(cls) -> "Mean":
        """Return the mean over nobody."""
        return cls(None, None, None, None)


def mean_of(values: FloatArray, level: float) -> Mean:
    """Estimate a mean; participants are the unit, so answers of one person are not counted as independent.

    Parameters
    ----------
    values : float array, shape (n,)
        One a participant; NaN are left out.
    level : float
        Of the interval.

    Returns
    -------
    Mean
    """
    values = values[~np.isnan(values)]
    n = len(values)
    if n < 2:
        return Mean(float(values[0]) if n else None, None, None, None)
    return _mean(float(values.mean()), _squared_error(values), float(n - 1), level)


def welch(first: FloatArray, second: FloatArray, level: float) -> Mean:
    """Estimate a difference of two means without assuming equal variances.

    Welch, B. L. (1947), Biometrika 34; degrees of freedom by Satterthwaite (1946), Biometrics Bulletin 2.

    Parameters
    ----------
    first, second : float array, shape (n,)
        One value a participant; NaN are left out.
    level : float
        Of the interval.

    Returns
    -------
    Mean
        First minus second.
    """
    first, second = first[~np.isnan(first)], second[~np.isnan(second)]
    if not len(first) or not len(second):
        return Mean.absent()
    value = float(first.mean() - second.mean())
    if len(first) < 2 or len(second) < 2:
        return Mean(value, None, None, None)
    parts = _squared_error(first), _squared_error(second)
    total = sum(parts)
    freedom = total**2 / (parts[0] ** 2 / (len(first) - 1) + parts[1] ** 2 / (len(second) - 1)) if total > 0 else 0.0
    return _mean(value, total, freedom, level)


def _squared_error(values: FloatArray) -> float:
    # 5/7 - 2/7 and 4/7 - 1/7 differ in binary; a spread that small is none.
    is_rounding = np.ptp(values) <= ROUNDING * np.abs(values).max()
    return 0.0 if is_rounding else float(values.var(ddof=1)) / len(values)


def _mean(value: float, squared_error: float, freedom: float, level: float) -> Mean:
    error = float(np.sqrt(squared_error))
    if error == 0:
        return Mean(value, 0.0, None, None)
    half = float(stats.t.ppf((1 + level) / 2, freedom)) * error
    return Mean(value, error, freedom, Interval(value - half, value + half, level))

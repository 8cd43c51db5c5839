"""Student's t for an estimate with a standard error: its p-value and its interval."""

from math import isinf

from scipy import special

from analysis.types import Interval


def t_quantile(probability: float, freedom: float) -> float:
    """Return a quantile of the t distribution; infinite degrees of freedom are the normal distribution."""
    if isinf(freedom):
        return float(special.ndtri(probability))
    return float(special.stdtrit(freedom, probability))


def t_tail(statistic: float, freedom: float) -> float:
    """Return P(T >= statistic), also far out where one minus a distribution function has no digits left."""
    if isinf(freedom):
        return float(special.ndtr(-statistic))
    return float(special.stdtr(freedom, -statistic))


def two_sided_p(statistic: float, freedom: float) -> float:
    """Return P(|T| >= |statistic|)."""
    return 2 * t_tail(abs(statistic), freedom)


def t_interval(value: float, standard_error: float, freedom: float, level: float) -> Interval:
    """Return value plus and minus the quantile of level times the standard error."""
    half = t_quantile((1 + level) / 2, freedom) * standard_error
    return Interval(value - half, value + half, level)

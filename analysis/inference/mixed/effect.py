"""What a fitted model says about one comparison: a difference or a ratio with its interval and test."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy import special, stats

from analysis.types import Interval


@dataclass(frozen=True)
class Effect:
    """One comparison, estimated.

    Parameters
    ----------
    estimate : float or None
        In `unit`; None where the data hold nothing about it.
    standard_error : float or None
        Of the estimate, or of its logarithm where `unit` is a ratio. None where the fit is no maximum.
    degrees_of_freedom : float or None
        Of the t distribution; None for the normal distribution.
    interval : Interval or None
    p_value : float or None
        Two-sided, that the difference is 0 or the ratio 1.
    unit : str
        Such as "proportion correct" or "ratio of odds".
    n_participants : int
    method, reference : str
        How it was made, and where that is described.
    """

    estimate: float | None
    standard_error: float | None
    degrees_of_freedom: float | None
    interval: Interval | None
    p_value: float | None
    unit: str
    n_participants: int
    method: str
    reference: str

    @classmethod
    def difference(
        cls,
        estimate: float,
        standard_error: float | None,
        *,
        level: float,
        unit: str,
        n_participants: int,
        method: str,
        reference: str,
        degrees_of_freedom: float | None = None,
    ) -> Self:
        """Return a difference with the interval of Wald; without one where the standard error is None or 0."""
        bare = cls(estimate, standard_error, degrees_of_freedom, None, None, unit, n_participants, method, reference)
        if not standard_error or not np.isfinite(standard_error):
            return bare
        # Of one degree of freedom or less neither mean nor quantile mean anything, but they are finite.
        freedom = np.inf if degrees_of_freedom is None else degrees_of_freedom
        reach = float(stats.t.isf((1.0 - level) / 2.0, freedom)) * standard_error
        p = float(2.0 * stats.t.sf(abs(estimate) / standard_error, freedom))
        return replace(bare, interval=Interval(estimate - reach, estimate + reach, level), p_value=p)

    def as_ratio(self, unit: str) -> "Effect":
        """Return the ratio whose logarithm this is; the interval is that of the logarithm, taken back."""
        interval = self.interval and Interval(_exp(self.interval.low), _exp(self.interval.high), self.interval.level)
        estimate = None if self.estimate is None else _exp(self.estimate)
        return replace(self, estimate=estimate, interval=interval, unit=unit)

    def as_probability(self, unit: str) -> "Effect":
        """Return the probability whose logit this is; it stays between 0 and 1. Tests of it are left out."""
        interval = self.interval and Interval(
            float(special.expit(self.interval.low)), float(special.expit(self.interval.high)), self.interval.level
        )
        estimate = None if self.estimate is None else float(special.expit(self.estimate))
        return replace(self, estimate=estimate, interval=interval, unit=unit, p_value=None)


def _exp(value: float) -> float:
    return float(np.exp(min(value, 700.0)))

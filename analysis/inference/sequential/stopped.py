"""Estimate, interval and p-value that allow for the looks, after a group-sequential test has ended.

Outcomes are ordered by stage (Tsiatis, A. A., Rosner, G. L. & Mehta, C. R. 1984, Biometrics 40, 797-803; Jennison &
Turnbull 2000, sections 8.4 and 8.5): crossing the upper bound earlier says more than later, and any crossing above more
than any below. That needs the looks that were made, and none of those that were not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Final

from scipy import optimize

from analysis.errors import InputError
from analysis.inference.sequential.bounds import Bounds
from analysis.inference.sequential.recursion import begin, beyond, checked_times, go_on
from analysis.types import Interval

DOUBLINGS: Final = 12  # of the distance within which an effect is sought: far beyond what any table gives


@dataclass(frozen=True)
class StoppedEstimate:
    """An effect, after looks that could have ended the study earlier.

    Parameters
    ----------
    estimate : float
        Median-unbiased: too high as often as too low.
    interval : Interval
        Equal-tailed, in the ordering by stage; agrees with the test at its level.
    p_value : float
        Of as many sides as the bounds have.
    unadjusted : float
        The estimate as if nobody had looked, away from zero on average after an early stop.
    unit : str
    n_looks : int
        That were made.
    method, reference : str
    """

    estimate: float
    interval: Interval
    p_value: float
    unadjusted: float
    unit: str
    n_looks: int
    method: str = "median-unbiased estimate, interval and p-value in the ordering by stage"
    reference: str = "Tsiatis, Rosner & Mehta 1984, Biometrics 40; Jennison & Turnbull 2000, sections 8.4, 8.5"


def estimate_after_stopping(
    bounds: Bounds, informations: Sequence[float], z: float, *, level: float = 0.95, unit: str = ""
) -> StoppedEstimate:
    """Estimate the effect at the look that ended the study.

    Parameters
    ----------
    bounds : Bounds
        Its first looks are those made; the bound of the last one plays no part.
    informations : sequence of float
        At each look made, 1 / (standard error)^2 of the effect's estimate then; before the last, in the same ratio as
        the times of the bounds.
    z : float
        Estimate over standard error at the last of these looks.
    level : float
        Of the interval.
    unit : str
        Of the effect.

    Returns
    -------
    StoppedEstimate

    Raises
    ------
    InputError
        When there are more looks than bounds, or information does not grow.
    """
    informations = checked_times(informations, "informations", inf)
    if len(informations) > len(bounds.upper):
        raise InputError("informations", [f"expected at most {len(bounds.upper)} looks, found {len(informations)}"])
    if not abs(z) < inf or not 0 < level < 1:
        raise InputError("group-sequential estimate", [f"expected a number z and a level in (0, 1): {z}, {level}"])

    def as_high(effect: float) -> float:
        return chance_as_high(bounds, informations, z, effect)

    naive, step = z / sqrt(informations[-1]), 4 / sqrt(informations[-1])
    low, middle, high = (_solved(as_high, p, naive, step) for p in ((1 - level) / 2, 0.5, (1 + level) / 2))
    above = as_high(0.0)
    p_value = above if bounds.sides == 1 else 2 * min(above, 1 - above)
    return StoppedEstimate(middle, Interval(low, high, level), p_value, naive, unit, len(informations))


def repeated_interval(estimate: float, standard_error: float, bound: float, level: float) -> Interval:
    """Return the interval that may be shown at every look, whether the study then goes on or not.

    Jennison & Turnbull (2000), chapter 9: the estimate give or take the bound times its standard error covers at all
    looks together with the level of two-sided bounds.
    """
    half = bound * standard_error
    return Interval(estimate - half, estimate + half, level)


def chance_as_high(bounds: Bounds, informations: Sequence[float], z: float, effect: float) -> float:
    """Return the probability, under `effect`, of an end at least as high in the ordering as `z` at the last look."""
    upper, lower = bounds.edges()
    going, chance = begin(), 0.0
    for k, now in enumerate(informations[:-1]):
        chance += beyond(going, now, upper[k], effect)
        going = go_on(going, now, (lower[k], upper[k]), effect, informations[k + 1])
    return chance + beyond(going, informations[-1], z, effect)


def _solved(as_high: Callable[[float], float], chance: float, guess: float, step: float) -> float:
    """Return the effect under which the study ends as high with this chance, which grows with the effect."""
    low, high = guess - step, guess + step
    for _ in range(DOUBLINGS):
        if as_high(low) > chance:
            low -= 2 * (high - low)
        elif as_high(high) < chance:
            high += 2 * (high - low)
        else:
            break
    return float(optimize.brentq(lambda effect: as_high(effect) - chance, low, high, xtol=1e-13 * step, rtol=1e-12))

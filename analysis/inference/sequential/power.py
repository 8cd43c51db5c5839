"""What a group-sequential test can be expected to do: stopping, power, and power given what is known so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from analysis.errors import InputError
from analysis.inference.sequential.bounds import Bounds
from analysis.inference.sequential.recursion import begin, crossing_probabilities


@dataclass(frozen=True)
class Stopping:
    """How a group-sequential test ends under one effect.

    Parameters
    ----------
    drift : float
        The effect times the square root of the full information: the mean of Z at the end.
    above, below : tuple of float, length k
        Probability of stopping at each look for an effect above, or below (two-sided tests).
    power : float
        Probability of stopping above at any look.
    expected_time : float
        Mean information at the end, as a share of the maximum.
    """

    drift: float
    above: tuple[float, ...]
    below: tuple[float, ...]
    power: float
    expected_time: float


def stopping(bounds: Bounds, drift: float, lower: Sequence[float] | None = None) -> Stopping:
    """Return when, and through which bound, a study with this drift stops.

    Armitage, McPherson & Rowe (1969); Jennison & Turnbull (2000), section 19.2.

    Parameters
    ----------
    bounds : Bounds
    drift : float
        Mean of Z at full information: z(1 - alpha/2) + z(power) for a fixed two-sided test.
    lower : sequence of float, optional
        Futility bounds that are heeded; by default those of the test itself.
    """
    upper, own = bounds.edges()
    above, below = crossing_probabilities(bounds.times, upper, lower or own, drift)
    left = 1.0
    expected = 0.0
    for k, time in enumerate(bounds.times):
        is_last = k == len(bounds.times) - 1
        ending = left if is_last else float(above[k] + below[k])
        expected += time * ending
        left -= ending
    return Stopping(drift, tuple(above.tolist()), tuple(below.tolist()), float(above.sum()), expected)


@dataclass(frozen=True)
class ConditionalPower:
    """Probability that the study will still stop above a bound, given where it stands.

    Parameters
    ----------
    under_trend : float
        If the effect is the one estimated so far.
    under_planned : float
        If it is the one planned for.
    under_null : float
        If there is none.
    look : int
        The look it is given at, from 1.
    reference : str
    """

    under_trend: float
    under_planned: float
    under_null: float
    look: int
    reference: str = "Lan, Simon & Halperin 1982, Sequential Analysis 1; Jennison & Turnbull 2000, chapter 10"


def conditional_power(bounds: Bounds, look: int, z: float, planned_drift: float) -> ConditionalPower:
    """Return the power of the looks still to come, given the statistic at the last one.

    Parameters
    ----------
    bounds : Bounds
    look : int
        The last look made, from 1.
    z : float
        The statistic there.
    planned_drift : float
        The planned effect times the square root of the full information.

    Returns
    -------
    ConditionalPower

    Raises
    ------
    InputError
        When no look follows.
    """
    if not 1 <= look < len(bounds.times):
        raise InputError("conditional power", [f"expected a look from 1 to {len(bounds.times) - 1}, found {look}"])
    upper, lower = bounds.edges()
    start = begin(bounds.times[look - 1], z)

    def power(drift: float) -> float:
        above, _ = crossing_probabilities(bounds.times[look:], upper[look:], lower[look:], drift, start)
        return float(above.sum())

    trend = z / sqrt(bounds.times[look - 1])
    return ConditionalPower(power(trend), power(planned_drift), power(0.0), look)

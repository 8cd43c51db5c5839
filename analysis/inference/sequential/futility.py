"""Futility bounds that need not be heeded: stopping early for little hope, by spending the chance of missing an effect.

Pampallona, S., Tsiatis, A. A. & Kim, K. (2001), Drug Information Journal 35, 1113-1121: beta is spent under the
planned effect as alpha is under none. The bounds are non-binding: the efficacy bounds are those of a test without them,
so alpha holds whether a study stops for futility or goes on regardless.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from scipy import optimize, special

from analysis.errors import InputError
from analysis.inference.sequential.bounds import Bounds, bound_for, spending_bounds
from analysis.inference.sequential.recursion import Going, begin, beyond, go_on
from analysis.inference.sequential.spending import Spending

LARGEST: Final = 4.0  # times the drift of a fixed test; spending that needs more is a mistake in the plan


@dataclass(frozen=True)
class FutilityDesign:
    """A one-sided test with efficacy bounds and non-binding futility bounds that meet at the end.

    Parameters
    ----------
    bounds : Bounds
        For efficacy, as if there were no others.
    lower : tuple of (float or None), length k
        For futility; None where nothing stops yet. The last is the efficacy bound.
    beta : float
        Chance of missing an effect of the planned size, when the futility bounds are heeded.
    spent_beta : tuple of float, length k
    drift : float
        Planned effect times the square root of the full information that this needs.
    inflation : float
        Full information, as a multiple of what a fixed test of the same power needs.
    method, reference : str
    """

    bounds: Bounds
    lower: tuple[float | None, ...]
    beta: float
    spent_beta: tuple[float, ...]
    drift: float
    inflation: float
    method: str
    reference: str = "Pampallona, Tsiatis & Kim 2001, Drug Information Journal 35"


def futility_design(
    times: Sequence[float], *, alpha: float, beta: float, spending: Spending, futility: Spending
) -> FutilityDesign:
    """Find both bounds and the information at which they meet.

    Parameters
    ----------
    times : sequence of float
        Increasing; the last is 1.
    alpha : float
        One-sided.
    beta : float
        1 - power.
    spending, futility : Spending
        Of alpha and of beta.

    Returns
    -------
    FutilityDesign

    Raises
    ------
    InputError
        When the last time is not 1, or beta not between 0 and 1 - alpha.
    """
    bounds = spending_bounds(times, alpha=alpha, spending=spending, sides=1)
    if bounds.times[-1] != 1:
        raise InputError("futility bounds", [f"expected the last look at information time 1, found {times[-1]}"])
    if not 1e-9 < beta < 1 - alpha:
        raise InputError("futility bounds", [f"beta: expected a number between 0 and 1 - alpha, found {beta}"])
    spent = [futility.spent(time, beta) for time in bounds.times]
    fixed = float(-special.ndtri(alpha) - special.ndtri(beta))

    def missed(drift: float) -> float:
        return _lower(bounds, spent, drift)[1] - (spent[-1] - (spent[-2] if len(spent) > 1 else 0.0))

    drift = float(optimize.brentq(missed, 0.9 * fixed, LARGEST * fixed, xtol=1e-12, rtol=1e-12))
    lower, _ = _lower(bounds, spent, drift)
    return FutilityDesign(
        bounds=bounds,
        lower=tuple(None if bound == -inf else bound for bound in lower),
        beta=beta,
        spent_beta=tuple(spent),
        drift=drift,
        inflation=(drift / fixed) ** 2,
        method=f"non-binding futility bounds spending {beta:g}, {futility.title}",
    )


def _lower(bounds: Bounds, spent: Sequence[float], drift: float) -> tuple[list[float], float]:
    """Return the futility bounds under a drift, and the chance to reach the end and stay below its bound."""
    upper, _ = bounds.edges()
    times, last = bounds.times, len(bounds.times) - 1
    going, lower, before = begin(), [], 0.0
    for k in range(last):
        bound = min(_bound_below(going, times[k], drift, spent[k] - before), upper[k])
        lower.append(bound)
        going = go_on(going, times[k], (bound, upper[k]), drift, times[k + 1])
        before = spent[k]
    ending = going.mass.sum() - beyond(going, times[last], upper[last], drift)
    return [*lower, upper[last]], float(ending)


def _bound_below(going: Going, time: float, drift: float, target: float) -> float:
    """Return the z below which `target` of those going on fall; the mirror image of `bound_for`."""
    mirrored = Going(going.information, -going.scores, going.mass, going.begun)
    return -bound_for(lambda z: beyond(mirrored, time, z, -drift), target)

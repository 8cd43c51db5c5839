"""Bounds of a group-sequential test: by spending an error rate at any information times, and the classic ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt
from typing import Final, Literal

from scipy import optimize, special

from analysis.errors import InputError
from analysis.inference.sequential.recursion import Going, begin, beyond, checked_times, crossing_probabilities, go_on
from analysis.inference.sequential.spending import OBrienFlemingType, Spending

Sides = Literal[1, 2]

NOTHING: Final = 1e-20  # an error rate below this cannot be spent: no statistic is that far out
FARTHEST: Final = 12.0  # standard deviations; the bound of an increment of NOTHING lies nearer


@dataclass(frozen=True)
class Bounds:
    """When a group-sequential test stops for an effect.

    Parameters
    ----------
    times : tuple of float, length k
        Information at each look, as a share of the planned maximum.
    upper : tuple of (float or None), length k
        Bound of the statistic Z; None where the look is too early to stop at. A two-sided test also stops below minus
        these.
    alpha : float
        Error rate of all sides together.
    sides : {1, 2}
    spent : tuple of float, length k
        Of `alpha`, by each look.
    nominal_p : tuple of (float or None), length k
        What a fixed test would call the p-value at the bound, of all sides together.
    method, reference : str
    """

    times: tuple[float, ...]
    upper: tuple[float | None, ...]
    alpha: float
    sides: Sides
    spent: tuple[float, ...]
    nominal_p: tuple[float | None, ...]
    method: str
    reference: str

    def edges(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the upper and the lower bounds with infinities where nothing stops."""
        upper = tuple(inf if bound is None else bound for bound in self.upper)
        return upper, tuple(-bound if self.sides == 2 else -inf for bound in upper)


def spending_bounds(
    times: Sequence[float], *, alpha: float, spending: Spending | None = None, sides: Sides = 2
) -> Bounds:
    """Find the bounds that spend an error rate as planned, whatever the times of the looks turn out to be.

    Lan, K. K. G. & DeMets, D. L. (1983). Biometrika 70, 659-663. They hold when the times do not depend on the results.
    A two-sided test spends half of `alpha` on either side by the same function.

    Parameters
    ----------
    times : sequence of float
        Increasing, above 0, at most 1. A last time below 1 leaves the rest of `alpha` unspent.
    alpha : float
        0.05 for a two-sided test at 5 %, 0.025 for one of its sides.
    spending : Spending, optional
        By default of the O'Brien–Fleming type.
    sides : {1, 2}

    Returns
    -------
    Bounds

    Raises
    ------
    InputError
        When the times, alpha or sides cannot be meant.
    """
    chosen = spending or OBrienFlemingType()
    times = checked_times(times)
    side = alpha_of_a_side(alpha, sides)
    return bounds_spending([chosen.spent(t, side) for t in times], times, alpha, sides, chosen)


def bounds_spending(
    spent: Sequence[float], times: Sequence[float], alpha: float, sides: Sides, spending: Spending
) -> Bounds:
    """Find the bounds that have spent `spent` (one-sided, cumulative) at `times`; see `spending_bounds`."""
    going, upper, before = begin(), [], 0.0
    for k, now in enumerate(times):
        bound = bound_for(tail_of(going, now), spent[k] - before)
        upper.append(bound)
        following = times[k + 1] if k + 1 < len(times) else None
        going = go_on(going, now, (-bound if sides == 2 else -inf, bound), 0.0, following)
        before = spent[k]
    found = tuple(None if bound == inf else bound for bound in upper)
    return Bounds(
        times=tuple(times),
        upper=found,
        alpha=alpha,
        sides=sides,
        spent=tuple(sides * part for part in spent),
        nominal_p=tuple(_nominal(bound, sides) for bound in found),
        method=f"group-sequential bounds spending {alpha:g} {_sided(sides)}, {spending.title}",
        reference=spending.reference,
    )


def classic_bounds(
    times: Sequence[float], *, alpha: float, shape: Literal["obrien_fleming", "pocock"], sides: Sides = 2
) -> Bounds:
    """Find the bounds of O'Brien & Fleming (1979) or Pocock (1977), whose looks and times are fixed beforehand.

    One constant C solves for the error rate: the bounds are C at every look (Pocock, Biometrika 64), or
    C / sqrt(time) (O'Brien & Fleming, Biometrics 35; their last bound is C when the last time is 1).

    Parameters
    ----------
    times : sequence of float
        Equal steps in the original papers; any are allowed.
    alpha : float
    shape : {"obrien_fleming", "pocock"}
    sides : {1, 2}

    Returns
    -------
    Bounds

    Raises
    ------
    InputError
        As `spending_bounds`, or for another shape.
    """
    if shape not in ("obrien_fleming", "pocock"):
        raise InputError("bounds", [f"shape: expected obrien_fleming or pocock, found {shape!r}"])
    times = checked_times(times)
    side = alpha_of_a_side(alpha, sides)
    form = [1.0 if shape == "pocock" else 1 / sqrt(t) for t in times]

    def above(constant: float) -> list[float]:
        upper = [constant * f for f in form]
        lower = [-bound if sides == 2 else -inf for bound in upper]
        chances: list[float] = crossing_probabilities(times, upper, lower, 0.0)[0].tolist()
        return chances

    constant = float(optimize.brentq(lambda c: sum(above(c)) - side, 0.0, FARTHEST, xtol=1e-13, rtol=1e-13))
    upper, chances = [constant * f for f in form], above(constant)
    return Bounds(
        times=times,
        upper=tuple(upper),
        alpha=alpha,
        sides=sides,
        spent=tuple(sides * sum(chances[: k + 1]) for k in range(len(times))),
        nominal_p=tuple(_nominal(bound, sides) for bound in upper),
        method=f"{_shape(shape)} bounds at {alpha:g} {_sided(sides)}",
        reference="Pocock 1977, Biometrika 64" if shape == "pocock" else "O'Brien & Fleming 1979, Biometrics 35",
    )


def tail_of(going: Going, information: float, drift: float = 0.0) -> Callable[[float], float]:
    """Return the probability of going on and then being above a z, as a function of that z."""
    return lambda z: beyond(going, information, z, drift)


def bound_for(chance_beyond: Callable[[float], float], target: float) -> float:
    """Return the z whose tail has probability `target`; infinite where there is next to nothing to spend."""
    if target < NOTHING:
        return inf
    if chance_beyond(-FARTHEST) <= target:
        return -FARTHEST
    # The logarithm makes early bounds, whose tails have eight zeros, as sharp as the late ones.
    gap = log(target)
    return float(
        optimize.brentq(
            lambda z: log(max(chance_beyond(z), exp(-200.0))) - gap, -FARTHEST, FARTHEST, xtol=1e-13, rtol=1e-13
        )
    )


def alpha_of_a_side(alpha: float, sides: int) -> float:
    """Return the error rate of one side.

    Raises
    ------
    InputError
        When alpha is not between 0 and 0.5 a side, or sides is not 1 or 2.
    """
    problems = []
    if sides not in (1, 2):
        problems.append(f"sides: expected 1 or 2, found {sides}")
    elif not 1e-9 <= alpha / sides < 0.5:
        problems.append(f"alpha: expected above 0 and below {0.5 * sides:g} for {sides} side(s), found {alpha}")
    if problems:
        raise InputError("group-sequential bounds", problems)
    return alpha / sides


def _nominal(bound: float | None, sides: int) -> float | None:
    return None if bound is None else min(1.0, sides * float(special.ndtr(-bound)))


def _sided(sides: int) -> str:
    return "one-sided" if sides == 1 else "two-sided"


def _shape(shape: str) -> str:
    return "Pocock" if shape == "pocock" else "O'Brien–Fleming"

"""The looks a plan allows, the looks that were made, and what each of them decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Final, Literal

from analysis.errors import InputError
from analysis.inference.sequential.bounds import Bounds, Sides, alpha_of_a_side, bounds_spending
from analysis.inference.sequential.recursion import checked_times
from analysis.inference.sequential.spending import Spending, spending_named

ROUNDING: Final = 1e-9
HINT: Final = " Leave it out, or have it reported as a deviation (unplanned='report')."

Action = Literal["stop_for_effect", "stop_for_harm", "go_on", "end_without_effect"]


@dataclass(frozen=True)
class LookPlan:
    """The looks that a frozen plan allows.

    Parameters
    ----------
    times : tuple of float
        Information at each, as a share of the planned maximum; increasing, the last is 1.
    alpha : float
        Of all sides together.
    sides : {1, 2}
    spending : {"obrien_fleming", "pocock", "hwang_shih_decani"}
    gamma : float
        Of the last of these.
    tolerance : float
        How far from its planned time a look may come and still be the planned one.
    """

    times: tuple[float, ...]
    alpha: float = 0.05
    sides: Sides = 2
    spending: str = "obrien_fleming"
    gamma: float = -4.0
    tolerance: float = 0.05

    def checked(self) -> Spending:
        """Return the spending function.

        Raises
        ------
        InputError
            When a part cannot be meant.
        """
        times = checked_times(self.times, "planned looks")
        alpha_of_a_side(self.alpha, self.sides)
        if times[-1] != 1:
            raise InputError("planned looks", [f"expected the last at information time 1, found {times[-1]:g}"])
        if not 0 <= self.tolerance < 1:
            raise InputError("planned looks", [f"tolerance: expected 0 or more and below 1, found {self.tolerance}"])
        return spending_named(self.spending, self.gamma)


@dataclass(frozen=True)
class Look:
    """A look that was made.

    Parameters
    ----------
    time : float
        Information then, as a share of the planned maximum; above 1 when more people came than planned.
    z : float
        Estimate over standard error.
    is_last : bool
        Whether no more can follow, so that all of alpha may be spent; always so from time 1 on.
    """

    time: float
    z: float
    is_last: bool = False

    @property
    def ends(self) -> bool:
        """Whether no look can follow."""
        return self.is_last or self.time >= 1


@dataclass(frozen=True)
class Decision:
    """What one look decides.

    Parameters
    ----------
    look : int
        From 1.
    time, z : float
    bound : float or None
        Of Z; None where nothing could stop the study yet.
    spent : float
        Of alpha, after this look.
    action : {"stop_for_effect", "stop_for_harm", "go_on", "end_without_effect"}
    planned_time : float or None
        None for a look that was not planned.
    deviations : tuple of str
        Sentences on what was not as planned.
    method, reference : str
    """

    look: int
    time: float
    z: float
    bound: float | None
    spent: float
    action: Action
    planned_time: float | None
    deviations: tuple[str, ...]
    method: str
    reference: str


def decide(
    plan: LookPlan, looks: Sequence[Look], *, unplanned: Literal["refuse", "report"] = "refuse"
) -> tuple[Decision, ...]:
    """Decide at each look that was made, by bounds at the information that there really was.

    Parameters
    ----------
    plan : LookPlan
    looks : sequence of Look
        All of them, in order.
    unplanned : {"refuse", "report"}
        What to do with a look that was not planned: raise, or spend by the planned function and say so.

    Returns
    -------
    tuple of Decision
        One a look.

    Raises
    ------
    InputError
        For a look that was not planned, unless these are reported, and for looks that contradict themselves.
    """
    bounds = bounds_at(plan, looks)
    planned = _matched(plan, looks)
    strangers = [k for k, time in enumerate(planned) if time is None]
    if strangers and unplanned == "refuse":
        raise InputError("looks", [_stranger(plan, looks, k) + HINT for k in strangers])
    decisions: list[Decision] = []
    for k, look in enumerate(looks):
        stopped = next((d.look for d in decisions if d.action.startswith("stop")), None)
        decisions.append(
            Decision(
                look=k + 1,
                time=look.time,
                z=look.z,
                bound=bounds.upper[k],
                spent=bounds.spent[k],
                action=_action(plan, look, bounds.upper[k]),
                planned_time=planned[k],
                deviations=tuple(_deviations(plan, looks, planned, k, stopped)),
                method=bounds.method,
                reference=bounds.reference,
            )
        )
    return tuple(decisions)


def bounds_at(plan: LookPlan, looks: Sequence[Look]) -> Bounds:
    """Return the bounds at the looks that were made; the last spends all that is left.

    Raises
    ------
    InputError
        When a part of the plan or a look cannot be meant.
    """
    spending = plan.checked()
    times = checked_times([look.time for look in looks], "looks", inf)
    problems = [f"look {k}: expected a number z, found {x.z}" for k, x in enumerate(looks, 1) if not isfinite(x.z)]
    early = [k for k, look in enumerate(looks[:-1], start=1) if look.ends]
    problems += [f"look {k}: nothing follows the last look or time 1, but {len(looks) - k} do" for k in early]
    if problems:
        raise InputError("looks", problems)
    side = alpha_of_a_side(plan.alpha, plan.sides)
    spent = [side if look.ends else spending.spent(look.time, side) for look in looks]
    return bounds_spending(spent, times, plan.alpha, plan.sides, spending)


def _matched(plan: LookPlan, looks: Sequence[Look]) -> list[float | None]:
    """Give each look the nearest planned time that no look before it took, or None."""
    free = list(plan.times)
    found: list[float | None] = []
    for look in looks:
        # Whoever comes last is the planned end, however much information there then is.
        nearest = 1.0 if look.ends else min(free, key=lambda time: abs(time - look.time), default=inf)
        is_near = look.ends or abs(nearest - look.time) <= plan.tolerance + ROUNDING
        found.append(nearest if is_near else None)
        free = [time for time in free if not is_near or time > nearest]
    return found


def _action(plan: LookPlan, look: Look, bound: float | None) -> Action:
    if bound is not None and look.z >= bound:
        return "stop_for_effect"
    if bound is not None and plan.sides == 2 and look.z <= -bound:
        return "stop_for_harm"
    return "end_without_effect" if look.ends else "go_on"


def _deviations(
    plan: LookPlan, looks: Sequence[Look], planned: Sequence[float | None], k: int, stopped: int | None
) -> list[str]:
    found = []
    look, before = looks[k], max((time for time in planned[:k] if time is not None), default=0.0)
    if planned[k] is None:
        found.append(_stranger(plan, looks, k) + " Its bound holds only if its time did not depend on any result.")
    else:
        skipped = [time for time in plan.times if before < time < (planned[k] or 0.0)]
        found += [f"The look planned at {time:g} of the information was not made." for time in skipped]
    if look.ends and abs(look.time - 1) > plan.tolerance:
        found.append(f"The last look came at {look.time:g} of the planned information instead of at all of it.")
    if stopped is not None:
        found.append(f"Look {k + 1} was made although look {stopped} had crossed its bound.")
    return found


def _stranger(plan: LookPlan, looks: Sequence[Look], k: int) -> str:
    times = ", ".join(f"{time:g}" for time in plan.times)
    return f"Look {k + 1}, at {looks[k].time:g} of the information, was not planned (planned: {times})."

"""A plan at several sizes and effects: the grid that a power curve is drawn from, cell by cell."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from analysis.power.plan import PowerPlan
from analysis.power.run import Power
from analysis.types import Interval


@dataclass(frozen=True)
class Cell:
    """One plan of a grid, simulated: with the same effect in every explained arm, what the first of them is found by.

    Parameters
    ----------
    n_people : int
        Allocated, in the control and the explained arms.
    effect : float
        Marginal risk difference.
    power : float
    interval : Interval
        Of `power`, for the number of simulated studies.
    n_studies, n_failed : int
    """

    n_people: int
    effect: float
    power: float
    interval: Interval
    n_studies: int
    n_failed: int


def grid(plan: PowerPlan, people: Sequence[int] = (), effects: Sequence[float] = ()) -> list[PowerPlan]:
    """Return the plan at every size with every effect; where a list is empty, the plan's own.

    Raises
    ------
    InputError
        When a size or an effect is out of bounds.
    """
    own = plan.scenario
    shapes = [own.with_effect(effect) for effect in effects] or [own]
    sizes = people or [own.n_people]
    return [replace(plan, scenario=replace(shape, n_people=n)) for n, shape in product(sizes, shapes)]


def cell(plan: PowerPlan, found: Power) -> Cell:
    """Return the cell of a plan whose arms all have one effect."""
    scenario = plan.scenario
    return Cell(
        n_people=scenario.n_people,
        effect=scenario.effects[0],
        power=found.by_arm[0],
        interval=found.intervals[0],
        n_studies=found.n_studies,
        n_failed=found.n_failed,
    )

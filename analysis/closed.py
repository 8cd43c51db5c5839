"""What an explanation says, or only that there is one: a closed test of content and attention for each placebo."""

from dataclasses import dataclass
from typing import Final

from analysis.design import Arm
from analysis.estimands.base import Outcome
from analysis.estimation import Estimation, values_where_observed
from analysis.inference.closed_testing import ClosedTest, Kind, placebo_closed_test
from analysis.types import Contrast

MOST_EXPLAINED: Final = 8  # beyond, there are too many intersections to test each
# The intersections double with every explained arm. All of them together get this many re-draws, each at least FEWEST,
# so that the closed test does not cost more than everything else in a report.
ALL_REDRAWS: Final = 15_000
FEWEST: Final = 499


@dataclass(frozen=True)
class Hypothesis:
    """That two arms are alike, tested within the family.

    Parameters
    ----------
    kind : {"content", "attention"}
        Explained against placebo, or placebo against control.
    contrast : Contrast
    p_value, p_adjusted : float or None
        Alone, and over the family; None where an arm has too few values.
    is_shown : bool
        Whether a difference was shown, with the error over the whole family at most alpha.
    """

    kind: Kind
    contrast: Contrast
    p_value: float | None
    p_adjusted: float | None
    is_shown: bool


@dataclass(frozen=True)
class Closed:
    """What was shown of content and of mere attention with one placebo.

    Parameters
    ----------
    placebo : str
        Key of its arm.
    hypotheses : tuple of Hypothesis
        The content of each explained arm, then attention; empty where there are too many arms to test.
    sentence : str
    draws : int
        Re-draws of the allocation for each intersection, where not every allocation was counted.
    method, reference : str
        Empty where nothing was tested.
    """

    placebo: str
    hypotheses: tuple[Hypothesis, ...]
    sentence: str
    draws: int
    method: str
    reference: str


def closed_tests(work: Estimation, outcome: Outcome) -> tuple[Closed, ...]:
    """Test content against mere attention, with each placebo of the design.

    Parameters
    ----------
    work : Estimation
    outcome : Outcome
        Under the plan's missing-data rule.

    Returns
    -------
    tuple of Closed
        In the order of the placebo arms; empty where there is none beside a control without explanations.
    """
    design = work.design
    if design.arm(design.plan.control).role != "control":
        return ()
    placebos, explained = design.arms_with("placebo"), design.arms_with("explained")
    if len(explained) > MOST_EXPLAINED:
        why = f"Not tested: with more than {MOST_EXPLAINED} explained arms there are too many intersections."
        return tuple(Closed(placebo.key, (), why, 0, "", "") for placebo in placebos)
    n_intersections = 2 ** (len(explained) + 1) - 1
    draws = min(work.draws, max(FEWEST, ALL_REDRAWS // (n_intersections * max(1, len(placebos)))))
    return tuple(_closed(work, outcome, placebo, explained, draws) for placebo in placebos)


def _closed(work: Estimation, outcome: Outcome, placebo: Arm, explained: tuple[Arm, ...], draws: int) -> Closed:
    arms, control = work.design.arms, work.design.plan.control
    number = {arm.key: k for k, arm in enumerate(arms)}
    found = placebo_closed_test(
        values_where_observed(work, outcome),
        work.allocation,
        explained=[number[arm.key] for arm in explained],
        placebo=number[placebo.key],
        none=number[control],
        titles={number[arm.key]: arm.title for arm in explained},
        draws=draws,
        seed=work.seeds[0],
        alpha=work.design.plan.alpha,
    )
    return Closed(
        placebo=placebo.key,
        hypotheses=tuple(_hypotheses(work, found)),
        sentence=found.sentence,
        draws=draws,
        method=found.method,
        reference=found.reference,
    )


def _hypotheses(work: Estimation, found: ClosedTest) -> list[Hypothesis]:
    keys = [arm.key for arm in work.design.arms]
    return [
        Hypothesis(one.kind, Contrast(keys[one.arm], keys[one.minus]), one.p_value, one.p_adjusted, one.is_shown)
        for one in found.hypotheses
    ]

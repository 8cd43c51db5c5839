"""The flow of participants (CONSORT 2025, item 22) and whether arms lost people differently."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.design import Design
from analysis.enrolments import Enrolments
from analysis.estimands.base import Outcome
from analysis.inference.counts import fisher_p, independence_p, sample_ratio_p
from analysis.table import MISSING, ResponseTable
from analysis.types import BoolArray


@dataclass(frozen=True)
class ArmFlow:
    """What became of the participants of one arm; counts of people."""

    arm: str
    allocated: int
    answered_pre: int
    answered_post: int
    completed: int
    withdrawn: int
    with_outcome: int
    analysed: int


@dataclass(frozen=True)
class Flow:
    """From the first screen to the analysis; counts of people."""

    arrived: int
    consented: int
    declined: int
    failed_check: int
    left_before_allocation: int
    allocated: int
    arms: tuple[ArmFlow, ...]


@dataclass(frozen=True)
class Attrition:
    """How many of each arm were lost in one sense, and whether arms differ in it.

    Parameters
    ----------
    what : str
        What "lost" says here.
    lost : mapping of str to int
        People, by arm.
    chi_square_p, fisher_p : float or None
        None where nobody or everybody was lost; the exact test also where there are too many tables.
    """

    what: str
    lost: Mapping[str, int]
    chi_square_p: float | None
    fisher_p: float | None


@dataclass(frozen=True)
class SampleRatio:
    """People allocated against people expected by the arms' weights."""

    allocated: Mapping[str, int]
    expected: Mapping[str, float]
    chi_square_p: float | None


def flow(table: ResponseTable, design: Design, enrolments: Enrolments, outcome: Outcome) -> Flow:
    """Count people on their way through the study.

    Parameters
    ----------
    table : ResponseTable
        The rows of the stages analysed.
    design : Design
    enrolments : Enrolments
    outcome : Outcome

    Returns
    -------
    Flow
    """
    allocated = set(enrolments.subjects)
    declined = _subjects(table, (table.trial_type == "consent") & (table.response == "declined"))
    checks = table.only(table.trial_type == "comprehension_check")
    passed = _subjects(checks, checks.response == "passed")
    failed = _subjects(checks, checks.response == "failed") - passed - allocated
    arrived = set(table.subject_id.tolist())
    return Flow(
        arrived=len(arrived),
        consented=len(_subjects(table, (table.trial_type == "consent") & (table.response == "consented"))),
        declined=len(declined - allocated),
        failed_check=len(failed - declined),
        left_before_allocation=len(arrived - allocated - declined - failed),
        allocated=len(allocated),
        arms=_arm_flows(table, design, enrolments, outcome),
    )


def _subjects(table: ResponseTable, rows: BoolArray) -> set[str]:
    return set(table.subject_id[rows].tolist())


def _arm_flows(table: ResponseTable, design: Design, enrolments: Enrolments, outcome: Outcome) -> tuple[ArmFlow, ...]:
    positions = enrolments.positions(table)
    answered = table.is_simulation & (table.correct != MISSING)

    def have(rows: BoolArray) -> BoolArray:
        found = np.zeros(len(enrolments), dtype=np.bool_)
        found[positions[rows & (positions >= 0)]] = True
        return found

    marks = (
        np.ones(len(enrolments), dtype=np.bool_),
        have(answered & (table.phase == design.plan.pre)),
        have(answered & (table.phase == design.plan.post)),
        have(table.trial_type == "completion"),
        have(table.trial_type == "withdrawal"),
        outcome.is_observed,
        ~np.isnan(outcome.values),
    )
    arm_of = enrolments.allocation.arm
    return tuple(
        ArmFlow(arm.key, *(int(mark[arm_of == number].sum()) for mark in marks))
        for number, arm in enumerate(design.arms)
    )


def attrition(arms: tuple[ArmFlow, ...]) -> tuple[Attrition, ...]:
    """Compare the arms' losses; a difference makes people who stayed incomparable (Zhou & Fishbach 2016, JPSP 111)."""
    completed, with_outcome = (tuple(getattr(arm, name) for arm in arms) for name in ("completed", "with_outcome"))
    kinds = (("did not complete the study", completed), ("without an outcome", with_outcome))
    return tuple(_attrition(what, arms, kept) for what, kept in kinds)


def _attrition(what: str, arms: tuple[ArmFlow, ...], kept: tuple[int, ...]) -> Attrition:
    lost = [arm.allocated - stayed for arm, stayed in zip(arms, kept, strict=True)]
    by_arm = {arm.arm: count for arm, count in zip(arms, lost, strict=True)}
    return Attrition(what, by_arm, independence_p(kept, lost), fisher_p(kept, lost))


def sample_ratio(arms: tuple[ArmFlow, ...], design: Design) -> SampleRatio:
    """Compare the allocated counts with the arms' weights."""
    counts = [arm.allocated for arm in arms]
    weights = [arm.weight for arm in design.arms]
    expected = {arm.key: sum(counts) * arm.weight / sum(weights) for arm in design.arms}
    return SampleRatio({arm.arm: arm.allocated for arm in arms}, expected, sample_ratio_p(counts, weights))

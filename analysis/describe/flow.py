"""The flow of participants (CONSORT 2025, item 22) and whether arms lost people differently."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.design import Design
from analysis.enrolments import Enrolments
from analysis.estimands.base import Outcome
from analysis.inference.counts import fisher_p, independence_p, sample_ratio_test
from analysis.table import MISSING, ResponseTable
from analysis.types import BoolArray

NOT_AN_ANSWER = ("consent", "allocation", "completion", "withdrawal")  # rows that the server writes by itself
STAGES_CHECKED = ("allocated", "started", "completed")


@dataclass(frozen=True)
class ArmFlow:
    """What became of the participants of one arm; counts of people."""

    arm: str
    allocated: int
    started: int
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
    """People of each arm who came so far, against people expected by the arms' weights.

    Parameters
    ----------
    reached : {"allocated", "started", "completed"}
        How far: given an arm, answered a screen after that, reached the end.
    counts, expected : mapping of str to int, of str to float
        By arm.
    p_value : float or None
        None where nobody came so far.
    is_exact : bool
        Whether all counts were enumerated, or the chi-square distribution was used.
    is_alarm : bool
        Whether p is below 0.001: arms were then not given out, or not kept, as planned.
    """

    reached: str
    counts: Mapping[str, int]
    expected: Mapping[str, float]
    p_value: float | None
    is_exact: bool
    is_alarm: bool


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
    answered = (table.is_simulation & (table.correct != MISSING)) | ~np.isnan(table.score)

    def have(rows: BoolArray) -> BoolArray:
        found = np.zeros(len(enrolments), dtype=np.bool_)
        found[positions[rows & (positions >= 0)]] = True
        return found

    marks = (
        np.ones(len(enrolments), dtype=np.bool_),
        have((table.arm != "") & ~np.isin(table.trial_type, NOT_AN_ANSWER)),
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


def sample_ratios(arms: tuple[ArmFlow, ...], design: Design) -> tuple[SampleRatio, ...]:
    """Compare the arms' counts with their weights, at each stage at which people can be lost."""
    return tuple(_sample_ratio(reached, arms, design) for reached in STAGES_CHECKED)


def _sample_ratio(reached: str, arms: tuple[ArmFlow, ...], design: Design) -> SampleRatio:
    counts = {arm.arm: int(getattr(arm, reached)) for arm in arms}
    weights = [arm.weight for arm in design.arms]
    total = sum(counts.values())
    expected = {arm.key: total * arm.weight / sum(weights) for arm in design.arms}
    test = sample_ratio_test(list(counts.values()), weights)
    if test is None:
        return SampleRatio(reached, counts, expected, None, is_exact=False, is_alarm=False)
    return SampleRatio(reached, counts, expected, test.p_value, test.is_exact, test.is_alarm)

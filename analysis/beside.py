"""What the study could have asked too: the registry's other outcomes, and Utility-K where there are sessions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Estimand, Outcome, Question
from analysis.estimands.signal_detection import CLASSES
from analysis.estimands.utility import sessions
from analysis.estimands.utility_curve import UtilityCurve, utility_curve
from analysis.estimation import Comparison, Estimation, planned_comparisons
from analysis.inference.permutation import PermutationTest, studentised, tests_by_redrawing
from analysis.inference.welch import welch
from analysis.numbers import scale_of
from analysis.table import MISSING, ResponseTable
from analysis.types import Contrast, Estimate, FloatArray, IntArray, LabelArray

MOST_DRAWS: Final = 2_000  # p-values that decide nothing need no more
LEAST_SESSIONS: Final = 3


@dataclass(frozen=True)
class ContrastCurve:
    """Utility-K of one explained arm over control."""

    contrast: Contrast
    curve: UtilityCurve


def other_outcomes(work: Estimation, table: ResponseTable, positions: IntArray) -> tuple[Estimate, ...]:
    """Estimate the primary contrasts of every outcome that the study has and the plan does not ask about.

    Parameters
    ----------
    work : Estimation
    table : ResponseTable
        The rows of the stages analysed.
    positions : int array, shape (n_rows,)
        Whose a row is, -1 for nobody's.

    Returns
    -------
    tuple of Estimate
        Of the family "other", in the registry's order; people without an outcome are left out. An outcome that nobody
        of some contrast's arms has is not listed.
    """
    primary = [comparison for comparison in planned_comparisons(work.design) if comparison.family == "primary"]
    pairs = work.pairs(primary)
    measured = dict(_measured(work, table, positions))
    draws = min(work.draws, MOST_DRAWS)
    values = [outcome.values for outcome in measured.values()]

    def statistics(labels: LabelArray) -> FloatArray:
        return np.concatenate([studentised(one, labels, pairs) for one in values], axis=1)

    tests = iter(tests_by_redrawing(statistics, work.allocation, draws=draws, seed=work.seeds[0]) if values else ())
    found = [
        _estimate(work, key, outcome, one, pair, next(tests))
        for key, outcome in measured.items()
        for one, pair in zip(primary, pairs, strict=True)
    ]
    return tuple(estimate for estimate in found if estimate.value is not None)


def _measured(work: Estimation, table: ResponseTable, positions: IntArray) -> Iterator[tuple[str, Outcome]]:
    plan = work.design.plan
    question = Question(plan.pre, plan.post, "available", work.design.trim)
    has = _what_there_is(table)
    for key, estimand in ESTIMANDS.items():
        if key != plan.estimand and _is_answerable(estimand, has):
            yield key, estimand.measure(table, positions, len(work.allocation.arm), question)


def _what_there_is(table: ResponseTable) -> Mapping[str, bool]:
    rows = table.is_simulation
    named = np.concatenate([table.label[rows], table.model_output[rows], table.response[rows]])
    return {
        "two_classes": len(set(named.tolist()) - {""}) == CLASSES,
        "ratings": bool(((table.trial_type == "rating") & ~np.isnan(table.rating)).any()),
        "scores": bool((~np.isnan(table.score)).any()),
    }


def _is_answerable(estimand: Estimand, has: Mapping[str, bool]) -> bool:
    return all(has[need] for need in estimand.needs)


def _estimate(
    work: Estimation,
    key: str,
    outcome: Outcome,
    comparison: Comparison,
    pair: tuple[int, int],
    test: PermutationTest | None,
) -> Estimate:
    estimand, arm = ESTIMANDS[key], work.allocation.arm
    groups = first, second = outcome.values[arm == pair[0]], outcome.values[arm == pair[1]]
    found = welch(first, second, work.level)
    how = "no test: an arm has too few outcomes"
    if test is not None:
        which = "all" if test.is_exact else "re-drawn"
        how = f"two-sided permutation test, {test.n_allocations} allocations ({which}), studentised"
    return Estimate(
        estimand=key,
        contrast=comparison.contrast,
        family="other",
        label=f"{estimand.title}, in {scale_of(estimand.unit).noun}",
        value=found.value,
        unit=estimand.unit,
        interval=found.interval,
        conservative_interval=None,
        p_value=test.p_value if test else None,
        p_adjusted=None,
        n_enrolments={
            work.design.arms[k].key: int((~np.isnan(group)).sum()) for k, group in zip(pair, groups, strict=True)
        },
        method=f"Welch interval on the values of those who have one; {how}; not adjusted",
    )


def utility_curves(work: Estimation, table: ResponseTable, positions: IntArray) -> tuple[ContrastCurve, ...]:
    """Divide accuracy with explanation by accuracy without, session by session (Colin et al. 2022).

    Parameters
    ----------
    work, table, positions
        As for `other_outcomes`.

    Returns
    -------
    tuple of ContrastCurve
        In the order of the primary contrasts; empty for studies of fewer than three sessions.
    """
    plan = work.design.plan
    question = Question(plan.pre, plan.post, "available", work.design.trim)
    scored = set(table.phase[table.is_simulation & (table.correct != MISSING)].tolist())
    if len(scored.intersection(sessions(table, question))) < LEAST_SESSIONS:
        return ()
    primary = [comparison for comparison in planned_comparisons(work.design) if comparison.family == "primary"]
    return tuple(
        ContrastCurve(
            one.contrast,
            utility_curve(
                table,
                positions,
                work.allocation.arm,
                pair,
                question,
                level=work.level,
                draws=plan.bootstrap_draws,
                seed=work.seeds[1],
            ),
        )
        for one, pair in zip(primary, work.pairs(primary), strict=True)
    )

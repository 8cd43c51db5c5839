"""From an outcome to the planned estimates: which arms are compared, by what, adjusted how."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.adjustment import ADJUSTMENTS, PrimaryTests
from analysis.design import Design
from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Outcome
from analysis.inference.allocation import Allocation
from analysis.inference.bootstrap import crossed_intervals
from analysis.inference.permutation import PermutationTest, permutation_tests
from analysis.inference.welch import Mean, welch
from analysis.types import Contrast, Estimate, Family, FloatArray, Interval


@dataclass(frozen=True)
class Comparison:
    """A contrast the plan asks for, before anything is estimated."""

    contrast: Contrast
    family: Family
    label: str


@dataclass(frozen=True)
class Estimation:
    """Everything the estimates of one study have in common.

    Parameters
    ----------
    design : Design
    allocation : Allocation
    draws : int
        For the permutation test; the bootstrap's are the plan's.
    """

    design: Design
    allocation: Allocation
    draws: int

    @property
    def level(self) -> float:
        """Of every interval."""
        return 1 - self.design.plan.alpha

    @property
    def seeds(self) -> tuple[int, int]:
        """Of the permutation test and of the bootstrap, both made from the plan's."""
        permutation, bootstrap = np.random.SeedSequence(self.design.plan.seed).generate_state(2)
        return int(permutation), int(bootstrap)

    def pairs(self, comparisons: Sequence[Comparison]) -> list[tuple[int, int]]:
        """Return contrasts as pairs of arm numbers."""
        number = {arm.key: k for k, arm in enumerate(self.design.arms)}
        return [(number[c.contrast.arm], number[c.contrast.minus]) for c in comparisons]


def planned_comparisons(design: Design) -> tuple[Comparison, ...]:
    """List the primary family, then what the design's placebos allow beside it."""
    control = design.plan.control
    explained = design.arms_with("explained")
    placebos = [arm for arm in design.arms_with("placebo") if arm.key != control]
    return (
        *(Comparison(Contrast(arm.key, control), "primary", "explanation against control") for arm in explained),
        *(
            Comparison(Contrast(arm.key, placebo.key), "secondary", "content: explanation against placebo")
            for placebo in placebos
            for arm in explained
        ),
        *(
            Comparison(Contrast(placebo.key, control), "secondary", "mere attention: placebo against control")
            for placebo in placebos
        ),
    )


def planned_estimates(work: Estimation, outcome: Outcome) -> tuple[Estimate, ...]:
    """Estimate the primary family, adjusted, and the secondary contrasts, not adjusted.

    Parameters
    ----------
    work : Estimation
    outcome : Outcome
        Under the plan's missing-data rule.

    Returns
    -------
    tuple of Estimate
        In the order of `planned_comparisons`.
    """
    estimates = estimate_all(work, outcome, planned_comparisons(work.design))
    primary = [comparison for comparison in planned_comparisons(work.design) if comparison.family == "primary"]
    tests = PrimaryTests(
        p_values=tuple(estimate.p_value for estimate in estimates[: len(primary)]),
        values=outcome.values,
        allocation=work.allocation,
        pairs=tuple(work.pairs(primary)),
        draws=work.draws,
        seed=work.seeds[0],
    )
    found = ADJUSTMENTS[work.design.plan.multiplicity].adjust(tests)
    adjusted = [None if p is None else q for p, q in zip(tests.p_values, found, strict=True)]
    adjusted += [None] * (len(estimates) - len(primary))
    return tuple(replace(estimate, p_adjusted=p) for estimate, p in zip(estimates, adjusted, strict=True))


def values_where_observed(work: Estimation, outcome: Outcome) -> FloatArray:
    """Return the values, shape (n,); NaN in an arm without an outcome: what a rule fills in alone is no estimate."""
    arm = work.allocation.arm
    observed = np.bincount(arm[outcome.is_observed], minlength=len(work.design.arms)) > 0
    return np.where(observed[arm], outcome.values, np.nan)


def primary_comparisons(design: Design) -> list[Comparison]:
    """List the primary family alone."""
    return [comparison for comparison in planned_comparisons(design) if comparison.family == "primary"]


def estimate_all(work: Estimation, outcome: Outcome, comparisons: Sequence[Comparison]) -> list[Estimate]:
    pairs = work.pairs(comparisons)
    tests = permutation_tests(outcome.values, work.allocation, pairs, draws=work.draws, seed=work.seeds[0])
    intervals = crossed_intervals(
        outcome,
        work.allocation.arm,
        pairs,
        level=work.level,
        draws=work.design.plan.bootstrap_draws,
        seed=work.seeds[1],
    )
    return [
        estimate_one(work, outcome, comparison, test, interval)
        for comparison, test, interval in zip(comparisons, tests, intervals, strict=True)
    ]


def estimate_one(
    work: Estimation, outcome: Outcome, comparison: Comparison, test: PermutationTest | None, crossed: Interval | None
) -> Estimate:
    estimand = ESTIMANDS[work.design.plan.estimand]
    values, arm = outcome.values, work.allocation.arm
    pair = work.pairs([comparison])[0]
    is_observed = all(outcome.is_observed[arm == k].any() for k in pair)
    difference = welch(values[arm == pair[0]], values[arm == pair[1]], work.level) if is_observed else Mean.absent()
    return Estimate(
        estimand=work.design.plan.estimand,
        contrast=comparison.contrast,
        family=comparison.family,
        label=comparison.label,
        value=difference.value,
        unit=estimand.unit,
        interval=difference.interval,
        conservative_interval=crossed if is_observed else None,
        p_value=test.p_value if test and is_observed else None,
        p_adjusted=None,
        n_enrolments={work.design.arms[k].key: _n_counted(values[arm == k]) for k in pair},
        method=_method(test if is_observed else None, crossed if is_observed else None, work),
    )


def _n_counted(values: FloatArray) -> int:
    return int((~np.isnan(values)).sum())


def _method(test: PermutationTest | None, crossed: Interval | None, work: Estimation) -> str:
    parts = ["Welch interval on the participants' values"]
    if test is None:
        parts.append("no test: an arm has too few outcomes")
    elif test.is_exact:
        parts.append(f"two-sided permutation test over all {test.n_allocations} allocations, studentised")
    else:
        parts.append(f"two-sided permutation test, {test.n_allocations} re-draws of the allocation, studentised")
    if crossed is not None:
        draws = work.design.plan.bootstrap_draws
        parts.append(f"conservative interval from {draws} resamples of participants and items")
    return "; ".join(parts)

"""The primary contrasts again, each time with one thing done in another way: printed beside, never instead."""

from dataclasses import dataclass

import numpy as np

from analysis.estimands.base import Outcome
from analysis.estimation import Comparison, Estimation, estimate_all, estimate_one, planned_comparisons
from analysis.inference.permutation import permutation_tests
from analysis.other_models import other_models
from analysis.types import BoolArray, Estimate, FloatArray


@dataclass(frozen=True)
class WithoutSome:
    """An outcome in which some participants are left out; see `Outcome` for the members."""

    outcome: Outcome
    left_out: BoolArray

    @property
    def n_items(self) -> int:
        return self.outcome.n_items

    @property
    def is_observed(self) -> BoolArray:
        return self.outcome.is_observed & ~self.left_out

    @property
    def values(self) -> FloatArray:
        return np.where(self.left_out, np.nan, self.outcome.values)

    def reweighted(self, item_weights: FloatArray) -> FloatArray:
        return np.where(self.left_out[:, None], np.nan, self.outcome.reweighted(item_weights))


def unflagged_estimates(work: Estimation, outcome: Outcome, flagged: BoolArray) -> tuple[Estimate, ...]:
    """Estimate the primary contrasts again by the same estimator, without the people that a frozen rule flags.

    The flagged keep their places in the allocation that is re-drawn, so the test is exact where a flag does not
    depend on the arm; whether it does is what the rates by arm are for.

    Parameters
    ----------
    work : Estimation
    outcome : Outcome
        Under the plan's missing-data rule.
    flagged : bool array, shape (n_enrolments,)

    Returns
    -------
    tuple of Estimate
        In the order of the primary ones; empty when nobody is flagged.
    """
    if not flagged.any():
        return ()
    comparisons = [Comparison(c.contrast, "sensitivity", "without people who were flagged") for c in _primary(work)]
    return tuple(estimate_all(work, WithoutSome(outcome, flagged), comparisons))


def sensitivity_estimates(work: Estimation, outcome: Outcome, others: dict[str, Outcome]) -> tuple[Estimate, ...]:
    """Estimate the primary contrasts again, each time with one thing done in another way.

    Parameters
    ----------
    work : Estimation
    outcome : Outcome
        Under the plan's missing-data rule.
    others : dict of str to Outcome
        By the name of what was done with people without an outcome instead.

    Returns
    -------
    tuple of Estimate
    """
    primary = _primary(work)
    found = list(other_models(work, outcome, primary))
    for label, other in others.items():
        tests = permutation_tests(
            other.values, work.allocation, work.pairs(primary), draws=work.draws, seed=work.seeds[0]
        )
        found += [
            estimate_one(work, other, Comparison(c.contrast, "sensitivity", f"without an outcome: {label}"), test, None)
            for c, test in zip(primary, tests, strict=True)
        ]
    if len(work.design.arms) > 2:
        found += [_estimate_with_others_held(work, outcome, comparison) for comparison in primary]
    return tuple(found)


def _primary(work: Estimation) -> list[Comparison]:
    return [comparison for comparison in planned_comparisons(work.design) if comparison.family == "primary"]


def _estimate_with_others_held(work: Estimation, outcome: Outcome, comparison: Comparison) -> Estimate:
    """Test a contrast by re-drawing its two arms alone: exact whatever the other arms do."""
    pair = work.pairs([comparison])[0]
    members, allocation = work.allocation.between(pair)
    (test,) = permutation_tests(outcome.values[members], allocation, [pair], draws=work.draws, seed=work.seeds[0])
    renamed = Comparison(comparison.contrast, "sensitivity", "only these two arms re-drawn, the others held in place")
    return estimate_one(work, outcome, renamed, test, None)

"""What else a primary contrast bears: is it too small to matter, how do the data weigh, what could losses hide?"""

from dataclasses import dataclass

import numpy as np

from analysis.errors import InputError
from analysis.estimands.base import Outcome
from analysis.estimation import Estimation, planned_comparisons
from analysis.inference.bayes_factor import two_sample_bayes_factor
from analysis.inference.equivalence import equivalence
from analysis.inference.lee_bounds import lee_bounds
from analysis.inference.welch import welch
from analysis.types import Contrast, FloatArray, Interval


@dataclass(frozen=True)
class Weighed:
    """One primary contrast, weighed in three ways; none of them replaces its test.

    Parameters
    ----------
    contrast : Contrast
    equivalence_p : float or None
        Two one-sided tests against the smallest effect of interest; None where there is no standard error.
    equivalence_interval : Interval or None
        Of level 1 - 2 alpha.
    is_equivalent : bool
        Whether the effect is shown to be smaller than the smallest effect of interest.
    equivalence : str
        The same in a sentence.
    bayes_factor : float or None
        BF10 of the default Cauchy prior; None where nobody differs from anybody.
    bayes : str
    lee_low, lee_high : float or None
        Bounds of the effect among those who would have stayed in both arms.
    lee_interval : Interval or None
    lee : str
    """

    contrast: Contrast
    equivalence_p: float | None
    equivalence_interval: Interval | None
    is_equivalent: bool
    equivalence: str
    bayes_factor: float | None
    bayes: str
    lee_low: float | None
    lee_high: float | None
    lee_interval: Interval | None
    lee: str


def weigh(work: Estimation, outcome: Outcome) -> tuple[Weighed, ...]:
    """Weigh the primary contrasts.

    Parameters
    ----------
    work : Estimation
    outcome : Outcome
        Under the plan's missing-data rule; what that rule fills in is left out of the bounds, which are about losses.

    Returns
    -------
    tuple of Weighed
        In the order of the primary contrasts.
    """
    primary = [comparison for comparison in planned_comparisons(work.design) if comparison.family == "primary"]
    pairs = work.pairs(primary)
    return tuple(_weigh(work, outcome, one.contrast, pair) for one, pair in zip(primary, pairs, strict=True))


def _weigh(work: Estimation, outcome: Outcome, contrast: Contrast, pair: tuple[int, int]) -> Weighed:
    plan, arm = work.design.plan, work.allocation.arm
    first, second = (outcome.values[arm == k] for k in pair)
    size = plan.smallest_effect
    found = equivalence(welch(first, second, work.level), low=-size, high=size, alpha=plan.alpha)
    factor, words = _bayes(first, second)
    lost_first, lost_second = (np.where(outcome.is_observed, outcome.values, np.nan)[arm == k] for k in pair)
    bounds = lee_bounds(
        lost_first, lost_second, seed=work.seeds[1], draws=work.design.plan.bootstrap_draws, level=work.level
    )
    return Weighed(
        contrast=contrast,
        equivalence_p=found.p_value,
        equivalence_interval=found.interval,
        is_equivalent=found.is_equivalent,
        equivalence=found.sentence,
        bayes_factor=factor,
        bayes=words,
        lee_low=bounds.lower,
        lee_high=bounds.upper,
        lee_interval=bounds.interval,
        lee=_lost(bounds.cut_share, bounds.interval),
    )


def _bayes(first: FloatArray, second: FloatArray) -> tuple[float | None, str]:
    first, second = first[~np.isnan(first)], second[~np.isnan(second)]
    if min(len(first), len(second)) < 2:
        return None, "An arm has too few outcomes."
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = _pooled_t(first, second)
    try:
        found = two_sample_bayes_factor(statistic, len(first), len(second))
    except InputError:
        return None, "Nobody differs from anybody."
    return (found.value if np.isfinite(found.value) else None), found.sentence


def _pooled_t(first: FloatArray, second: FloatArray) -> float:
    """Student's t; scipy's own warns where everybody in one arm is alike, which real games bring about."""
    n, m = len(first), len(second)
    squares = float(((first - first.mean()) ** 2).sum() + ((second - second.mean()) ** 2).sum())
    error = np.sqrt(squares / (n + m - 2) * (1 / n + 1 / m))
    return float(np.float64(first.mean() - second.mean()) / error)


def _lost(cut: float, interval: Interval | None) -> str:
    if interval is None:
        return "An arm has too few outcomes."
    if not cut:
        return "Both arms kept the same share of people; nothing is cut."
    return f"{100 * cut:.1f} % of the outcomes of the arm that kept more people are cut from one end."

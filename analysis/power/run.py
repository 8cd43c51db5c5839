"""How often the planned analysis finds what is assumed, and the smallest effect that it finds often enough."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import stats

from analysis.inference.mixed.batch import fit_batch, pilot
from analysis.inference.mixed.families import FAMILIES
from analysis.power.decide import found, found_over_looks
from analysis.power.plan import PowerPlan
from analysis.power.simulate import Studies, lay_out_studies, simulate, truth
from analysis.types import FloatArray, Interval

CHUNK: Final = 8  # studies side by side at most, and answers: what the processor's caches hold
ANSWERS: Final = 30_000
N_PILOTS: Final = 6
PILOT_SEED: Final = 2**31  # apart from the studies that are counted
Progress = Callable[[int, int], bool]


@dataclass(frozen=True)
class Power:
    """What a plan would find.

    Parameters
    ----------
    by_arm : tuple of float
        Share of the studies in which each explained arm's effect is found (adjusted p at most alpha).
    any_arm : float
        Share in which at least one is.
    intervals : tuple of Interval
        Of `by_arm`, for the number of simulated studies (Clopper & Pearson 1934).
    n_studies : int
        Simulated and counted; fewer than planned after a cancel.
    n_failed : int
        Studies whose model has no maximum: counted as having found nothing.
    ended : tuple of float
        Share of the studies that end at each look; one, the end, where none are planned.
    expected_people : float
        Mean number of people at the end.
    """

    by_arm: tuple[float, ...]
    any_arm: float
    intervals: tuple[Interval, ...]
    n_studies: int
    n_failed: int
    ended: tuple[float, ...]
    expected_people: float


def power(plan: PowerPlan, *, workers: int = 1, progress: Progress | None = None) -> Power:
    """Simulate the planned studies and analyse each as planned.

    Parameters
    ----------
    plan : PowerPlan
    workers : int
        Processes; the result does not depend on it.
    progress : callable, optional
        Told how many of how many studies are done; False stops, and what is done is counted.

    Returns
    -------
    Power

    Raises
    ------
    AnalysisError
        When no pilot study can be fitted.

    Notes
    -----
    Source: Green & MacLeod (2016) for power by simulating the planned model; Westfall, Kenny & Judd (2014) for why
    items are drawn anew too. The batch is our own (inference/mixed/batch.py); its z are within 0.01 of full fits'.
    """
    known = tuple(_pilot(plan, n) for n in plan.sizes) if plan.test == "mixed" else None
    parts: list[FloatArray] = []
    for part in _parts(plan, known, workers):
        parts.append(part)
        done = sum(map(len, parts))
        if progress is not None and not progress(done, plan.n_studies):
            break
    return _summary(plan, np.concatenate(parts))


def _parts(plan: PowerPlan, known: tuple[FloatArray, ...] | None, workers: int) -> Iterator[FloatArray]:
    starts = range(0, plan.n_studies, _side_by_side(plan))
    if workers == 1:
        yield from (_p_values(plan, known, start) for start in starts)
        return
    # A fresh interpreter a process: one that was forked from many threads may stand still.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(_p_values, plan, known, start) for start in starts]
        try:
            for future in futures:
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _side_by_side(plan: PowerPlan) -> int:
    return max(1, min(CHUNK, ANSWERS // (plan.scenario.n_people * plan.scenario.n_items * 2)))


def _pilot(plan: PowerPlan, n_people: int) -> FloatArray:
    numbers = PILOT_SEED + np.arange(N_PILOTS)
    layout = lay_out_studies(plan.scenario, simulate(plan.scenario, numbers, plan.seed).first(n_people))
    return pilot(layout, FAMILIES["logit"], truth(plan.scenario))


def _p_values(plan: PowerPlan, known: tuple[FloatArray, ...] | None, start: int) -> FloatArray:
    """Return the p-values of a chunk at each look, shape (n, n_looks, n_arms - 1); NaN where there is none."""
    numbers = np.arange(start, min(start + _side_by_side(plan), plan.n_studies))
    studies = simulate(plan.scenario, numbers, plan.seed)
    return np.stack([_at_look(plan, known, studies.first(n), look) for look, n in enumerate(plan.sizes)], axis=1)


def _at_look(plan: PowerPlan, known: tuple[FloatArray, ...] | None, studies: Studies, look: int) -> FloatArray:
    """Return the p-values of the people who are counted, shape (n, n_arms - 1)."""
    if known is None:
        return _welch(studies, len(plan.scenario.weights))
    layout = lay_out_studies(plan.scenario, studies)
    fits = fit_batch(layout, FAMILIES["logit"], truth(plan.scenario), known[look])
    z = fits.coefficients[:, 2:] / fits.standard_errors[:, 2:]
    p_values: FloatArray = np.where(fits.converged[:, None], 2.0 * stats.norm.sf(np.abs(z)), np.nan)
    return p_values


def _welch(studies: Studies, n_arms: int) -> FloatArray:
    scores = studies.correct.mean(axis=-1)
    gains = np.where(studies.left, 0.0, scores[..., 1] - scores[..., 0])
    rows = [
        [stats.ttest_ind(gain[arms == arm], gain[arms == 0], equal_var=False).pvalue for arm in range(1, n_arms)]
        for gain, arms in zip(gains, studies.arm, strict=True)
    ]
    return np.array(rows, dtype=np.float64)


def _summary(plan: PowerPlan, p_values: FloatArray) -> Power:
    failed = np.isnan(p_values).any(axis=(1, 2))
    decided = [_decided(plan, row) for row in p_values]
    all_found = np.array([arms for arms, _ in decided])
    ends = np.bincount([look for _, look in decided], minlength=len(plan.sizes)) / len(decided)
    counts = all_found.sum(axis=0)
    return Power(
        by_arm=tuple(float(count) / len(all_found) for count in counts),
        any_arm=float(all_found.any(axis=1).mean()),
        intervals=tuple(_exact(int(count), len(all_found)) for count in counts),
        n_studies=len(all_found),
        n_failed=int(failed.sum()),
        ended=tuple(ends.tolist()),
        expected_people=float(ends @ np.array(plan.sizes)),
    )


def _decided(plan: PowerPlan, p_values: FloatArray) -> tuple[list[bool], int]:
    """Which arms one study finds, and the look at which it ends."""
    if plan.looks:
        return found_over_looks(p_values, plan.alpha, plan.looks, plan.spending)
    return found(p_values[0], plan.alpha, plan.multiplicity, plan.scenario.weights), 0


def _exact(count: int, of: int) -> Interval:
    interval = stats.binomtest(count, of).proportion_ci(0.95, method="exact")
    return Interval(float(interval.low), float(interval.high), 0.95)


def minimal_detectable_effect(
    plan: PowerPlan, *, target: float = 0.8, tolerance: float = 0.002, workers: int = 1
) -> float:
    """Find the effect, the same in every explained arm, that the first arm's test finds with power `target`.

    The same random numbers at every effect make the power a smooth enough function of it to halve intervals.

    Parameters
    ----------
    plan : PowerPlan
        Its effects are ignored.
    target : float
    tolerance : float
        Of the effect, a difference of proportions.
    workers : int

    Returns
    -------
    float
        A marginal risk difference. NaN when even the largest possible effect is not found that often.
    """
    low, high = 0.0, 0.98 - plan.scenario.accuracy - plan.scenario.practice

    def at(effect: float) -> float:
        changed = replace(plan, scenario=plan.scenario.with_effect(effect))
        return power(changed, workers=workers).by_arm[0]

    if at(high) < target:
        return float("nan")
    while high - low > tolerance:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if at(middle) >= target else (middle, high)
    return 0.5 * (low + high)

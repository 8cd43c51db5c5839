"""The permutation test that re-draws the actual allocation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.inference.mechanisms import Mechanism
from analysis.types import BoolArray, FloatArray, LabelArray

Statistics = Callable[[LabelArray], FloatArray]

TIE = 1e-9  # statistics this close (relative) are one value: sums in another order must not change p


@dataclass(frozen=True)
class PermutationTest:
    """The test of one contrast.

    Parameters
    ----------
    p_value : float
        Two-sided.
    statistic : float
        Difference of the means over its Welch standard error.
    n_allocations : int
        Random re-draws, or all distinct allocations when `is_exact`.
    is_exact : bool
        Whether every allocation was counted instead of a sample of them.
    """

    p_value: float
    statistic: float
    n_allocations: int
    is_exact: bool


@dataclass(frozen=True)
class MaxTTest:
    """The test of one contrast, alone and as one of several.

    Parameters
    ----------
    p_value : float
        Two-sided, of this contrast alone.
    p_adjusted : float
        Two-sided, for being one of the family.
    statistic, n_allocations, is_exact
        As in `PermutationTest`.
    """

    p_value: float
    p_adjusted: float
    statistic: float
    n_allocations: int
    is_exact: bool


def permutation_tests(
    values: FloatArray, allocation: Mechanism, contrasts: Sequence[tuple[int, int]], *, draws: int, seed: int
) -> tuple[PermutationTest | None, ...]:
    """Test contrasts of arms by re-drawing the allocation; all contrasts see the same draws.

    The null hypothesis is Fisher's sharp one: nobody's value, nor whether it was observed, would be another in any
    arm. Under it p is exact in finite samples. Where other arms do differ, the statistic being studentised keeps the
    test of one contrast's mean difference right as the study grows (Chung & Romano 2013, Ann. Statist. 41;
    Wu & Ding 2021, JASA 116). To hold the other arms fixed instead, pass `allocation.between(...)`.

    A random sample of re-draws counts the observed one too, ``p = (1 + b) / (1 + draws)`` (Phipson & Smyth 2010, SAGMB
    9), so p is never 0. When there are no more distinct allocations than draws all are enumerated, weighted by their
    probability. A re-draw that leaves an arm of the contrast with fewer than two values counts as extreme.

    Parameters
    ----------
    values : float array, shape (n,)
        One a participant; NaN where there is none. These keep their places in the allocation and are in no mean.
    allocation : Mechanism
        Of all n participants: permuted blocks, minimisation, or drawn one by one.
    contrasts : sequence of (int, int)
        Pairs of arms: the first minus the second.
    draws : int
    seed : int

    Returns
    -------
    tuple of PermutationTest or None
        One a contrast; None where an arm has fewer than two values.
    """

    def statistics(labels: LabelArray) -> FloatArray:
        return studentised(values, labels, contrasts)

    return tests_by_redrawing(statistics, allocation, draws=draws, seed=seed)


def tests_by_redrawing(
    statistics: Statistics, mechanism: Mechanism, *, draws: int, seed: int
) -> tuple[PermutationTest | None, ...]:
    """Test by any statistics that are large, whatever their sign, where the null hypothesis is wrong.

    Parameters
    ----------
    statistics : callable
        From labels of shape (m, n) to shape (m, n_statistics); NaN where there is none, which counts as extreme.
    mechanism : Mechanism
    draws, seed : int

    Returns
    -------
    tuple of PermutationTest or None
        One a statistic; None where the allocation that was made has none.
    """
    observed = statistics(mechanism.arm[None, :].astype(np.int8))[0]

    def is_extreme(labels: LabelArray) -> BoolArray:
        drawn = np.abs(statistics(labels))
        extreme: BoolArray = np.isnan(drawn) | (drawn >= np.abs(observed) * (1 - TIE))
        return extreme

    counted = _count_extreme(is_extreme, len(observed), mechanism, draws, seed)
    return tuple(
        None if np.isnan(t) else PermutationTest(float(p), float(t), counted.n_allocations, counted.is_exact)
        for t, p in zip(observed, counted.p_values, strict=True)
    )


def max_t_tests(
    values: FloatArray, mechanism: Mechanism, contrasts: Sequence[tuple[int, int]], *, draws: int, seed: int
) -> tuple[MaxTTest | None, ...]:
    """Test contrasts and adjust their p-values by the step-down distribution of the largest statistic.

    Westfall, P. H. & Young, S. S. (1993), Resampling-Based Multiple Testing, algorithm 2.8: the contrast of rank j is
    compared with the largest among those of rank j and below, re-drawn together, so their dependence is used. The
    family-wise error is exact when no arm differs; where some do, the statistics being studentised keep it right as the
    study grows (Chung & Romano 2016, J. Stat. Plan. Inference 168).

    Parameters
    ----------
    values, contrasts, draws, seed
        As in `permutation_tests`.
    mechanism : Mechanism

    Returns
    -------
    tuple of MaxTTest or None
        One a contrast; None where an arm has fewer than two values. Such a contrast is in no maximum.
    """
    signed = studentised(values, mechanism.arm[None, :].astype(np.int8), contrasts)[0]
    observed = np.abs(signed)
    order = np.argsort(-observed, kind="stable")[: int((~np.isnan(observed)).sum())]
    limits = observed[order] * (1 - TIE)

    def is_extreme(labels: LabelArray) -> BoolArray:
        drawn = np.abs(studentised(values, labels, contrasts))[:, order]
        drawn[np.isnan(drawn)] = np.inf
        stepped = np.maximum.accumulate(drawn[:, ::-1], axis=1)[:, ::-1]
        return np.concatenate([drawn >= limits, stepped >= limits], axis=1)

    counted = _count_extreme(is_extreme, 2 * len(order), mechanism, draws, seed)
    alone, stepped = np.split(counted.p_values, 2)
    adjusted = np.maximum.accumulate(stepped) if len(order) else stepped
    tests: list[MaxTTest | None] = [None] * len(contrasts)
    for place, i in enumerate(order.tolist()):
        tests[i] = MaxTTest(
            float(alone[place]), float(adjusted[place]), float(signed[i]), counted.n_allocations, counted.is_exact
        )
    return tuple(tests)


@dataclass(frozen=True)
class _Counted:
    p_values: FloatArray
    n_allocations: int
    is_exact: bool


def _count_extreme(
    is_extreme: Callable[[LabelArray], BoolArray], n: int, mechanism: Mechanism, draws: int, seed: int
) -> _Counted:
    """Return the shares of allocations at least as extreme as the observed one, over all of them or a sample."""
    if mechanism.n_distinct() <= draws:
        labels, probability = mechanism.every()
        return _Counted(np.minimum(probability @ is_extreme(labels), 1.0), len(labels), True)
    extreme = np.zeros(n)
    for labels in mechanism.redraws(draws, seed):
        extreme += is_extreme(labels).sum(axis=0)
    return _Counted((1 + extreme) / (1 + draws), draws, False)


def studentised(values: FloatArray, labels: LabelArray, contrasts: Sequence[tuple[int, int]]) -> FloatArray:
    """Return Welch's t for each labelling and contrast.

    Parameters
    ----------
    values : float array, shape (n,)
        NaN where there is none.
    labels : int8 array, shape (m, n)
    contrasts : sequence of (int, int)

    Returns
    -------
    float array, shape (m, len(contrasts))
        NaN where an arm has fewer than two values; 0 or infinite where nobody differs within the arms.
    """
    seen = ~np.isnan(values)
    centred = values[seen] - (values[seen].mean() if seen.any() else 0.0)
    # A spread smaller than rounding is none: 1/3 - 1/3 in another order must not give a huge t.
    floor = (TIE * np.abs(values[seen]).max(initial=0.0)) ** 2
    moments = np.stack([np.ones_like(centred), centred, centred**2], axis=1)
    shown = labels[:, seen]
    with np.errstate(divide="ignore", invalid="ignore"):
        arms = {}
        for arm in sorted({arm for contrast in contrasts for arm in contrast}):
            count, total, squares = ((shown == arm).astype(np.float64) @ moments).T
            mean = total / count
            variance = np.maximum(squares - count * mean**2, 0.0) / (count - 1)
            variance[variance <= floor] = 0.0
            arms[arm] = mean, np.where(count > 1, variance / count, np.nan)
        columns = [_ratio(arms[a][0] - arms[b][0], arms[a][1] + arms[b][1], floor) for a, b in contrasts]
    return np.stack(columns, axis=1)


def _ratio(difference: FloatArray, squared_error: FloatArray, floor: float) -> FloatArray:
    difference = np.where(difference**2 <= floor, 0.0, difference)
    t: FloatArray = difference / np.sqrt(squared_error)
    return np.where((difference == 0) & (squared_error == 0), 0.0, t)

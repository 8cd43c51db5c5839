"""The permutation test that re-draws the actual allocation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.inference.allocation import Allocation
from analysis.types import FloatArray, LabelArray

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


def permutation_tests(
    values: FloatArray, allocation: Allocation, contrasts: Sequence[tuple[int, int]], *, draws: int, seed: int
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
    allocation : Allocation
        Of all n participants.
    contrasts : sequence of (int, int)
        Pairs of arms: the first minus the second.
    draws : int
    seed : int

    Returns
    -------
    tuple of PermutationTest or None
        One a contrast; None where an arm has fewer than two values.
    """
    n_distinct = allocation.n_distinct()
    is_exact = n_distinct <= draws
    observed = studentised(values, allocation.arm[None, :].astype(np.int8), contrasts)[0]
    extreme = np.zeros(len(contrasts))
    for labels, probability in _labellings(allocation, draws, seed, is_exact=is_exact):
        drawn = np.abs(studentised(values, labels, contrasts))
        is_extreme = np.isnan(drawn) | (drawn >= np.abs(observed) * (1 - TIE))
        extreme += is_extreme.sum(axis=0) if probability is None else probability @ is_extreme
    p_values = np.minimum(extreme, 1.0) if is_exact else (1 + extreme) / (1 + draws)
    return tuple(
        None if np.isnan(t) else PermutationTest(float(p), float(t), n_distinct if is_exact else draws, is_exact)
        for t, p in zip(observed, p_values, strict=True)
    )


def _labellings(
    allocation: Allocation, draws: int, seed: int, *, is_exact: bool
) -> Iterator[tuple[LabelArray, FloatArray | None]]:
    """Yield labels of shape (m, n), with their probabilities when they are all there are."""
    if is_exact:
        yield allocation.every()
        return
    for labels in allocation.redraws(draws, seed):
        yield labels, None


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

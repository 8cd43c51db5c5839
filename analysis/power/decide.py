"""Which arms a study finds, by the adjustment that is planned for several; what needs no re-draws, in closed form."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import inf
from typing import Final, Literal

import numpy as np
from scipy import stats

from analysis.inference.dunnett import critical_value, shared_control_loadings
from analysis.inference.multiplicity import benjamini_hochberg, hochberg, holm
from analysis.inference.sequential.bounds import spending_bounds
from analysis.inference.sequential.spending import spending_named
from analysis.types import FloatArray

Multiplicity = Literal["holm", "hochberg", "westfall_young", "dunnett", "benjamini_hochberg"]
Weights = tuple[int, ...]
Adjust = Callable[[Sequence[float | None]], Sequence[float | None]]

_BY_P: Final[dict[str, Adjust]] = {"holm": holm, "hochberg": hochberg, "benjamini_hochberg": benjamini_hochberg}
MULTIPLICITIES: Final = (*_BY_P, "westfall_young", "dunnett")


def found(p_values: FloatArray, alpha: float, multiplicity: Multiplicity, weights: Weights) -> list[bool]:
    """Say which arms' effects are found.

    Parameters
    ----------
    p_values : float array, shape (n_arms - 1,)
        Two-sided, of each explained arm against control; NaN where there is none, which is not found.
    alpha : float
    multiplicity : str
        Dunnett's test, and the step-down max-T of Westfall and Young, are taken by the distribution that their
        statistics have as studies grow: normal, correlated by the control that they share (Dunnett & Tamhane 1991,
        Statist. Med. 10, for the steps).
    weights : tuple of int
        Of control and explained arms in the allocation.

    Returns
    -------
    list of bool
    """
    if multiplicity in _BY_P:
        adjusted = _BY_P[multiplicity]([None if np.isnan(p) else float(p) for p in p_values])
        return [p is not None and p <= alpha for p in adjusted]
    z = np.where(np.isnan(p_values), 0.0, stats.norm.isf(np.nan_to_num(p_values, nan=1.0) / 2))
    if multiplicity == "dunnett":
        return [bool(one >= _critical(alpha, weights[0], weights[1:])) for one in z]
    return _stepped_down(z, alpha, weights)


def found_over_looks(
    p_values: FloatArray, alpha: float, times: tuple[float, ...], spending: str
) -> tuple[list[bool], int]:
    """Say which arms' effects are found, and at which look the study ends; as `analysis.looks` does.

    Parameters
    ----------
    p_values : float array, shape (n_looks, n_arms - 1)
        Two-sided; NaN where there is none, which is not found.
    alpha : float
        Of the family, shared by Holm's steps.
    times : tuple of float
        Of the looks.
    spending : str

    Returns
    -------
    list of bool, and int
        The look, from 0: the first that leaves no arm undecided, or the last.
    """
    is_found = [False] * p_values.shape[1]
    for look in range(len(p_values)):
        seen = np.nan_to_num(p_values[: look + 1], nan=1.0)
        while not all(is_found):
            bounds = _nominal(times, alpha / is_found.count(False), spending)[: look + 1]
            newly = [not was and bool((seen[:, k] <= bounds).any()) for k, was in enumerate(is_found)]
            if not any(newly):
                break
            is_found = [was or now for was, now in zip(is_found, newly, strict=True)]
        if all(is_found):
            return is_found, look
    return is_found, len(p_values) - 1


@lru_cache(maxsize=256)
def _nominal(times: tuple[float, ...], alpha: float, spending: str) -> FloatArray:
    """What a two-sided p-value is compared with at each look; 0 where nothing stops."""
    bounds = spending_bounds(times, alpha=alpha, spending=spending_named(spending))
    return np.array([p or 0.0 for p in bounds.nominal_p])


def _stepped_down(z: FloatArray, alpha: float, weights: Weights) -> list[bool]:
    """The largest against all, the next against those that are left, until one does not fall."""
    left = list(np.argsort(-z, kind="stable"))
    is_found = [False] * len(z)
    while left and z[left[0]] >= _critical(alpha, weights[0], tuple(sorted(weights[1 + k] for k in left))):
        is_found[left.pop(0)] = True
    return is_found


@lru_cache(maxsize=1024)
def _critical(alpha: float, control: int, others: Weights) -> float:
    return critical_value(alpha, shared_control_loadings(others, control), inf)

"""Which arms a study finds, by the adjustment that is planned for several; what needs no re-draws, in closed form."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import inf
from typing import Final, Literal

import numpy as np
from scipy import stats

from analysis.inference.dunnett import critical_value, shared_control_loadings
from analysis.inference.multiplicity import benjamini_hochberg, hochberg, holm
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


def criticals(alpha: float, multiplicity: Multiplicity, weights: Weights) -> FloatArray:
    """Return the values that |z| is compared with, about: near them a decision is in doubt."""
    m = len(weights) - 1
    ranks = np.arange(1, m + 1)
    if multiplicity == "benjamini_hochberg":
        return np.asarray(stats.norm.isf(alpha * ranks / m / 2), dtype=np.float64)
    if multiplicity in _BY_P:
        return np.asarray(stats.norm.isf(alpha / ranks / 2), dtype=np.float64)
    sizes = ranks if multiplicity == "westfall_young" else ranks[-1:]
    return np.array([_critical(alpha, weights[0], weights[1 : size + 1]) for size in sizes])


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

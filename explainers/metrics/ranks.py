"""Spearman's rank correlation, None where it is not defined."""

from __future__ import annotations

import numpy as np
from scipy import stats

from explainers.methods.base import FloatArray, correlation
from explainers.metrics.removal import varies


def rank_correlation(first: FloatArray, second: FloatArray) -> float | None:
    """Pearson's r of the ranks, ties taking their mean rank; None where one side does not vary."""
    if not (varies(first) and varies(second)):
        return None
    ranks = (np.asarray(stats.rankdata(side), dtype=np.float64) for side in (first, second))
    return correlation(*ranks)

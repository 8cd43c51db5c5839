"""Spearman's rank correlation, None where it is not defined."""

from __future__ import annotations

import numpy as np

from explainers.methods.base import FloatArray, correlation
from explainers.metrics.removal import varies


def rank_correlation(first: FloatArray, second: FloatArray) -> float | None:
    """Pearson's r of the ranks, ties taking their mean rank; None where one side does not vary."""
    if not (varies(first) and varies(second)):
        return None
    return correlation(_ranks(first), _ranks(second))


def _ranks(values: FloatArray) -> FloatArray:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: FloatArray = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return ranks

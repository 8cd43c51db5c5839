"""Sparsity as the Gini index (Chalasani et al. 2020, arXiv 1810.06583, section 5; `Sparseness` in Quantus)."""

from __future__ import annotations

import numpy as np

from explainers.methods.base import FloatArray, Params
from explainers.metrics.subject import Subject, shown
from explainers.metrics.types import ItemValue


def values(subject: Subject, params: Params) -> list[ItemValue]:
    """The Gini index of |weight| over what is shown for each item: 0 to 1 - 1 / parts; details: `parts`."""
    return [_value(np.abs(shown(attribution))) for attribution in subject.attributions]


def _value(sizes: FloatArray) -> ItemValue:
    n_parts = len(sizes)
    details = {"parts": float(n_parts)}
    if not sizes.any():
        return ItemValue(None, details, problem="All weights of the item's parts are 0.")
    ranks = 2 * np.arange(1, n_parts + 1) - n_parts - 1
    return ItemValue(max(0.0, float((ranks * np.sort(sizes)).sum() / (n_parts * sizes.sum()))), details)

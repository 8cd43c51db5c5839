"""Complexity (Bhatt, Weller & Moura 2020, arXiv 2005.00631, definition 3; `Complexity` in Quantus)."""

from __future__ import annotations

import numpy as np

from explainers.methods.base import FloatArray, Params
from explainers.metrics.subject import Subject, shown
from explainers.metrics.types import ItemValue


def values(subject: Subject, params: Params) -> list[ItemValue]:
    """The entropy of |weight| / sum |weight| over what is shown, in nats, for each item.

    Details: `parts`, how many there are; `effective_parts`, exp of the entropy: so many equal ones would be as complex.
    """
    return [_value(np.abs(shown(attribution))) for attribution in subject.attributions]


def _value(sizes: FloatArray) -> ItemValue:
    if not sizes.any():
        return ItemValue(None, {"parts": float(len(sizes))}, problem="All weights of the item's parts are 0.")
    shares = sizes[sizes > 0] / sizes.sum()
    entropy = max(0.0, float(-(shares * np.log(shares)).sum()))
    return ItemValue(entropy, {"parts": float(len(sizes)), "effective_parts": float(np.exp(entropy))})

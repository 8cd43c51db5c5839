"""Rank agreement of two methods on one item (Krishna et al. 2022, arXiv 2202.01602, section 3: rank correlation)."""

from __future__ import annotations

import numpy as np

from explainers.methods.base import FloatArray, Params
from explainers.metrics.ranks import rank_correlation
from explainers.metrics.subject import Subject, of_cells
from explainers.metrics.types import ItemValue


def values(subject: Subject, params: Params) -> list[ItemValue]:
    """Spearman's rho of the two explanations' weights for each item.

    Where one of the methods has no direction, both are taken as sizes. Details: `with_signs`, 1 or 0.
    """
    signed = subject.signed and subject.against_signed
    return [
        _value(*(weights if signed else np.abs(weights) for weights in pair), signed=signed)
        for pair in pairs(subject, int(params["cells"]))
    ]


def pairs(subject: Subject, cells: int) -> list[tuple[FloatArray, FloatArray]]:
    """Both methods' weights of the same parts, for each item; pictures by cells of a grid."""
    return [
        (of_cells(own, request, cells), of_cells(other, request, cells))
        for own, other, request in zip(subject.attributions, subject.against, subject.requests, strict=True)
    ]


def _value(own: FloatArray, other: FloatArray, *, signed: bool) -> ItemValue:
    rho, details = rank_correlation(own, other), {"with_signs": float(signed)}
    problem = "All weights of the item's parts are equal in one of the explanations." if rho is None else ""
    return ItemValue(rho, details, problem=problem)

"""Top-k agreement of two methods on one item (Krishna et al. 2022, arXiv 2202.01602, section 3: feature agreement)."""

from __future__ import annotations

import numpy as np

from explainers.methods.base import FloatArray, IntArray, Params, generator
from explainers.metrics.rank_agreement import pairs
from explainers.metrics.subject import Subject
from explainers.metrics.types import ItemValue

_TIES = 106  # stream of an item's generator


def values(subject: Subject, params: Params) -> list[ItemValue]:
    """The share of the k parts with the largest sizes that both have, for each item.

    Equal sizes are ordered at random, in each explanation anew, so that sameness does not come from the order.
    Details: `chance`, what random orders would share on average; where both methods have a direction `same_sign`,
    the share that both have with one sign.
    """
    k, signed = int(params["k"]), subject.signed and subject.against_signed
    return [
        _value(own, other, k, signed, generator(request.seed, _TIES))
        for (own, other), request in zip(pairs(subject, int(params["cells"])), subject.requests, strict=True)
    ]


def _value(own: FloatArray, other: FloatArray, k: int, signed: bool, rng: np.random.Generator) -> ItemValue:
    n_parts = len(own)
    if n_parts <= k:
        return ItemValue(None, problem=f"The item has {n_parts} parts, no more than {k}.")
    both = np.intersect1d(_largest(own, k, rng), _largest(other, k, rng))
    details = {"chance": k / n_parts}
    if signed:
        details["same_sign"] = float((np.sign(own[both]) == np.sign(other[both])).sum()) / k
    return ItemValue(len(both) / k, details)


def _largest(weights: FloatArray, k: int, rng: np.random.Generator) -> IntArray:
    return np.lexsort((rng.random(len(weights)), -np.abs(weights)))[:k]

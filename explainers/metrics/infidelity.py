"""Infidelity (Yeh et al. 2019, arXiv 1901.09392, definition 2.1; `captum.metrics.infidelity`).

E[(I . e - (f(x) - f(x - I)))^2] with I the difference to the baseline on a random set of parts. Our weights are those
of parts that are there, with the input multiplied in, so I . e is the sum of the weights of the parts taken away
(captum: `multiply_by_inputs`).
"""

from __future__ import annotations

import numpy as np

from explainers.methods.base import BoolArray, FloatArray, Params, generator
from explainers.metrics.removal import removals
from explainers.metrics.subject import Subject
from explainers.metrics.types import ItemValue

_SETS = 102  # stream of an item's generator


def values(subject: Subject, params: Params) -> list[ItemValue]:
    """The infidelity of each item; details: `scale`, the factor on the weights, and `relative`, the share of the mean
    squared drop that the weights do not account for (left out where the answer never changes).
    """
    found = []
    for removal in removals(subject, params, n_replacements=1):
        rng = generator(subject.requests[removal.place].seed, _SETS)
        masks = random_sets(rng, int(params["n_samples"]), len(removal.weights))
        present = np.ones((1, masks.shape[1]), dtype=np.bool_)
        answers = removal.answers(np.concatenate([present, masks]))
        sums = (~masks).astype(np.float64) @ removal.weights
        found.append(_value(sums, answers[0] - answers[1:], params["scaling"] == "best"))
    return found


def random_sets(rng: np.random.Generator, n_samples: int, n_units: int) -> BoolArray:
    """Masks with 1 to all parts absent: how many is uniform, then which; shape (n_samples, n_units)."""
    n_absent = rng.integers(1, n_units + 1, size=n_samples)
    ranks = rng.random((n_samples, n_units)).argsort(axis=1).argsort(axis=1)
    return np.asarray(ranks >= n_absent[:, None])


def infidelity(sums: FloatArray, drops: FloatArray, *, best_scale: bool) -> tuple[float, float]:
    """The mean squared difference, and the scale: sum(sums * drops) / sum(sums^2), or 1 where it is not asked for."""
    squares = float(sums @ sums)
    scale = (float(sums @ drops) / squares if squares > 0 else 0.0) if best_scale else 1.0
    return float(np.square(scale * sums - drops).mean()), scale


def _value(sums: FloatArray, drops: FloatArray, best_scale: bool) -> ItemValue:
    value, scale = infidelity(sums, drops, best_scale=best_scale)
    size = float(np.square(drops).mean())
    return ItemValue(value, {"scale": scale} | ({"relative": value / size} if size > 0 else {}))

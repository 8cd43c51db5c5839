"""Sizes of real weights on the order of others, so that a placebo cannot be told by its look."""

from __future__ import annotations

import numpy as np

from explainers.methods.base import FloatArray, generator

_TIES = 2  # stream of an item's generator


def with_sizes_of(real: FloatArray, random: FloatArray, seed: int, order: FloatArray | None = None) -> FloatArray:
    """The sizes of `real`, by rank, on the order and signs of `random`.

    Ties in `random` are broken by `order`, then at random. A weight of exactly 0 has no sign: it takes the sign of
    one of the real weights drawn at random, so a method without directions stays without.

    Parameters
    ----------
    real, random : float array, shape (n_units,)
    seed : int
        The item's.
    order : float array, shape (n_units,), optional
        See `Attribution.order`.

    Returns
    -------
    float array, shape (n_units,)
    """
    rng = generator(seed, _TIES)
    ties = np.zeros(len(random)) if order is None else order
    ranks = np.lexsort((rng.random(len(random)), ties, np.abs(random)))
    drawn = np.where(rng.choice(real, size=len(real)) < 0, -1.0, 1.0)
    signs = np.where(random == 0, drawn, np.sign(random))
    sizes = np.empty_like(real)
    sizes[ranks] = np.sort(np.abs(real))
    return signs * sizes

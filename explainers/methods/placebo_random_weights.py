"""Placebo: the arm's method on a predictor with random weights (Adebayo et al. 2018, arXiv 1810.03292).

One predictor is re-initialised for the whole study, so the placebo is consistent: people could learn it, and would
learn something wrong. The explained class is the real predictor's output. The sizes of the weights are those of the
real explanation of the same item, handed out by rank (the placebo's largest weight gets the real largest size, and so
on): total, maximum and number of zeros agree exactly, so that nobody can tell it by its look. The order and, where
the method has directions, the signs are the placebo's, so the sizes tell nothing about which unit matters. Of examples
there are no weights: random ones of the same outputs are shown; of prototypes likewise.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from explainers.methods import nearest_examples, probabilistic_prototypes, prototypes, senn
from explainers.methods.base import Attribution, Batch, FloatArray, generator, method

_TIES = 2  # stream of an item's generator
_WEIGHTS = 3


def explain(batch: Batch) -> list[Attribution]:
    """The base method's explanation of a re-initialised predictor, in the sizes of the real one.

    Returns
    -------
    list of Attribution
        In the base method's units. The base method's diagnostics are left out, since they would describe another
        predictor.
    """
    name = str(batch.params["method"])
    if name == "nearest_examples":  # a net with random weights still finds what looks alike
        return [replace(own, diagnostics={}) for own in nearest_examples.at_random(batch)]
    if name == "prototypes":  # and fresh ones would be noise to look at
        return [replace(own, diagnostics={}) for own in prototypes.at_random(batch)]
    if name == "probabilistic_prototypes":
        return [replace(own, diagnostics={}) for own in probabilistic_prototypes.at_random(batch)]
    wrong = batch.predictor.reinitialised(_weights_seed(int(batch.params["weights_seed"])))
    real = method(name)(batch)
    if name == "senn":
        random = senn.explain(batch, relevances_from=wrong)
    else:
        random = method(name)(replace(batch, predictor=wrong))
    return [
        replace(
            own,
            weights=with_sizes_of(own.weights, other.weights, request.seed, other.order),
            caption_weights=_of_words(own.caption_weights, other.caption_weights, request.seed),
            diagnostics={},
        )
        for own, other, request in zip(real, random, batch.requests, strict=True)
    ]


def _of_words(real: FloatArray | None, random: FloatArray | None, seed: int) -> FloatArray | None:
    """A caption's words keep their own sizes, apart from the picture's."""
    return None if real is None or random is None else with_sizes_of(real, random, seed)


def _weights_seed(seed: int) -> int:
    """A seed far from the small numbers that predictors are trained with.

    Training starts from fresh weights too: with the same seed the placebo would be the trained predictor's own
    starting point, which it still resembles.
    """
    return int(np.random.SeedSequence([seed, _WEIGHTS]).generate_state(1)[0])


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

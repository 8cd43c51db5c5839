"""Placebo: the arm's method on a predictor with random weights (Adebayo et al. 2018, arXiv 1810.03292).

One predictor is re-initialised for the whole study, so the placebo is consistent: people could learn it, and would
learn something wrong. The explained class is the real predictor's output. The sizes of the weights are those of the
real explanation of the same item, handed out by rank (the placebo's largest weight gets the real largest size, and so
on): total, maximum and number of zeros agree exactly, so that nobody can tell it by its look. The order and, where
the method has directions, the signs are the placebo's, so the sizes tell nothing about which unit matters. Of examples
there are no weights: random ones of the same outputs are shown; of prototypes likewise. Strips keep the real one's
margins and number of steps; where they lead to is the random predictor's choice. Of features such are shown as are
not active in the item, and formulas are those of other units, turned so that they hold in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from explainers.methods import (
    concept_formulas,
    decision_boundary,
    feature_cards,
    latent_shift,
    nearest_examples,
    probabilistic_prototypes,
    prototypes,
    senn,
)
from explainers.methods.base import Attribution, Batch, FloatArray, method
from explainers.methods.composite import together
from explainers.methods.sizes import with_sizes_of
from explainers.predictors.base import Predictor

_STRIPS: Mapping[str, Callable[[Batch, Predictor], list[Attribution]]] = {
    "decision_boundary": decision_boundary.of_another_predictor,
    "latent_shift": latent_shift.of_another_predictor,
}
_WEIGHTS = 3  # keeps the draw apart from others with the same seed


def explain(batch: Batch) -> list[Attribution]:
    """The base method's explanation of a re-initialised predictor, in the sizes of the real one.

    Returns
    -------
    list of Attribution
        In the base method's units. The base method's diagnostics are left out, since they would describe another
        predictor.
    """
    name = str(batch.params["method"])
    if name == "composite":
        return together(batch, "placebo_random_weights")
    if name == "nearest_examples":  # a net with random weights still finds what looks alike
        return [replace(own, diagnostics={}) for own in nearest_examples.at_random(batch)]
    if name == "prototypes":  # and fresh ones would be noise to look at
        return [replace(own, diagnostics={}) for own in prototypes.at_random(batch)]
    if name == "probabilistic_prototypes":
        return [replace(own, diagnostics={}) for own in probabilistic_prototypes.at_random(batch)]
    if name == "feature_cards":  # a net with random weights has no features that could be told from real ones
        return [replace(own, diagnostics={}) for own in feature_cards.at_random(batch)]
    if name == "concept_formulas":  # likewise
        return [replace(own, diagnostics={}) for own in concept_formulas.at_random(batch)]
    wrong = batch.predictor.reinitialised(_weights_seed(int(batch.params["weights_seed"])))
    if name in _STRIPS:
        return [replace(own, diagnostics={}) for own in _STRIPS[name](batch, wrong)]
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

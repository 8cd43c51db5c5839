"""Control: attention that has learned nothing, in a network that otherwise has (after Wiegreffe & Pinter 2019).

What decides where the network looks gets random weights, once for a study; all else keeps what it has learned. The
sizes shown are those of the real attention of the same item, handed out by rank, as the placebo with random weights
does it: random attention alone would be told by how flat it is.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from explainers.methods.attention import attention
from explainers.methods.attention_distance import divergence, probabilities, variation
from explainers.methods.base import Attribution, Batch, FloatArray
from explainers.methods.blocks import encode, mapped
from explainers.methods.placebo_random_weights import with_sizes_of
from explainers.predictors.attention import attending
from explainers.predictors.base import Predictor
from explainers.predictors.initialise import initialise

_LOOKING = 7  # keeps the draw apart from others with the same seed


def explain(batch: Batch) -> list[Attribution]:
    """The shares of the real attention, in the order of a random one.

    Returns
    -------
    list of Attribution
        Weights sum to 1. Diagnostics: `jsd`, the Jensen-Shannon divergence in nats of what is shown from the network's
        own attention, and `output_change`, by how much the probabilities change (total variation) when the network
        looks at random.
    """
    frozen = looking_at_random(batch.predictor, int(batch.params["weights_seed"]))
    real, random = (attention(predictor, batch.inputs) for predictor in (batch.predictor, frozen))
    changes = _changes(batch, frozen)
    found = []
    for request, own, other, change in zip(batch.requests, real, random, changes, strict=True):
        shown = with_sizes_of(own, other, request.seed)
        far = divergence(torch.from_numpy(shown)[None], torch.from_numpy(own)[None])
        found.append(Attribution(shown, {"jsd": float(far), "output_change": change}))
    return found


def looking_at_random(predictor: Predictor, seed: int) -> Predictor:
    """A copy of the predictor whose attention has fresh weights; raises InputError where there is none."""
    other = copy.copy(predictor)
    other.module = copy.deepcopy(attending(predictor))
    drawn = int(np.random.SeedSequence([seed, _LOOKING]).generate_state(1)[0])
    initialise(nn.ModuleList(attending(other).looking()), drawn).requires_grad_(False)
    return other


def _changes(batch: Batch, other: Predictor) -> list[float]:
    def change(rows: Tensor) -> Tensor:
        return variation(probabilities(batch.predictor.logits(rows)), probabilities(other.logits(rows)))

    found: FloatArray = np.zeros(len(batch.requests))
    for group in encode(batch.predictor, batch.inputs):
        found[list(group.places)] = mapped(group.rows, change).cpu().numpy()
    return [float(value) for value in found]

"""Control: uniform attention (Wiegreffe & Pinter 2019, arXiv 1908.04626, section 3.2).

Every word has the same share. They train with uniform attention to see whether a task needs attention at all; here
the trained network is given it, and the change of its answer is stored.
"""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.methods.attention import words_of
from explainers.methods.attention_distance import divergence, probabilities, variation
from explainers.methods.base import Attribution, Batch
from explainers.methods.blocks import as_text, encode, mapped
from explainers.predictors.attention import attending
from explainers.predictors.text import PADDING


def explain(batch: Batch) -> list[Attribution]:
    """The same weight for each word.

    Returns
    -------
    list of Attribution
        Weights sum to 1. Diagnostics: `jsd`, the Jensen-Shannon divergence in nats from the network's own attention,
        and `output_change`, by how much the probabilities change (total variation) with uniform attention.
    """
    module, found = attending(batch.predictor), dict[int, Attribution]()

    def distances(rows: Tensor) -> Tensor:
        read = module.read(as_text(batch.predictor).embed(rows), rows)
        words = (rows != PADDING).to(read.weights)  # encoded items have their words in front
        flat = words / words.sum(1, keepdim=True)
        own, other = (
            probabilities(module.combine(weights, read.values))
            for weights in (read.weights, flat.unsqueeze(1).expand_as(read.weights))
        )
        far = torch.stack([divergence(flat.double(), read.weights.double().mean(1)), variation(own, other)], 1)
        return torch.cat([far, flat.double()], 1)

    for group in encode(batch.predictor, batch.inputs):
        for place, row in zip(group.places, mapped(group.rows, distances), strict=True):
            facts = dict(zip(("jsd", "output_change"), row[:2].tolist(), strict=True))
            found[place] = Attribution(words_of(batch.inputs[place], row[2:]), facts)
    return [found[place] for place in range(len(batch.requests))]

"""Attention rollout (Abnar & Zuidema 2020, Quantifying attention flow in transformers, arXiv 2005.00928, section 3).

A word's state in a layer is half what the layer's attention brought and half what was there (their equation 1: the
residual connection), so each layer hands on 0.5 A + 0.5 I, and layers are multiplied. Heads are averaged first. The
pooling has no state of its own to keep, so its attention is multiplied to that of the layers as it is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.methods.attention import shares, spread
from explainers.methods.base import Attribution, Batch
from explainers.predictors.attention import Read


def explain(batch: Batch) -> list[Attribution]:
    """The share of each word in what the pooling has read, through all layers; the explained class does not matter.

    Returns
    -------
    list of Attribution
        Weights of 0 or more that sum to 1. Diagnostics: `words_attended`, as for raw attention.

    Raises
    ------
    InputError
        When the predictor has no attention.
    """
    return [Attribution(weights, spread(weights)) for weights in shares(batch.predictor, batch.inputs, rolled_out)]


def rolled_out(read: Read) -> Tensor:
    """Shares of the words (n, length), in float64; raw attention where no layer lies below the pooling."""
    found = read.weights.double().mean(1)
    for layer in reversed(read.within):
        mean = layer.double().mean(1)
        kept = 0.5 * mean + 0.5 * torch.eye(mean.shape[1], dtype=mean.dtype, device=mean.device)
        found = torch.einsum("nw,nwv->nv", found, kept / kept.sum(2, keepdim=True))
    return found

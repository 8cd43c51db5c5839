"""How far other attention is from the network's own, in what is shown and in what is answered.

Both as in Jain & Wallace 2019 (arXiv 1902.10186, section 3): the Jensen-Shannon divergence between shares of words,
and the total variation between the probabilities of the classes.
"""

from __future__ import annotations

import torch
from torch import Tensor


def divergence(first: Tensor, second: Tensor) -> Tensor:
    """Jensen-Shannon divergence (n,) in nats, 0 to ln 2, of shares (n, length) that sum to 1 a row."""
    middle = (first + second) / 2
    return (_entropy(middle) - (_entropy(first) + _entropy(second)) / 2).clamp(min=0)


def _entropy(shares: Tensor) -> Tensor:
    return -torch.xlogy(shares, shares.clamp(min=torch.finfo(shares.dtype).tiny)).sum(1)


def variation(first: Tensor, second: Tensor) -> Tensor:
    """Total variation (n,), 0 to 1, of probabilities (n, n_classes)."""
    return (first - second).abs().sum(1) / 2


def probabilities(logits: Tensor) -> Tensor:
    """Probabilities (n, n_classes) in float64."""
    return logits.double().softmax(1)

"""Prototype networks (Li, Liu, Chen & Rudin 2018, AAAI, arXiv 1710.04806): the layer that compares, and its terms.

An encoder turns an item into a code z, and the logits are a linear function of the code's squared distances to
prototypes p_1 ... p_m that live among the codes. A decoder turns codes, and so the prototypes, back into pictures.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PrototypeLayer(nn.Module):
    """m vectors among the codes; codes (n, d) to squared distances (n, m)."""

    def __init__(self, n_prototypes: int, n_dimensions: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.zeros(n_prototypes, n_dimensions))

    def forward(self, codes: Tensor) -> Tensor:
        return squared_distances(codes, self.vectors)


def squared_distances(codes: Tensor, others: Tensor) -> Tensor:
    """|| z_i - p_j ||^2 for every pair, shape (n, m); summed as written, since the expanded form cancels digits."""
    return (codes[:, None] - others).square().sum(2)


def near_items(distances: Tensor) -> Tensor:
    """R_1: how far the prototypes are from their nearest item of the batch, on average (the paper's first term)."""
    return distances.amin(0).mean()


def near_prototypes(distances: Tensor) -> Tensor:
    """R_2: how far the items are from their nearest prototype, on average (its second)."""
    return distances.amin(1).mean()

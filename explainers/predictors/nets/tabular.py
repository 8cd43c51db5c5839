"""Modules for one-hot rows: a multilayer perceptron, and a SENN whose concepts are the columns themselves."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from explainers.predictors.senn import Parts, SennModule, centred


class Mlp(nn.Module):
    """Two hidden layers; (n, n_columns) to (n, n_classes)."""

    def __init__(self, n_columns: int, n_classes: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_columns, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, n_classes)
        )

    def forward(self, encoded: Tensor) -> Tensor:
        out: Tensor = self.layers(encoded)
        return out


class TabularSenn(SennModule):
    """Concepts h = x - p, where p are the training frequencies of the columns, so that J_h is the identity.

    Summed over the columns of a variable, theta_i h_i is what this value adds compared with the average row; without
    the centring a constant could move freely between variables, because the columns of each sum to 1.
    """

    frequencies: Tensor

    def __init__(self, frequencies: Sequence[float], n_classes: int, width: int) -> None:
        super().__init__(n_classes)
        self.register_buffer("frequencies", torch.tensor(frequencies))
        n_columns = len(frequencies)
        self.relevance = nn.Sequential(
            nn.Linear(n_columns, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, n_columns * n_classes),
            nn.Unflatten(1, (n_columns, n_classes)),
        )

    def parts(self, encoded: Tensor, *, differentiable: bool = False) -> Parts:
        point = encoded.detach().requires_grad_() if differentiable else encoded
        return Parts(point, point - self.frequencies, centred(self.relevance(point)))

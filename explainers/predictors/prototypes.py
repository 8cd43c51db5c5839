"""Prototype networks (Li, Liu, Chen & Rudin 2018, AAAI, arXiv 1710.04806): the layer that compares, and its terms.

An encoder turns an item into a code z, and the logits are a linear function of the code's squared distances to
prototypes p_1 ... p_m that live among the codes. A decoder turns codes, and so the prototypes, back into pictures.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from explainers.predictors.initialise import OwnWeights, uniform


class PrototypeLayer(nn.Module, OwnWeights):
    """m vectors among the codes; codes (n, d) to squared distances (n, m)."""

    def __init__(self, n_prototypes: int, n_dimensions: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.zeros(n_prototypes, n_dimensions))

    def draw_weights(self, generator: Generator) -> None:
        """Uniform in [0, 1], as the authors draw them."""
        uniform(self.vectors, 0, 1, generator)

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


N_DRAWS = 32  # of every prototype, the same for every item
_DRAWS_SEED = 2403_13740


class GaussianPrototypes(nn.Module, OwnWeights):
    """A normal distribution among the codes for each class (Vadillo, Santana, Lozano & Kwiatkowska, arXiv 2403.13740).

    What is shown and answered rests on `N_DRAWS` draws made with the module's own noise, a buffer that is kept with
    the weights: an item's answer depends on nothing else, and all items are compared with the same draws.
    """

    noise: Tensor

    def __init__(self, n_classes: int, n_dimensions: int) -> None:
        super().__init__()
        self.means = nn.Parameter(torch.zeros(n_classes, n_dimensions))
        self.log_spreads = nn.Parameter(torch.zeros(n_classes, n_dimensions))  # of the standard deviations
        generator = torch.Generator().manual_seed(_DRAWS_SEED)
        self.register_buffer("noise", standard_normal((N_DRAWS, n_classes, n_dimensions), generator))

    def draw_weights(self, generator: Generator) -> None:
        """Means from a standard normal distribution, standard deviations near 1."""
        self.means.copy_(standard_normal(tuple(self.means.shape), generator))
        uniform(self.log_spreads, -0.1, 0.1, generator)

    def draws(self, noise: Tensor | None = None) -> Tensor:
        """Prototypes (n_draws, n_classes, n_dimensions), with the module's own noise unless other is given."""
        return self.means + self.log_spreads.exp() * (self.noise if noise is None else noise)

    def log_shares(self, codes: Tensor, draws: Tensor) -> Tensor:
        """log softmax over the classes of minus the squared distances; shape (n, n_draws, n_classes)."""
        distances = (codes[:, None, None] - draws).square().sum(3)
        return (-distances).log_softmax(2)

    def divergence(self, means: Tensor, log_spreads: Tensor, labels: Tensor) -> Tensor:
        """KL divergence of codes' normal distributions (n, n_dimensions) from that of their own class, shape (n,)."""
        own_mean, own_log = self.means[labels], self.log_spreads[labels]
        ratio = (2 * (log_spreads - own_log)).exp()
        distance = ((means - own_mean) / own_log.exp()).square()
        return ((ratio + distance - 1) / 2 - (log_spreads - own_log)).sum(1)


def standard_normal(shape: tuple[int, ...], generator: Generator) -> Tensor:
    """Draws on the CPU, so that a seed means the same on every device."""
    return torch.empty(shape).normal_(0, 1, generator=generator)

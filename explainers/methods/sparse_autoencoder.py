"""A small sparse autoencoder of a layer's units: more features than units, few of them active at a word.

After Bricken et al. 2023 (Towards monosemanticity, Transformer Circuits Thread), with the activation of Gao et al. 2024
(Scaling and evaluating sparse autoencoders, arXiv 2406.04093, section 2.2): the `N_ACTIVE` largest features of a word
are kept, so that no penalty has to be weighed against the error. Without their care for features that are never
active: those are left out by whoever shows features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from explainers.predictors.fit import single_thread

FEATURES_PER_UNIT = 2
N_ACTIVE = 4
_BATCH = 1024
_N_STEPS = 1200
_RATE = 3e-3
_SEED = 0


@dataclass(frozen=True)
class SparseAutoencoder:
    """Values x of units are near `middle` + sum_j f_j directions_j with few f_j above 0.

    Parameters
    ----------
    into : Tensor, shape (n_units, n_features)
    shift : Tensor, shape (n_features,)
    directions : Tensor, shape (n_features, n_units)
        Of length 1.
    middle : Tensor, shape (n_units,)
    """

    into: Tensor
    shift: Tensor
    directions: Tensor
    middle: Tensor

    def features(self, units: Tensor) -> Tensor:
        """f (..., n_features), of 0 or more, at most `N_ACTIVE` of a row above 0."""
        before = (units - self.middle) @ self.into + self.shift
        kept = before.topk(min(N_ACTIVE, before.shape[-1]), dim=-1)
        return torch.zeros_like(before).scatter(-1, kept.indices, kept.values.relu())

    def rebuilt(self, features: Tensor) -> Tensor:
        """Units (..., n_units) from features."""
        return features @ self.directions + self.middle


def fit_autoencoder(units: Tensor) -> SparseAutoencoder:
    """Learn features of the values of units (n, n_units); the same values give the same features.

    Adam on the mean squared error over batches that an own generator draws; directions are brought back to length 1
    after each step. One thread, so that sums have one order.
    """
    generator = torch.Generator().manual_seed(_SEED)
    units = units.detach().cpu().float()
    n_units, scale = units.shape[1], units.std().clamp(min=1e-8)
    drawn = torch.randn(FEATURES_PER_UNIT * n_units, n_units, generator=generator)
    parts = [part.requires_grad_(True) for part in _first(units, functional.normalize(drawn, dim=1))]
    optimiser = torch.optim.Adam(parts, lr=_RATE)
    with single_thread(), torch.enable_grad():
        for _ in range(_N_STEPS if len(units) >= _BATCH else _N_STEPS // 10):
            batch = _drawn(units, generator)
            optimiser.zero_grad()
            own = SparseAutoencoder(*parts)
            torch.autograd.backward(((own.rebuilt(own.features(batch)) - batch) / scale).square().mean())
            optimiser.step()
            with torch.no_grad():
                parts[2].copy_(functional.normalize(parts[2], dim=1))
    return SparseAutoencoder(*(part.detach() for part in parts))


def _first(units: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return directions.T.clone(), torch.zeros(len(directions)), directions, units.mean(0)


def _drawn(units: Tensor, generator: Generator) -> Tensor:
    return units[torch.randint(len(units), (min(_BATCH, len(units)),), generator=generator)]

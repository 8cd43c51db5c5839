"""The sparse autoencoder: it finds directions that were planted, and the same ones again."""

from __future__ import annotations

import torch
from torch.nn import functional

from explainers.methods.sparse_autoencoder import N_ACTIVE, fit_autoencoder


def planted(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums of two of 12 directions in 8 dimensions, more than there are dimensions; and the directions."""
    generator = torch.Generator().manual_seed(3)
    directions = functional.normalize(torch.randn(12, 8, generator=generator), dim=1)
    chosen = torch.rand(n, 12, generator=generator).topk(2, dim=1).indices
    sizes = torch.zeros(n, 12).scatter(1, chosen, 1 + torch.rand(n, 2, generator=generator))
    return sizes @ directions, directions


def test_planted_directions_are_found_and_few_features_are_active() -> None:
    values, directions = planted(4000)

    found = fit_autoencoder(values)

    features = found.features(values)
    assert (features >= 0).all()
    assert (features > 0).sum(1).max() <= N_ACTIVE
    error = (found.rebuilt(features) - values).square().sum() / (values - values.mean(0)).square().sum()
    assert error < 0.1
    likeness = (directions @ found.directions.T).max(1).values
    assert likeness.median() > 0.85
    torch.testing.assert_close(found.directions.norm(dim=1), torch.ones(16))


def test_the_same_values_give_the_same_features_and_leave_the_global_state_alone() -> None:
    values, _ = planted(300)
    before = torch.get_rng_state()

    first, again = fit_autoencoder(values), fit_autoencoder(values)

    assert torch.equal(first.into, again.into)
    assert torch.equal(first.directions, again.directions)
    assert torch.equal(before, torch.get_rng_state())


def test_values_that_never_vary_have_no_active_feature_of_size() -> None:
    found = fit_autoencoder(torch.full((50, 4), 2.0))

    torch.testing.assert_close(found.rebuilt(found.features(torch.full((1, 4), 2.0))), torch.full((1, 4), 2.0))

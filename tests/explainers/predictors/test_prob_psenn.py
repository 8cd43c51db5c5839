"""The probabilistic prototype network's parts against torch.distributions, and its cost term by term."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

from explainers.cards import Recipe
from explainers.predictors.initialise import initialise
from explainers.predictors.nets.prob_psenn import ProbPsenn, averaged
from explainers.predictors.prototypes import N_DRAWS, GaussianPrototypes

SHAPE = (1, 8, 8)


@pytest.fixture
def net() -> ProbPsenn:
    module = initialise(ProbPsenn(SHAPE, 3, width=6, n_dimensions=4), seed=3).double()
    with torch.no_grad():
        module.prototypes.log_spreads.copy_(torch.linspace(-1, 1, 12).reshape(3, 4))
    return module


def pictures(n: int) -> torch.Tensor:
    return torch.rand((n, *SHAPE), generator=torch.Generator().manual_seed(n)).double()


def test_probabilities_are_the_mean_over_the_draws_of_a_softmax(net: ProbPsenn) -> None:
    items = pictures(5)
    codes, draws = net.codes(items)[0], net.prototypes.draws()

    each = torch.stack([functional.softmax(-torch.cdist(codes, draw).square(), 1) for draw in draws], 1)

    assert draws.shape == (N_DRAWS, 3, 4)
    torch.testing.assert_close(net.log_shares(items).exp(), each)
    torch.testing.assert_close(net(items).exp(), each.mean(1))
    torch.testing.assert_close(net(items).exp().sum(1), torch.ones(5).double())


def test_divergence_is_that_of_the_normal_distributions(net: ProbPsenn) -> None:
    mean, log_spread = net.codes(pictures(6))
    labels = torch.tensor([0, 1, 2, 2, 1, 0])
    own = net.prototypes

    expected = kl_divergence(
        Normal(mean, log_spread.exp()), Normal(own.means[labels], own.log_spreads[labels].exp())
    ).sum(1)

    torch.testing.assert_close(own.divergence(mean, log_spread, labels), expected)


def test_draws_have_the_prototypes_mean_and_spread() -> None:
    own = GaussianPrototypes(2, 3)
    with torch.no_grad():
        own.means.copy_(torch.tensor([[0.0, 5.0, -2.0], [1.0, 1.0, 1.0]]))
        own.log_spreads.copy_(torch.tensor([[0.0, 1.0, -2.0], [-1.0, -1.0, 0.5]]))
        noise = torch.empty(20_000, 2, 3).normal_(0, 1, generator=torch.Generator().manual_seed(1))
        draws = own.draws(noise)

    spread = own.log_spreads.exp()
    assert ((draws.mean(0) - own.means).abs() < 4 * spread / math.sqrt(20_000)).all()
    torch.testing.assert_close(draws.std(0), spread, rtol=0.03, atol=0)


def test_two_networks_draw_the_same_prototypes() -> None:
    assert torch.equal(GaussianPrototypes(2, 3).noise, GaussianPrototypes(2, 3).noise)


def test_the_cost_is_three_terms_by_their_weights(net: ProbPsenn) -> None:
    items, labels = pictures(7), torch.tensor([0, 1, 2, 0, 1, 0, 2])
    costs = {
        weights: net.objective(
            items,
            labels,
            Recipe(width=6, epochs=1, batch=7, learning_rate=0.1, reconstruction=weights[0], divergence=weights[1]),
            torch.Generator().manual_seed(8),
        )
        for weights in ((0.0, 0.0), (0.3, 0.0), (0.0, 0.4), (0.3, 0.4))
    }
    generator = torch.Generator().manual_seed(8)
    noise = torch.empty(8, 3, 4).normal_(generator=generator).double()
    mean, log_spread = net.codes(items)
    drawn = mean + log_spread.exp() * torch.empty(7, 4).normal_(generator=generator).double()
    entropy = functional.nll_loss(averaged(net.prototypes.log_shares(mean, net.prototypes.draws(noise))), labels)
    error = (net.decoder(drawn) - items).square().sum((1, 2, 3)).mean()
    kl = net.prototypes.divergence(mean, log_spread, labels).mean()

    torch.testing.assert_close(costs[0.0, 0.0], entropy)
    torch.testing.assert_close(costs[0.3, 0.0], entropy + 0.3 * error)
    torch.testing.assert_close(costs[0.0, 0.4], entropy + 0.4 * kl)
    torch.testing.assert_close(costs[0.3, 0.4], entropy + 0.3 * error + 0.4 * kl)

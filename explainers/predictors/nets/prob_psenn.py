"""A probabilistic prototype network (Prob-PSENN; Vadillo, Santana, Lozano & Kwiatkowska, arXiv 2403.13740).

A variational autoencoder whose prior is one normal distribution a class: that class's prototype, held for uncertain.
The answer is the mean, over draws of all the prototypes, of the softmax of minus the squared distances between the
item's code and the draws; how much it changes from draw to draw is the uncertainty of the explanation. We depart from
the paper in the size of the networks, in diagonal covariances, and in the draws of an answer, which are the same ones
for every item (see `GaussianPrototypes`), so that an answer does not change from one time to the next.
"""

from __future__ import annotations

import math

from torch import Generator, Tensor, nn
from torch.nn import functional

from explainers.cards import Recipe
from explainers.predictors.nets.prototype import coarse_encoder, picture_decoder, reconstruction_error
from explainers.predictors.objective import OwnObjective
from explainers.predictors.prototypes import GaussianPrototypes, standard_normal

DRAWS_OF_A_STEP = 8  # of the prototypes in training, fresh ones for each batch


class ProbPsenn(nn.Module, OwnObjective):
    """Logits are the logarithms of the class probabilities averaged over the draws of the prototypes."""

    def __init__(self, shape: tuple[int, int, int], n_classes: int, width: int, n_dimensions: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(*coarse_encoder(shape, width, 2 * n_dimensions))
        self.decoder = picture_decoder(shape, width, n_dimensions)
        self.prototypes = GaussianPrototypes(n_classes, n_dimensions)

    def codes(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation of each item's code, both (n, n_dimensions)."""
        mean, log_spread = self.encoder(encoded).chunk(2, 1)
        return mean, log_spread

    def log_shares(self, encoded: Tensor) -> Tensor:
        """What each draw of the prototypes answers: log probabilities (n, n_draws, n_classes)."""
        return self.prototypes.log_shares(self.codes(encoded)[0], self.prototypes.draws())

    def forward(self, encoded: Tensor) -> Tensor:
        return averaged(self.log_shares(encoded))

    def objective(self, items: Tensor, labels: Tensor, recipe: Recipe, generator: Generator) -> Tensor:
        """Cross-entropy of the averaged answer + `reconstruction` x error + `divergence` x KL, one draw of a code."""
        mean, log_spread = self.codes(items)
        own = self.prototypes
        noise = standard_normal((DRAWS_OF_A_STEP, *own.means.shape), generator).to(mean)
        drawn = mean + log_spread.exp() * standard_normal(tuple(mean.shape), generator).to(mean)
        answers = averaged(own.log_shares(mean, own.draws(noise)))
        return (
            functional.nll_loss(answers, labels)
            + recipe.reconstruction * reconstruction_error(self.decoder(drawn), items)
            + recipe.divergence * own.divergence(mean, log_spread, labels).mean()
        )


def averaged(log_shares: Tensor) -> Tensor:
    """The logarithm of the mean over the draws; (n, n_draws, n_classes) to (n, n_classes)."""
    return log_shares.logsumexp(1) - math.log(log_shares.shape[1])

"""A prototype network for small grey pictures, on the coarse picture that the other nets see.

We depart from the paper (arXiv 1710.04806, section 3) where 40 training pictures ask for it: encoder and decoder are
perceptrons instead of convolutions, and the encoder's last layer is a sigmoid, so that codes fill the cube that the
prototypes start in. The decoder draws the picture at its full resolution.
"""

from __future__ import annotations

from torch import Generator, Tensor, nn
from torch.nn import functional

from explainers.cards import Recipe
from explainers.predictors.nets.image import POOL
from explainers.predictors.objective import OwnObjective
from explainers.predictors.prototypes import PrototypeLayer, near_items, near_prototypes


def coarse_encoder(shape: tuple[int, int, int], width: int, n_out: int) -> list[nn.Module]:
    """Layers from the picture (n, channels, height, width) to `n_out` numbers, by way of the coarse picture."""
    channels, height, width_px = shape
    size = channels * (height // POOL) * (width_px // POOL)
    return [nn.AvgPool2d(POOL), nn.Flatten(), nn.Linear(size, width), nn.SiLU(), nn.Linear(width, n_out)]


def picture_decoder(shape: tuple[int, int, int], width: int, n_in: int) -> nn.Sequential:
    """From codes (n, `n_in`) to pictures in (0, 1) at full resolution."""
    channels, height, width_px = shape
    return nn.Sequential(
        nn.Linear(n_in, width),
        nn.SiLU(),
        nn.Linear(width, channels * height * width_px),
        nn.Sigmoid(),
        nn.Unflatten(1, shape),
    )


def reconstruction_error(decoded: Tensor, items: Tensor) -> Tensor:
    """R: squared error summed over the pixels, averaged over the items."""
    return functional.mse_loss(decoded, items, reduction="none").flatten(1).sum(1).mean()


class PrototypeNet(nn.Module, OwnObjective):
    """Logits are a linear function, without a constant, of the code's squared distances to the prototypes."""

    def __init__(
        self, shape: tuple[int, int, int], n_classes: int, width: int, n_prototypes: int, n_dimensions: int
    ) -> None:
        super().__init__()
        self.encoder = nn.Sequential(*coarse_encoder(shape, width, n_dimensions), nn.Sigmoid())
        self.decoder = picture_decoder(shape, width, n_dimensions)
        self.prototypes = PrototypeLayer(n_prototypes, n_dimensions)
        self.last = nn.Linear(n_prototypes, n_classes, bias=False)

    def forward(self, encoded: Tensor) -> Tensor:
        return self.of_codes(self.encoder(encoded))

    def of_codes(self, codes: Tensor) -> Tensor:
        """Logits (n, n_classes) of codes (n, n_dimensions)."""
        out: Tensor = self.last(self.prototypes(codes))
        return out

    def objective(self, items: Tensor, labels: Tensor, recipe: Recipe, generator: Generator) -> Tensor:
        """Cross-entropy + lambda R + lambda_1 R_1 + lambda_2 R_2 (the paper's cost function)."""
        codes = self.encoder(items)
        distances = self.prototypes(codes)
        return (
            functional.cross_entropy(self.last(distances), labels)
            + recipe.reconstruction * reconstruction_error(self.decoder(codes), items)
            + recipe.near_items * near_items(distances)
            + recipe.near_prototypes * near_prototypes(distances)
        )

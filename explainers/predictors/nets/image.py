"""Modules for small grey pictures: a convolutional net, and a SENN with concepts learned by an autoencoder.

Both see the picture at a quarter of its resolution (7 x 7 means of 4 x 4 pixels for MNIST): with few training pictures
this gives the errors that a study needs.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from explainers.predictors.senn import Parts, SennModule, centred

POOL = 4


class Cnn(nn.Module):
    """Two convolutions on the coarse picture; (n, channels, height, width) to (n, n_classes)."""

    def __init__(self, shape: tuple[int, int, int], n_classes: int, width: int) -> None:
        super().__init__()
        channels, height, width_px = shape
        cells = (height // POOL) * (width_px // POOL)
        self.layers = nn.Sequential(
            nn.AvgPool2d(POOL),
            nn.Conv2d(channels, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(width * cells, n_classes),
        )

    def forward(self, encoded: Tensor) -> Tensor:
        out: Tensor = self.layers(encoded)
        return out


class ImageSenn(SennModule):
    """Concepts h = encoder(x) in (0, 1), learned with a decoder back to the coarse picture."""

    def __init__(self, shape: tuple[int, int, int], n_classes: int, width: int, n_concepts: int) -> None:
        super().__init__(n_classes)
        channels, height, width_px = shape
        size = channels * (height // POOL) * (width_px // POOL)
        self.coarse = nn.Sequential(nn.AvgPool2d(POOL), nn.Flatten())
        self.encoder = nn.Sequential(nn.Linear(size, width), nn.SiLU(), nn.Linear(width, n_concepts), nn.Sigmoid())
        self.decoder = nn.Linear(n_concepts, size)
        self.relevance = nn.Sequential(
            nn.Linear(size, width),
            nn.SiLU(),
            nn.Linear(width, n_concepts * n_classes),
            nn.Unflatten(1, (n_concepts, n_classes)),
        )

    def parts(self, encoded: Tensor, *, differentiable: bool = False) -> Parts:
        point = encoded.detach().requires_grad_() if differentiable else encoded
        coarse = self.coarse(point)
        return Parts(point, self.encoder(coarse), centred(self.relevance(coarse)))

    def reconstruction_error(self, parts: Parts) -> Tensor:
        coarse = self.coarse(parts.point)
        return functional.mse_loss(self.decoder(parts.concepts), coarse, reduction="none").sum(1)

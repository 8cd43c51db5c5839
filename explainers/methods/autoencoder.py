"""A small convolutional autoencoder of the pictures that a predictor learned from: a space to move pictures in.

It is trained when a method first asks for it and kept as long as the process: it follows from the training pictures and
the parameters alone, so there is no artefact that could be lost, go stale or belong to another predictor.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from explainers.background import Background
from explainers.errors import MaterialError
from explainers.predictors.fit import single_thread
from explainers.predictors.initialise import initialise

WIDTH = 16  # maps of the first convolution; the second has twice as many
BATCH = 32
PART = 512  # pictures encoded at once
LEARNING_RATE = 3e-3
SEED = 2102_09475  # far from the small numbers that predictors are trained with
# angle in radians, stretch across and down, shear, shift across and down in halves of the picture
MOST_MOVED = (math.pi / 12, 0.15, 0.15, 0.2, 0.2, 0.2)
STRIDE = 4  # by which two convolutions shrink a picture


class Autoencoder(nn.Module):
    """Pictures (n, channels, height, width) in [0, 1] to `latent` numbers each, and back.

    `spread` is the root mean squared distance of the training pictures from their mean in these numbers.
    """

    spread = 0.0

    def __init__(self, shape: tuple[int, int, int], latent: int) -> None:
        super().__init__()
        channels, height, width = shape
        self._size = height, width
        down, across = -(-height // STRIDE), -(-width // STRIDE)
        n_cells = 2 * WIDTH * down * across
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, WIDTH, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(WIDTH, 2 * WIDTH, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(n_cells, latent),
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, n_cells),
            nn.SiLU(),
            nn.Unflatten(1, (2 * WIDTH, down, across)),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(2 * WIDTH, WIDTH, 3, padding=1),
            nn.SiLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(WIDTH, channels, 3, padding=1),
            nn.Sigmoid(),
        )

    def encode(self, pictures: Tensor) -> Tensor:
        """Latent numbers (n, latent)."""
        found: Tensor = self.encoder(pictures)
        return found

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures (n, channels, height, width) in [0, 1]."""
        found: Tensor = self.decoder(latents)
        return found[:, :, : self._size[0], : self._size[1]]


@lru_cache(maxsize=4)
def autoencoder(background: Background, latent: int, n_steps: int, device: torch.device) -> Autoencoder:
    """Train on the pictures that a predictor learned from, and on slightly turned, moved and stretched ones of them.

    A predictor may have learned from a few dozen pictures; without such copies others of their kind are not redrawn
    well. Mean squared error, Adam at a rate that falls linearly to 0. One thread and one generator on the CPU: the same
    pictures give the same weights on the same machine.

    Raises
    ------
    MaterialError
        When there is no picture to learn from.
    """
    pictures = background.rows
    if not len(pictures):
        raise MaterialError("predictor: it learned from no picture, so no autoencoder can; train it on some")
    with torch.random.fork_rng(devices=[]):  # torch draws weights at construction: leave the global state alone
        module = Autoencoder((pictures.shape[1], pictures.shape[2], pictures.shape[3]), latent)
    return _fit(module, pictures, n_steps).to(device)


def _fit(module: Autoencoder, pictures: Tensor, n_steps: int) -> Autoencoder:
    generator = Generator().manual_seed(SEED)
    initialise(module, SEED)
    optimiser = torch.optim.Adam(module.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / n_steps)
    with single_thread(), torch.enable_grad():
        for _ in range(n_steps):
            drawn = pictures[torch.randint(len(pictures), (BATCH,), generator=generator)]
            shown = moved(drawn, generator)
            optimiser.zero_grad()
            torch.autograd.backward(functional.mse_loss(module.decode(module.encode(shown)), shown))
            optimiser.step()
            schedule.step()
        known = torch.cat([module.encode(part).detach().double() for part in torch.split(pictures, PART)])
    module.spread = float((known - known.mean(0)).square().sum(1).mean().sqrt())
    return module.eval().requires_grad_(False)


def moved(pictures: Tensor, generator: Generator) -> Tensor:
    """Each picture turned, stretched, sheared and moved by small random amounts; black comes in at the edges."""
    n_pictures = len(pictures)
    angle, *stretch, shear, across, down = (
        (2 * torch.rand(n_pictures, generator=generator) - 1) * most for most in MOST_MOVED
    )
    cos, sin = angle.cos(), angle.sin()
    rows = [cos * (1 + stretch[0]), shear - sin, across, sin, cos * (1 + stretch[1]), down]
    maps = torch.stack(rows, dim=1).reshape(n_pictures, 2, 3)
    where = functional.affine_grid(maps, list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, where, align_corners=False)

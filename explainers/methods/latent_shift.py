"""Counterfactual by latent shift (Cohen et al. 2021, "Gifsplanation via latent shift", arXiv 2102.09475, section 2).

The picture x is encoded, z = e(x), and moved along the gradient of the predictor's answer at the redrawn picture:
x_t = d(z + t g / |g|) with g the gradient of f(d(z)) in z. For t below 0 there is less of what the answer rests on, for
t above 0 more. Frames at even distances from -t to t make a strip, with the item redrawn in the middle.

f is the margin of the explained class (see `explainers.methods.margins`), so that a strip speaks of one answer as
against the next. As in the authors' code the end is searched: the first of `N_DISTANCES` even distances at which the
class's probability has fallen to what was asked for, else the furthest. We bound them by how far training pictures lie
from their mean in the autoencoder's space, and go as far towards more as towards less. The margins that are shown are
those of the frames as people see them, in whole bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explainers.methods.autoencoder import Autoencoder, autoencoder
from explainers.methods.base import Attribution, Batch, FloatArray, generator
from explainers.methods.blocks import GRADIENT_ROWS, encode, in_blocks, mapped
from explainers.methods.margins import margin, margins
from explainers.predictors.base import Predictor
from explainers.types import ImageInput, ItemRequest, Step

N_DISTANCES = 16
_RANDOM = 10  # stream of an item's generator


def explain(batch: Batch) -> list[Attribution]:
    """A strip of frames from less of the explained class to more.

    Returns
    -------
    list of Attribution
        Weights are the margins of the frames. Diagnostics: `crosses`, 1 where the output is another at some frame, else
        0; `distance`, how far the ends are, as a share of the furthest that was tried; `redrawn_error`, the root mean
        squared difference of the item's pixels and the redrawn ones, 0 to 1; `samples`, the pictures asked.
    """
    return _attributions(batch, _shifts(batch), None)


@dataclass(frozen=True)
class _Shifts:
    """Items in the autoencoder's space (n, latent), their directions of length 1, and how far they go (n,)."""

    module: Autoencoder
    latents: Tensor
    directions: Tensor
    distances: FloatArray
    shares: FloatArray


def _shifts(batch: Batch) -> _Shifts:
    module = _space(batch)
    latents = _latents(batch, module)
    directions = _directions(batch.predictor, module, latents, batch.classes)
    furthest = float(batch.params["reach"]) * module.spread
    shares = _ends(batch, module, latents, directions, furthest)
    return _Shifts(module, latents, directions, shares * furthest, shares)


def _space(batch: Batch) -> Autoencoder:
    sizes = int(batch.params["latent_size"]), int(batch.params["training_steps"])
    return autoencoder(batch.predictor.background, *sizes, batch.predictor.device)


def _latents(batch: Batch, module: Autoencoder) -> Tensor:
    (group,) = encode(batch.predictor, batch.inputs)
    return mapped(group.rows, module.encode)


def _directions(predictor: Predictor, module: Autoencoder, latents: Tensor, classes: Sequence[int]) -> Tensor:
    """The gradient of each class's margin at the redrawn item, of length 1; 0 where the margin does not move."""
    explained = torch.tensor(classes, device=latents.device)
    found = []
    for (block, n_true), (own, _) in zip(
        in_blocks(latents, GRADIENT_ROWS), in_blocks(explained, GRADIENT_ROWS), strict=True
    ):
        with torch.enable_grad():
            point = block.detach().clone().requires_grad_()
            total = margin(predictor.logits(module.decode(point)), own).sum()
            (gradient,) = torch.autograd.grad(total, point)
        lengths = gradient.norm(dim=1, keepdim=True)
        found.append(torch.where(lengths == 0, gradient, gradient / lengths)[:n_true])
    return torch.cat(found)


def _ends(batch: Batch, module: Autoencoder, latents: Tensor, directions: Tensor, furthest: float) -> FloatArray:
    """How far each item goes, as a share of the furthest; in passes of one item, so that none depends on the others."""
    shares = torch.arange(1, N_DISTANCES + 1, device=latents.device) / N_DISTANCES
    asked, found = float(batch.params["low"]), np.ones(len(latents))
    with torch.inference_mode():
        for place, (latent, direction) in enumerate(zip(latents, directions, strict=True)):
            pictures = module.decode(latent - furthest * shares[:, None] * direction)
            answers = batch.predictor.logits(pictures).double().softmax(1)[:, batch.classes[place]]
            low = (answers <= asked).nonzero()[:, 0]
            found[place] = float(shares[low[0]]) if len(low) else 1.0
    return found


def _attributions(batch: Batch, shifts: _Shifts, shown: list[FloatArray] | None) -> list[Attribution]:
    """Strips of the shifted items, with the margins of their frames unless others are to be shown."""
    a_side = int(batch.params["frames_a_side"])
    n_frames = 2 * a_side + 1
    along = torch.linspace(-1, 1, n_frames, dtype=torch.float64)
    steps = torch.from_numpy(shifts.distances)[:, None] * along
    points = shifts.latents[:, None] + steps.to(shifts.latents)[:, :, None] * shifts.directions[:, None]
    pictures = mapped(points.flatten(0, 1), shifts.module.decode).cpu()
    frames = [[_frame(picture) for picture in row] for row in torch.split(pictures, n_frames)]
    rows = {place: batch.predictor.encode(row) for place, row in enumerate(frames)}
    own = margins(batch.predictor, batch.classes, rows)
    errors = _errors(batch, [row[a_side] for row in frames])
    return [
        Attribution(
            own[place] if shown is None else shown[place],
            {
                "crosses": float(bool((own[place] < 0).any())),
                "distance": float(shifts.shares[place]),
                "redrawn_error": errors[place],
                "samples": float(N_DISTANCES + n_frames),
            },
            steps=tuple(Step(frame, None, 0.0) for frame in row),
            own=a_side,
        )
        for place, row in enumerate(frames)
    ]


def _frame(picture: Tensor) -> ImageInput:
    """A picture (channels, height, width) in whole bytes."""
    channels, height, width = picture.shape
    values = np.rint(255 * picture.nan_to_num(0.0).clamp(0, 1).permute(1, 2, 0).numpy())
    return ImageInput(height, width, channels, values.astype(np.uint8).tobytes())


def _errors(batch: Batch, redrawn: Sequence[ImageInput]) -> list[float]:
    before, after = batch.predictor.encode(batch.inputs), batch.predictor.encode(redrawn)
    return (before - after).double().square().flatten(1).mean(1).sqrt().tolist()


# --- placebos --------------------------------------------------------------------------------------------------------


def of_another_predictor(batch: Batch, wrong: Predictor) -> list[Attribution]:
    """The placebo: as far along another predictor's direction, with the real margins."""
    real = _shifts(batch)
    directions = _directions(wrong, real.module, real.latents, batch.classes)
    other = _Shifts(real.module, real.latents, directions, real.distances, real.shares)
    return _attributions(batch, other, [found.weights for found in _attributions(batch, real, None)])


def at_random(batch: Batch) -> list[Attribution]:
    """The placebo: as far along a direction that is drawn by the item's seed, with the real margins."""
    real = _shifts(batch)
    drawn = [generator(one.seed, _RANDOM).standard_normal(real.latents.shape[1]) for one in batch.requests]
    directions = torch.from_numpy(np.stack([one / np.linalg.norm(one) for one in drawn])).to(real.latents)
    other = _Shifts(real.module, real.latents, directions, real.distances, real.shares)
    return _attributions(batch, other, [found.weights for found in _attributions(batch, real, None)])


def of_other_items(batch: Batch, donors: tuple[ItemRequest, ...]) -> list[Attribution]:
    """The placebo: the items moved as far and in the same directions as the donors, with the donors' margins."""
    theirs_only = Batch(batch.predictor, donors, batch.classes, batch.params, batch.chunk_rows)
    theirs = _shifts(theirs_only)
    own = _Shifts(theirs.module, _latents(batch, theirs.module), theirs.directions, theirs.distances, theirs.shares)
    return _attributions(batch, own, [found.weights for found in _attributions(theirs_only, theirs, None)])

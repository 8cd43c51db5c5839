"""SmoothGrad (Smilkov et al. 2017, arXiv 1706.03825, section 3): the mean gradient of noisy copies of the item."""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.methods.base import Attribution, Batch, generator
from explainers.methods.gradients import Points, gradients, per_unit, points
from explainers.types import TextInput

ROWS = 256  # of a block; an item has many rows here, so few of them are filling
_NOISE = 5  # stream of an item's generator


def explain(batch: Batch) -> list[Attribution]:
    """Absolute mean gradient of the centred logit over noisy copies, pooled as for saliency.

    Noise is normal and independent for each number of the item's point (one-hot columns, embeddings, pixels), with a
    standard deviation of `noise` times the range of these numbers.

    Returns
    -------
    list of Attribution
        Weights of 0 or more: sizes without a direction. Diagnostics: `copies`; `noise_sd`, in units of the point;
        `score`, the mean centred logit of the copies.
    """
    found: dict[int, Attribution] = {}
    n_items = max(1, batch.chunk_rows // int(batch.params["n_copies"]))
    for group in points(batch):
        for start in range(0, len(group.places), n_items):
            part = group.part(slice(start, start + n_items))
            found.update(zip(part.places, _explain_part(batch, part), strict=True))
    return [found[place] for place in range(len(batch.requests))]


def _explain_part(batch: Batch, part: Points) -> list[Attribution]:
    n_copies = int(batch.params["n_copies"])
    copies = [noisy_copies(batch, place, own) for place, own in zip(part.places, part.values, strict=True)]
    gradient, score = gradients(
        batch.predictor,
        torch.cat([rows for rows, _ in copies]),
        part.context.repeat_interleave(n_copies, 0),
        part.classes.repeat_interleave(n_copies, 0),
        rows=ROWS,
    )
    # one sum an item: its shape, and so its rounding, does not depend on the batch
    means = torch.stack([own.sum(0) for own in gradient.reshape(-1, n_copies, *gradient.shape[1:])]) / n_copies
    scores = [float(own.mean()) for own in score.double().reshape(-1, n_copies).cpu().numpy()]
    weights = per_unit(batch, part.places, means.abs(), largest_channel=True)
    return [
        Attribution(own, {"copies": float(n_copies), "noise_sd": noise_sd, "score": own_score})
        for own, own_score, (_, noise_sd) in zip(weights, scores, copies, strict=True)
    ]


def noisy_copies(batch: Batch, place: int, values: Tensor) -> tuple[Tensor, float]:
    """Copies (n_copies, ...) of an item's point and the noise's standard deviation; padding stays without noise.

    The noise is drawn on the CPU, so that a seed means the same copies on every device.
    """
    item = batch.requests[place].input
    true = values[: len(item.tokens)] if isinstance(item, TextInput) else values
    noise_sd = float(batch.params["noise"]) * float(true.max() - true.min())
    seed = int(generator(batch.requests[place].seed, _NOISE).integers(2**63))
    noise = torch.randn(int(batch.params["n_copies"]), *true.shape, generator=torch.Generator().manual_seed(seed)).to(
        values
    )
    copies = values.expand(len(noise), *values.shape).clone()
    copies[:, : len(true)] += noise_sd * noise
    return copies, noise_sd

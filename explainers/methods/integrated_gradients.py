"""Integrated gradients (Sundararajan, Taly & Yan 2017, arXiv 1703.01365, equation 1), midpoint rule."""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.methods.base import Attribution, Batch
from explainers.methods.gradients import Points, gradients, per_unit, points

ROWS = 256  # of a block; an item has many rows here, so few of them are filling


def explain(batch: Batch) -> list[Attribution]:
    """(x - x') times the mean gradient of the centred logit at `n_steps` midpoints from the baseline x' to x.

    The baseline is the average training row (tabular), embeddings of 0 (text) or a black picture.

    Returns
    -------
    list of Attribution
        Signed weights in logits. Diagnostics: `steps`; `score` at the item and `baseline_score`; `completeness_gap`,
        how far the weights' sum is from the difference of the two (0 in the limit of many steps), in logits.
    """
    found: dict[int, Attribution] = {}
    n_steps = int(batch.params["n_steps"])
    n_items = max(1, batch.chunk_rows // n_steps)
    for group in points(batch):
        for start in range(0, len(group.places), n_items):
            part = group.part(slice(start, start + n_items))
            found.update(zip(part.places, _explain_part(batch, part, n_steps), strict=True))
    return [found[place] for place in range(len(batch.requests))]


def _explain_part(batch: Batch, part: Points, n_steps: int) -> list[Attribution]:
    n_items = len(part.places)
    shares = (torch.arange(n_steps, device=part.values.device) + 0.5) / n_steps
    way = part.values - part.baseline
    path = part.baseline + shares.reshape(-1, *[1] * (way.dim() - 1)) * way[:, None]  # (n, n_steps, ...)
    gradient, _ = gradients(
        batch.predictor,
        path.flatten(0, 1),
        part.context.repeat_interleave(n_steps, 0),
        part.classes.repeat_interleave(n_steps, 0),
        rows=ROWS,
    )
    steps = gradient.reshape(n_items, n_steps, *way.shape[1:])
    here = _scores(batch, part, part.values)
    start = _scores(batch, part, part.baseline.expand_as(part.values))
    return [
        # one sum an item: its shape, and so its rounding, does not depend on the batch
        _attribution(batch, place, own_way * own_steps.sum(0) / n_steps, (n_steps, own_here, own_start))
        for place, own_way, own_steps, own_here, own_start in zip(
            part.places, way, steps, here.tolist(), start.tolist(), strict=True
        )
    ]


def _scores(batch: Batch, part: Points, values: Tensor) -> Tensor:
    """Scores in blocks of the gradients' size."""
    return gradients(batch.predictor, values, part.context, part.classes)[1]


def _attribution(batch: Batch, place: int, values: Tensor, facts: tuple[int, float, float]) -> Attribution:
    n_steps, score, baseline_score = facts
    gap = abs(float(values.double().sum()) - (score - baseline_score))
    diagnostics = {
        "steps": float(n_steps),
        "score": score,
        "baseline_score": baseline_score,
        "completeness_gap": gap,
    }
    return Attribution(per_unit(batch, place, values), diagnostics)

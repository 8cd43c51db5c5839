"""Integrated gradients (Sundararajan, Taly & Yan 2017, arXiv 1703.01365, equation 1), midpoint rule."""

from __future__ import annotations

import torch

from explainers.methods.base import Attribution, Batch
from explainers.methods.gradients import Points, gradients, per_unit, points, scores_in_blocks

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
    here = scores_in_blocks(batch.predictor, part, part.values)
    start = scores_in_blocks(batch.predictor, part, part.baseline.expand_as(part.values))
    # one sum an item: its shape, and so its rounding, does not depend on the batch
    values = way * torch.stack([own.sum(0) for own in steps]) / n_steps
    weights = per_unit(batch, part.places, values)
    # of the points' own numbers in float64, not of the units, so that nothing is left out
    sums = [float(own.sum()) for own in values.double().cpu().numpy()]
    return [
        Attribution(own, _diagnostics(n_steps, own_here, own_start, own_sum))
        for own, own_here, own_start, own_sum in zip(weights, here.tolist(), start.tolist(), sums, strict=True)
    ]


def _diagnostics(n_steps: int, score: float, baseline_score: float, total: float) -> dict[str, float]:
    return {
        "steps": float(n_steps),
        "score": score,
        "baseline_score": baseline_score,
        "completeness_gap": abs(total - (score - baseline_score)),
    }

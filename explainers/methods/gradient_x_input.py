"""Gradient × input (Shrikumar et al. 2016, arXiv 1605.01713, section 2.1)."""

from __future__ import annotations

from explainers.methods.base import Attribution, Batch
from explainers.methods.gradients import gradients, per_unit, points


def explain(batch: Batch) -> list[Attribution]:
    """Gradient of the centred logit times the value: of a variable's columns, a token's embedding, a pixel.

    Returns
    -------
    list of Attribution
        Signed weights in logits. Diagnostics: `score`, the centred logit.
    """
    found: dict[int, Attribution] = {}
    for group in points(batch):
        gradient, score = gradients(batch.predictor, group.values, group.context, group.classes)
        weights = per_unit(batch, group.places, gradient * group.values)
        for place, own, own_score in zip(group.places, weights, score.tolist(), strict=True):
            found[place] = Attribution(own, {"score": own_score})
    return [found[place] for place in range(len(batch.requests))]

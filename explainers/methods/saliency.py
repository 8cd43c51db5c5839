"""Gradient saliency (Simonyan, Vedaldi & Zisserman 2014, arXiv 1312.6034, section 3)."""

from __future__ import annotations

from explainers.methods.base import Attribution, Batch
from explainers.methods.gradients import gradients, per_unit, points


def explain(batch: Batch) -> list[Attribution]:
    """Absolute gradient of the centred logit: summed over a variable's columns or a token's embedding, the largest
    of a pixel's channels.

    Returns
    -------
    list of Attribution
        Weights of 0 or more: sizes without a direction. Diagnostics: `score`, the centred logit.
    """
    found: dict[int, Attribution] = {}
    for group in points(batch):
        gradient, score = gradients(batch.predictor, group.values, group.context, group.classes)
        weights = per_unit(batch, group.places, gradient.abs(), largest_channel=True)
        for place, own, own_score in zip(group.places, weights, score.tolist(), strict=True):
            found[place] = Attribution(own, {"score": own_score})
    return [found[place] for place in range(len(batch.requests))]

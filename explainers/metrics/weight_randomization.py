"""Similarity after randomizing the predictor (Adebayo et al. 2018, arXiv 1810.03292, section 3; `MPRT` in Quantus).

Spearman's correlation of the sizes of the weights before and after the predictor's parameters were drawn anew; of
concepts the relevances. The explained class stays the real predictor's output.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch

from explainers.methods.base import Attribution, FloatArray, Params
from explainers.metrics.ranks import rank_correlation
from explainers.metrics.subject import Subject, shown
from explainers.metrics.types import ItemValue
from explainers.predictors.base import Predictor

_MODELS = 105  # apart from the seeds of training and of the placebo


def values(subject: Subject, params: Params) -> list[ItemValue]:
    """The mean similarity over the random predictors for each item.

    Details: `signed`, the mean rank correlation with signs, where the method has them. The curve, if asked for,
    holds the similarity after 0, 1, ... layers from the output's on were drawn anew; layers without weights do not
    count.
    """
    seeds = [
        int(np.random.SeedSequence([int(params["weights_seed"]), _MODELS, number]).generate_state(1)[0])
        for number in range(int(params["n_models"]))
    ]
    runs = [_explained(subject, subject.predictor.reinitialised(seed)) for seed in seeds]
    steps = []
    if params["cascade"] == "yes":
        steps = [_explained(subject, predictor) for predictor in cascade(subject.predictor, seeds[0])]
    return [
        _value(own, [run[place] for run in runs], [step[place] for step in steps], subject.signed)
        for place, own in enumerate(subject.attributions)
    ]


def _explained(subject: Subject, predictor: Predictor) -> list[Attribution]:
    return subject.explained(subject.requests, subject.classes, predictor)


def cascade(predictor: Predictor, seed: int) -> list[Predictor]:
    """The predictor with its last 1, 2, ... layers drawn anew, in the order in which the module declares them."""
    fresh = predictor.reinitialised(seed)
    names = [
        name
        for name, part in predictor.module.named_modules()
        if next(part.parameters(recurse=False), None) is not None
    ]
    found, step = [], predictor
    for name in reversed(names):
        step = copy.copy(step)
        step.module = copy.deepcopy(step.module)
        with torch.no_grad():
            for weight, drawn in zip(
                step.module.get_submodule(name).parameters(recurse=False),
                fresh.module.get_submodule(name).parameters(recurse=False),
                strict=True,
            ):
                weight.copy_(drawn)
        found.append(step)
    return found


def _value(own: Attribution, runs: Sequence[Attribution], steps: Sequence[Attribution], signed: bool) -> ItemValue:
    similarities = [rank_correlation(_sizes(own), _sizes(run)) for run in runs]
    known = [r for r in similarities if r is not None]
    if not known:
        return ItemValue(None, problem="All weights of the item's parts are equal, before or after.")
    with_signs = [r for run in runs if (r := rank_correlation(_weights(own), _weights(run))) is not None]
    details = {"signed": float(np.mean(with_signs))} if signed and with_signs else {}
    curve = [rank_correlation(_sizes(own), _sizes(step)) for step in steps]
    return ItemValue(float(np.mean(known)), details, (1.0, *(r or 0.0 for r in curve)) if curve else ())


def _weights(attribution: Attribution) -> FloatArray:
    return attribution.weights if attribution.activations is not None else shown(attribution)


def _sizes(attribution: Attribution) -> FloatArray:
    return np.abs(_weights(attribution))

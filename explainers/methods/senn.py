"""What a self-explaining network says of itself (Alvarez-Melis & Jaakkola 2018, arXiv 1806.07538).

A SENN's logits are sum_i theta_i h_i plus a constant a class; nothing is approximated here, its own terms are read.
Where concepts are the columns of variables or the tokens themselves, the weight shown is the term theta_i h_i, summed
over a variable's columns: what the variable or token adds to the logit. Relevances alone would not do, because those of
the columns that are not set count as well (their h is minus their frequency). Learned concepts are shown with both
numbers. theta sums to 0 over the classes, so terms add up to the centred logit, the same score
that the gradient methods explain.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from explainers.errors import ParameterError
from explainers.methods.base import Attribution, Batch, FloatArray
from explainers.methods.blocks import as_tabular, encode, mapped
from explainers.predictors.base import Predictor
from explainers.types import TextInput


def explain(batch: Batch, relevances_from: Predictor | None = None) -> list[Attribution]:
    """The terms of the sum towards the explained class.

    Parameters
    ----------
    batch : Batch
        Of a SENN predictor.
    relevances_from : Predictor, optional
        Take theta from this SENN instead: the placebo with random relevances on the real concepts.

    Returns
    -------
    list of Attribution
        Tabular and text: terms, in logits. Images: relevances, with the concepts' values as `activations`.
        Diagnostics: `terms_sum`, what the terms add up to, in logits.

    Raises
    ------
    ParameterError
        When the predictor is of another architecture.
    """
    if batch.predictor.architecture != "senn":
        raise ParameterError(
            f"explainer: senn explains predictors of architecture senn, {batch.predictor.name} is of architecture "
            f"{batch.predictor.architecture}; choose another method or predictor"
        )
    found: dict[int, Attribution] = {}
    thetas = relevances_from or batch.predictor
    for group in encode(batch.predictor, batch.inputs):
        concepts = _array(mapped(group.rows, batch.predictor.concepts))
        relevances = _array(mapped(group.rows, thetas.relevances))
        for place, h, theta in zip(group.places, concepts, relevances, strict=True):
            found[place] = _attribution(batch, place, h, theta[:, batch.classes[place]])
    return [found[place] for place in range(len(batch.requests))]


def _array(values: Tensor) -> FloatArray:
    return values.cpu().numpy().astype(np.float64)


def _attribution(batch: Batch, place: int, h: FloatArray, theta: FloatArray) -> Attribution:
    item, terms = batch.requests[place].input, h * theta
    diagnostics = {"terms_sum": float(terms.sum())}
    if item.modality == "image":
        return Attribution(theta, diagnostics, activations=h)
    if isinstance(item, TextInput):
        return Attribution(terms[: len(item.tokens)], diagnostics)
    weights = np.array([terms[group].sum() for group in as_tabular(batch.predictor).groups])
    return Attribution(weights, diagnostics)

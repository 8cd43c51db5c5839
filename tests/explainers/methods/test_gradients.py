"""Saliency, gradient × input and integrated gradients against captum 0.9.0 and against what theory says."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from captum.attr import InputXGradient, IntegratedGradients, Saliency
from torch import Tensor

from explainers.methods import gradient_x_input, integrated_gradients, saliency
from explainers.methods.base import Batch
from explainers.methods.blocks import own_classes
from explainers.predictors.text import TextPredictor
from explainers.types import ImageInput, Input, TextInput
from tests.contracts.tiny import PREDICTORS, STEEP, VARIABLES, Case, assert_captums

every_case = pytest.mark.parametrize("name", PREDICTORS)


def batch(case: Case, n_steps: int = 20) -> Batch:
    return Batch(case.predictor, case.requests, own_classes(case.predictor, case.inputs), {"n_steps": n_steps}, 128)


def point_and_score(case: Case, item: Input, class_index: int) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Where the item is differentiated, and half the log-odds of the class, straight from the softmax."""
    model, encoded = case.predictor, case.predictor.encode([item])

    def score(values: Tensor) -> Tensor:
        if isinstance(model, TextPredictor):
            logits = model.logits_from_embeddings(values, encoded.expand(len(values), -1))
        else:
            logits = model.logits(values)
        p = logits.double().softmax(1)
        return 0.5 * (p[:, class_index].log() - p[:, 1 - class_index].log())

    return (model.embed(encoded) if isinstance(model, TextPredictor) else encoded).detach(), score


def summed(item: Input, values: Tensor, *, largest_channel: bool = False) -> np.ndarray:
    """Over a variable's columns, a token's embedding, a pixel's channels; slices counted here once more."""
    array = values.detach()[0].numpy()
    if isinstance(item, TextInput):
        return array.sum(-1)
    if isinstance(item, ImageInput):
        return (array.max(0) if largest_channel else array.sum(0)).ravel()
    ends = np.cumsum([len(variable.categories) for variable in VARIABLES])
    return np.array([part.sum() for part in np.split(array, ends[:-1])])


@every_case
def test_saliency_is_captums(name: str, cases: Mapping[str, Case]) -> None:
    case, own = cases[name], batch(cases[name])
    for item, class_index, ours in zip(case.inputs, own.classes, saliency.explain(own), strict=True):
        point, score = point_and_score(case, item, class_index)
        theirs = Saliency(score).attribute(point.requires_grad_())

        assert_captums(ours.weights, summed(item, theirs, largest_channel=True), name)


@every_case
def test_gradient_x_input_is_captums(name: str, cases: Mapping[str, Case]) -> None:
    case, own = cases[name], batch(cases[name])
    for item, class_index, ours in zip(case.inputs, own.classes, gradient_x_input.explain(own), strict=True):
        point, score = point_and_score(case, item, class_index)
        theirs = InputXGradient(score).attribute(point.requires_grad_())

        assert_captums(ours.weights, summed(item, theirs), name)


@every_case
def test_integrated_gradients_are_captums(name: str, cases: Mapping[str, Case]) -> None:
    case, own = cases[name], batch(cases[name])
    shares = torch.tensor([[share for variable in VARIABLES for share in variable.frequencies]])
    for item, class_index, ours in zip(case.inputs, own.classes, integrated_gradients.explain(own), strict=True):
        point, score = point_and_score(case, item, class_index)
        baseline = shares if case.modality == "tabular" else torch.zeros_like(point)
        theirs = IntegratedGradients(score).attribute(point, baseline, n_steps=20, method="riemann_middle")

        assert_captums(ours.weights, summed(item, theirs), name)


@every_case
def test_integrated_gradients_sum_to_the_difference_of_the_scores(name: str, cases: Mapping[str, Case]) -> None:
    """Sundararajan et al. 2017, proposition 1; the gap closes with the number of steps, slowly where a net is steep."""
    coarse, fine = (integrated_gradients.explain(batch(cases[name], n_steps)) for n_steps in (5, 300))

    for attribution in fine:
        facts = attribution.diagnostics
        gap = abs(attribution.weights.sum() - (facts["score"] - facts["baseline_score"]))
        assert gap == pytest.approx(facts["completeness_gap"], abs=1e-4)
        assert gap < 1e-3 or name in STEEP
    gaps = [np.mean([a.diagnostics["completeness_gap"] for a in found]) for found in (coarse, fine)]
    assert gaps[1] < gaps[0]


@every_case
def test_saliency_is_the_slope_of_a_small_step(name: str, cases: Mapping[str, Case]) -> None:
    """Central differences in float64: a closed check that does not use automatic differentiation."""
    case, own = cases[name], batch(cases[name])
    point, score = point_and_score(case, case.inputs[2], own.classes[2])
    module = case.predictor.module
    try:
        module.double()
        flat = point.double().flatten()
        steps = torch.eye(len(flat), dtype=torch.float64)[:60] * 1e-5
        shape = (-1, *point.shape[1:])
        slopes = (score((flat + steps).reshape(shape)) - score((flat - steps).reshape(shape))) / 2e-5
    finally:
        module.float()
    (gradient,) = torch.autograd.grad(score(point.requires_grad_()).sum(), point)

    np.testing.assert_allclose(gradient.flatten()[:60].numpy(), slopes.numpy(), rtol=1e-3, atol=1e-5)

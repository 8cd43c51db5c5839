"""SENN's own explanation: the terms it adds up, all of them and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from explainers.errors import ParameterError
from explainers.explain import explain
from explainers.methods import senn
from explainers.methods.base import Batch
from explainers.methods.blocks import own_classes
from explainers.types import Concepts, ExplainerSpec
from tests.contracts.tiny import PREDICTORS, Case

every_senn = pytest.mark.parametrize("name", [name for name in PREDICTORS if name.partition("-")[2] == "senn"])


def batch(case: Case) -> Batch:
    return Batch(case.predictor, case.requests, own_classes(case.predictor, case.inputs), {}, 64)


@every_senn
def test_terms_and_constant_add_up_to_half_the_log_odds(name: str, cases: Mapping[str, Case]) -> None:
    case, own = cases[name], batch(cases[name])
    with torch.inference_mode():
        # one by one: a text alone has no padding
        p = torch.cat([case.predictor.logits(case.predictor.encode([item])) for item in case.inputs])
    p = p.double().softmax(1).numpy()
    bias = case.predictor.senn.bias.double().numpy()

    for place, (class_index, attribution) in enumerate(zip(own.classes, senn.explain(own), strict=True)):
        activations = attribution.activations
        terms = attribution.weights if activations is None else attribution.weights * activations
        half_log_odds = 0.5 * np.log(p[place, class_index] / p[place, 1 - class_index])

        assert terms.sum() + bias[class_index] - bias.mean() == pytest.approx(half_log_odds, abs=1e-5)
        assert attribution.diagnostics["terms_sum"] == pytest.approx(terms.sum(), abs=1e-9)


def test_concepts_carry_values_relevances_and_prototypes(cases: Mapping[str, Case]) -> None:
    case = cases["image-senn"]
    model = case.predictor
    with torch.inference_mode():
        h, theta = model.concepts(model.encode(case.inputs)), model.relevances(model.encode(case.inputs))

    for place, explanation in enumerate(explain(model, ExplainerSpec("senn", {}), case.requests)):
        assert isinstance(explanation.form, Concepts)
        for number, concept in enumerate(explanation.form.concepts):
            assert concept.activation == pytest.approx(float(h[place, number]), abs=1e-6)
            assert concept.relevance == pytest.approx(
                float(theta[place, number, explanation.explained_class]), abs=1e-6
            )
            assert concept.prototypes == model.prototypes[number]


def test_random_relevances_leave_the_real_concepts(cases: Mapping[str, Case]) -> None:
    case = cases["image-senn"]
    real = senn.explain(batch(case))
    random = senn.explain(batch(case), relevances_from=case.predictor.reinitialised(5))

    for own, other in zip(real, random, strict=True):
        assert np.array_equal(own.activations, other.activations)
        assert not np.allclose(own.weights, other.weights)


def test_another_architecture_is_refused(cases: Mapping[str, Case]) -> None:
    with pytest.raises(ParameterError, match="tiny-tabular-mlp is of architecture mlp"):
        senn.explain(batch(cases["tabular-mlp"]))

"""Guided backpropagation against captum 0.9.0, and by hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from captum.attr import GuidedBackprop
from torch import nn

from explainers.errors import ParameterError
from explainers.explain import explain
from explainers.methods import guided_backpropagation
from explainers.methods.base import Batch
from explainers.methods.blocks import own_classes
from explainers.predictors.base import Predictor
from explainers.predictors.image import ImagePredictor
from explainers.types import ExplainerSpec
from tests.contracts.tiny import SHAPE, VARIABLES, Case


def with_relu(model: Predictor) -> Predictor:
    """The same net with ReLU for SiLU, which captum's hooks know."""
    from explainers.methods.layers import rectifiers, with_layers

    return with_layers(model, rectifiers(model.module), lambda layer: nn.ReLU())


def batch(case: Case, model: Predictor) -> Batch:
    return Batch(model, case.requests, own_classes(model, case.inputs), {}, 128)


@pytest.mark.filterwarnings("ignore:Setting backward hooks")
@pytest.mark.parametrize("name", ["tabular-mlp", "tabular-senn", "image-cnn", "image-senn"])
def test_weights_are_captums_where_rectifiers_are_relu(name: str, cases: Mapping[str, Case]) -> None:
    case, model = cases[name], with_relu(cases[name].predictor)
    own = batch(case, model)

    class Score(nn.Module):
        """The centred logits."""

        def __init__(self) -> None:
            super().__init__()
            self.net = model.module

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.net(rows)
            return logits - logits.mean(1, keepdim=True)

    theirs = GuidedBackprop(Score()).attribute(model.encode(case.inputs).requires_grad_(), torch.tensor(own.classes))
    sizes = theirs.detach().abs().numpy()
    if case.modality == "tabular":
        ends = np.cumsum([len(variable.categories) for variable in VARIABLES])
        expected = np.stack([part.sum(axis=1) for part in np.split(sizes, ends[:-1], axis=1)], axis=1)
    else:
        expected = sizes.max(axis=1).reshape(7, -1)

    ours = np.stack([found.weights for found in guided_backpropagation.explain(own)])
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_smooth_rectifiers_keep_their_slope_where_input_and_gradient_are_positive() -> None:
    """One layer by hand: w2 * silu'(w1 x) * w1, kept where w1 x and the gradient from above are above 0."""
    layer = guided_backpropagation.Guided(nn.SiLU())
    values = torch.tensor([-2.0, -0.5, 0.5, 2.0], requires_grad=True)
    above = torch.tensor([1.0, 1.0, -1.0, 3.0])
    (layer(values) * above).sum().backward()

    slope = torch.sigmoid(torch.tensor(2.0)) * (1 + 2.0 * (1 - torch.sigmoid(torch.tensor(2.0))))
    torch.testing.assert_close(values.grad, torch.tensor([0.0, 0.0, 0.0, 3.0 * slope]))


def test_the_predictor_is_left_as_it_was(cases: Mapping[str, Case]) -> None:
    case = cases["image-cnn"]
    before = [type(layer) for layer in case.predictor.module.modules()]
    explain(case.predictor, ExplainerSpec("guided_backpropagation", {}), case.requests)

    assert [type(layer) for layer in case.predictor.module.modules()] == before


def test_a_predictor_without_rectifiers_is_refused(cases: Mapping[str, Case]) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(784, 2))
    model = ImagePredictor(name="flat", architecture="cnn", classes=("no", "yes"), module=module, shape=SHAPE)

    with pytest.raises(ParameterError, match=r"guided_backpropagation needs rectifying layers .* flat has none"):
        explain(model, ExplainerSpec("guided_backpropagation", {}), cases["image-cnn"].requests)

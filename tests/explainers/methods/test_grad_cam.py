"""Grad-CAM against captum 0.9.0, and on a net whose maps are known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from captum.attr import LayerAttribution, LayerGradCam
from torch import nn

from explainers.errors import ParameterError
from explainers.explain import explain
from explainers.methods import grad_cam
from explainers.methods.base import Batch
from explainers.methods.blocks import own_classes
from explainers.methods.grad_cam import last_maps
from explainers.predictors.image import ImagePredictor
from explainers.types import ExplainerSpec, ImageInput, ItemRequest
from tests.contracts.tiny import SHAPE, Case


def test_maps_are_captums(cases: Mapping[str, Case]) -> None:
    case = cases["image-cnn"]
    own = Batch(case.predictor, case.requests, own_classes(case.predictor, case.inputs), {}, 128)

    def score(rows: torch.Tensor) -> torch.Tensor:
        logits = case.predictor.logits(rows)
        return logits - logits.mean(1, keepdim=True)

    layer = case.predictor.module.get_submodule(last_maps(case.predictor))
    captum = LayerGradCam(score, layer)
    theirs = captum.attribute(
        case.predictor.encode(case.inputs).requires_grad_(), torch.tensor(own.classes), relu_attributions=True
    )
    expected = LayerAttribution.interpolate(theirs, SHAPE[1:], "bilinear").detach().numpy().reshape(7, -1)

    ours = np.stack([found.weights for found in grad_cam.explain(own)])
    assert (ours > 0).any()
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def test_the_last_convolution_is_taken_behind_its_rectifier(cases: Mapping[str, Case]) -> None:
    def named(*layers: nn.Module) -> str:
        module = nn.Sequential(*layers)
        return last_maps(ImagePredictor(name="", architecture="cnn", classes=(), module=module, shape=SHAPE))

    assert last_maps(cases["image-cnn"].predictor) == "layers.4"
    assert named(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3), nn.MaxPool2d(2)) == "2"
    assert named(nn.Conv2d(1, 2, 3), nn.GELU(), nn.Flatten(), nn.Linear(8, 2), nn.ReLU()) == "1"
    assert named(nn.ReLU(), nn.Conv2d(1, 2, 3)) == "1"


class Bars(nn.Module):
    """Two maps, of upright and of lying edges; each class counts one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.edges = nn.Conv2d(1, 2, 3, padding=1, bias=False)
        self.rectifier = nn.ReLU()
        with torch.no_grad():
            upright = torch.tensor([[-1.0, 2.0, -1.0]] * 3)
            self.edges.weight.copy_(torch.stack([upright, upright.T])[:, None])

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.rectifier(self.edges(rows)).mean((2, 3))
        return out


def bars() -> tuple[ImagePredictor, ItemRequest, np.ndarray]:
    """A picture of an upright bar on the left, longer, and a lying one on the right; and its two maps."""
    picture = np.zeros((16, 16), np.uint8)
    picture[2:14, 3] = 255
    picture[9, 9:14] = 255
    module = Bars()
    model = ImagePredictor(
        name="bars", architecture="cnn", classes=("upright", "lying"), module=module, shape=(1, 16, 16)
    )
    rows = torch.from_numpy(picture / 255).float()[None, None]
    return (
        model,
        ItemRequest(ImageInput(16, 16, 1, picture.tobytes()), 0),
        module.rectifier(module.edges(rows))[0].detach().numpy(),
    )


@pytest.mark.parametrize(("class_index", "columns"), [(0, slice(2, 5)), (1, slice(8, 15))])
def test_a_planted_cue_is_found_for_each_class(class_index: int, columns: slice) -> None:
    """By hand: the score is half the difference of the maps' means, so the sum is their difference over 2 x 256."""
    model, request, maps = bars()
    found = grad_cam.explain(Batch(model, (request,), (class_index,), {}, 64))[0]
    difference = (maps[class_index] - maps[1 - class_index]) / (2 * 256)

    np.testing.assert_allclose(found.weights, np.maximum(difference, 0).ravel(), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(found.order, difference.ravel(), rtol=1e-5, atol=1e-9)
    row, column = divmod(int(found.weights.argmax()), 16)
    assert columns.start <= column < columns.stop
    assert request.input.pixels[16 * row + column] == 255


def test_a_placebo_of_a_smooth_map_is_smooth(cases: Mapping[str, Case]) -> None:
    """Where both maps are cut off at 0 the sizes follow what is below 0, so they are not scattered."""
    case = cases["image-cnn"]
    spec = ExplainerSpec("placebo_random_weights", {"method": "grad_cam"})
    roughness = {}
    for name, explanations in (
        ("real", explain(case.predictor, ExplainerSpec("grad_cam", {}), case.requests)),
        ("placebo", explain(case.predictor, spec, case.requests)),
    ):
        maps = np.array([explanation.form.values for explanation in explanations]).reshape(7, 28, 28)
        maps = maps[maps.max((1, 2)) > 0]
        steps = np.abs(np.diff(maps, axis=1)).mean((1, 2)) / maps.max((1, 2))
        roughness[name] = float(steps.mean())

    assert roughness["placebo"] < 2 * roughness["real"]


def test_predictors_without_convolutions_are_refused(cases: Mapping[str, Case]) -> None:
    spec = ExplainerSpec("grad_cam", {})
    module = nn.Sequential(nn.Flatten(), nn.Linear(784, 2))
    flat = ImagePredictor(name="flat", architecture="cnn", classes=("no", "yes"), module=module, shape=SHAPE)

    with pytest.raises(ParameterError, match="grad_cam needs a predictor of architecture cnn"):
        explain(cases["image-senn"].predictor, spec, cases["image-senn"].requests)
    with pytest.raises(ParameterError, match="grad_cam needs a convolution over pictures, flat has none"):
        explain(flat, spec, cases["image-cnn"].requests)
    with pytest.raises(ParameterError, match="grad_cam serves image, not text"):
        explain(cases["text-gru"].predictor, spec, cases["text-gru"].requests)

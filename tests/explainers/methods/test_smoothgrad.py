"""SmoothGrad against captum 0.9.0 on the same noise, and what its parameters do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from captum.attr import NoiseTunnel, Saliency
from torch import Tensor

from explainers.methods import saliency, smoothgrad
from explainers.methods.base import Batch
from explainers.methods.blocks import own_classes
from explainers.methods.gradients import points
from explainers.predictors.text import TextPredictor
from explainers.types import ImageInput, Input, TextInput
from tests.contracts.tiny import PREDICTORS, VARIABLES, Case, assert_captums

every_case = pytest.mark.parametrize("name", PREDICTORS)


def batch(case: Case, n_copies: int = 20, noise: float = 0.15) -> Batch:
    params = {"n_copies": n_copies, "noise": noise}
    return Batch(case.predictor, case.requests, own_classes(case.predictor, case.inputs), params, 128)


def point_and_score(case: Case, item: Input, class_index: int) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Where the item is differentiated, and half the log-odds of the class."""
    model, encoded = case.predictor, case.predictor.encode([item])

    def score(values: Tensor) -> Tensor:
        if isinstance(model, TextPredictor):
            logits = model.logits_from_embeddings(values, encoded.expand(len(values), -1))
        else:
            logits = model.logits(values)
        return (logits[:, class_index] - logits[:, 1 - class_index]) / 2

    return (model.embed(encoded) if isinstance(model, TextPredictor) else encoded).detach(), score


def pooled(item: Input, values: Tensor) -> np.ndarray:
    array = values.detach()[0].abs().numpy()
    if isinstance(item, TextInput):
        return array.sum(-1)
    if isinstance(item, ImageInput):
        return array.max(0).ravel()
    ends = np.cumsum([len(variable.categories) for variable in VARIABLES])
    return np.array([part.sum() for part in np.split(array, ends[:-1])])


@every_case
def test_weights_are_captums_on_the_same_noise(
    name: str, cases: Mapping[str, Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    """captum draws its own noise, so it is handed ours; it averages signed gradients as we do."""
    case, own = cases[name], batch(cases[name])
    groups = {place: group.values[k] for group in points(own) for k, place in enumerate(group.places)}
    for place, ours in enumerate(smoothgrad.explain(own)):
        item = case.inputs[place]
        point, score = point_and_score(case, item, own.classes[place])
        copies, _ = smoothgrad.noisy_copies(own, place, groups[place])
        copies = copies[:, : point.shape[1]]  # without padding
        monkeypatch.setattr(torch, "normal", lambda mean, std, copies=copies, point=point: copies - point)
        theirs = NoiseTunnel(Saliency(score)).attribute(
            point.requires_grad_(), nt_type="smoothgrad", nt_samples=20, stdevs=1.0, abs=False
        )

        assert_captums(ours.weights, pooled(item, theirs), name)


@every_case
def test_noise_has_the_size_it_says_and_leaves_padding_alone(name: str, cases: Mapping[str, Case]) -> None:
    own = batch(cases[name], n_copies=500, noise=0.2)
    for group in points(own):
        for place, values in zip(group.places, group.values, strict=True):
            item = own.requests[place].input
            n_true = len(item.tokens) if isinstance(item, TextInput) else len(values)
            copies, noise_sd = smoothgrad.noisy_copies(own, place, values)
            added = copies - values

            assert noise_sd == pytest.approx(0.2 * float(values[:n_true].max() - values[:n_true].min()))
            assert (added[:, n_true:] == 0).all()
            n_numbers = added[:, :n_true].numel()
            assert float(added[:, :n_true].std()) == pytest.approx(noise_sd, rel=4 / np.sqrt(n_numbers))
            assert float(added[:, :n_true].mean()) == pytest.approx(0, abs=4 * noise_sd / np.sqrt(n_numbers))


@every_case
def test_without_noise_to_speak_of_it_is_saliency(name: str, cases: Mapping[str, Case]) -> None:
    own = batch(cases[name], noise=1e-5)

    for smooth, plain in zip(smoothgrad.explain(own), saliency.explain(own), strict=True):
        np.testing.assert_allclose(smooth.weights, plain.weights, rtol=1e-2, atol=1e-4)


def test_a_picture_of_one_grey_gets_plain_saliency(cases: Mapping[str, Case]) -> None:
    """Its range is 0, so there is no noise."""
    case = cases["image-cnn"]
    flat = ImageInput(28, 28, 1, bytes([80]) * 784)
    own = Batch(case.predictor, (type(case.requests[0])(flat, 1),), (0,), {"n_copies": 6, "noise": 0.2}, 64)

    np.testing.assert_allclose(
        smoothgrad.explain(own)[0].weights, saliency.explain(own)[0].weights, rtol=1e-5, atol=1e-7
    )


def test_only_what_the_predictor_reads_has_weight(cases: Mapping[str, Case]) -> None:
    """A net whose first layer reads 16 planted pixels: the rest has exactly 0."""
    case = cases["image-cnn"]
    read = np.zeros((28, 28), dtype=bool)
    read[4:8, 12:16] = True
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 6), torch.nn.SiLU(), torch.nn.Linear(6, 2))
    with torch.no_grad():
        model[1].weight *= torch.from_numpy(read.ravel())
    planted = type(case.predictor)(
        name="planted", architecture="cnn", classes=("no", "yes"), module=model, shape=(1, 28, 28)
    )
    own = Batch(planted, case.requests, (0,) * 7, {"n_copies": 10, "noise": 0.15}, 64)

    for found in smoothgrad.explain(own):
        assert ((found.weights > 0) == read.ravel()).all()

"""Occlusion against captum 0.9.0 and against covering by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from captum.attr import FeatureAblation, Occlusion
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from explainers.explain import explain
from explainers.methods import occlusion
from explainers.methods.base import Batch
from explainers.methods.blocks import LENGTH_STEP, own_classes
from explainers.methods.masking import cells_of_pixels
from explainers.types import ExplainerSpec, ImageInput, TextInput
from tests.contracts.tiny import PREDICTORS, VARIABLES, Case
from tests.explainers.methods.conftest import Cue

DEFAULTS = {"patch_px": 8, "overlap": 2, "n_words": 1}
AVERAGE = torch.tensor([[share for variable in VARIABLES for share in variable.frequencies]])
COLUMNS = torch.tensor([[place for place, variable in enumerate(VARIABLES) for _ in variable.categories]])


def batch(case: Case, **params: int) -> Batch:
    return Batch(case.predictor, case.requests, own_classes(case.predictor, case.inputs), {**DEFAULTS, **params}, 128)


def probability(case: Case, class_index: int) -> Callable[[Tensor], Tensor]:
    return lambda rows: case.predictor.logits(rows).double().softmax(1)[:, class_index]


def padded(answer: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """As in our blocks: what a text without any word is answered depends on the room that is left for it."""
    return lambda rows: answer(functional.pad(rows, (0, -rows.shape[1] % LENGTH_STEP)))


@pytest.mark.parametrize(("patch_px", "overlap"), [(8, 2), (7, 1), (10, 3), (9, 8), (28, 1), (40, 2)])
@pytest.mark.parametrize("name", ["image-cnn", "image-senn"])
def test_pictures_are_captums(name: str, patch_px: int, overlap: int, cases: Mapping[str, Case]) -> None:
    """Also where patches do not fit the picture, or their steps do not fit the patch."""
    case, own = cases[name], batch(cases[name], patch_px=patch_px, overlap=overlap)
    side, stride = min(patch_px, 28), max(1, patch_px // overlap)
    for item, class_index, ours in zip(case.inputs[:2], own.classes, occlusion.explain(own), strict=False):
        theirs = Occlusion(probability(case, class_index)).attribute(
            case.predictor.encode([item]), (1, side, side), strides=(1, stride, stride), perturbations_per_eval=50
        )

        assert ours.unit_of_pixel is not None
        np.testing.assert_allclose(ours.weights[ours.unit_of_pixel], theirs.numpy().ravel(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("n_words", [1, 3])
@pytest.mark.parametrize("name", ["text-gru", "text-transformer", "text-senn"])
def test_texts_are_captums(name: str, n_words: int, cases: Mapping[str, Case]) -> None:
    case, own = cases[name], batch(cases[name], n_words=n_words)
    for item, class_index, ours in zip(case.inputs, own.classes, occlusion.explain(own), strict=True):
        assert isinstance(item, TextInput)
        theirs = Occlusion(padded(probability(case, class_index))).attribute(
            case.predictor.encode([item]), (min(n_words, len(item.tokens)),), baselines=0, perturbations_per_eval=32
        )

        np.testing.assert_allclose(ours.weights, theirs.numpy()[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["tabular-mlp", "tabular-senn"])
def test_tables_are_captums(name: str, cases: Mapping[str, Case]) -> None:
    case, own = cases[name], batch(cases[name])
    for item, class_index, ours in zip(case.inputs, own.classes, occlusion.explain(own), strict=True):
        theirs = FeatureAblation(probability(case, class_index)).attribute(
            case.predictor.encode([item]), baselines=AVERAGE, feature_mask=COLUMNS
        )
        firsts = [int((COLUMNS[0] == unit).nonzero()[0]) for unit in range(len(VARIABLES))]

        np.testing.assert_allclose(ours.weights, theirs.numpy()[0][firsts], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", PREDICTORS)
def test_blocks_of_several_items_give_the_answers_of_one(name: str, cases: Mapping[str, Case]) -> None:
    own = batch(cases[name])
    found = occlusion.baseline_masking(own, occlusion.patch_cut(8, 2))
    rng = np.random.default_rng(0)
    masks = [
        rng.random((n_masks, found.n_units(place))) < 0.5 for place, n_masks in enumerate((1, 200, 3, 64, 128, 2, 300))
    ]

    for place, answers in enumerate(found.predict_all(masks)):
        np.testing.assert_allclose(answers, found.predict(place, masks[place]), rtol=0, atol=1e-6)
        answers_alone = occlusion.baseline_masking(
            Batch(own.predictor, own.requests[place : place + 1], own.classes[place : place + 1], own.params, 128),
            occlusion.patch_cut(8, 2),
        ).predict_all(masks[place : place + 1])[0]
        assert np.array_equal(answers, answers_alone)


def test_a_variable_of_one_value_has_no_weight(cases: Mapping[str, Case]) -> None:
    place = [variable.name for variable in VARIABLES].index("Country")

    assert [found.weights[place] for found in occlusion.explain(batch(cases["tabular-mlp"]))] == [0.0] * 7


@given(n_places=st.integers(1, 60), length=st.integers(1, 70), stride=st.integers(1, 20))
def test_windows_cover_every_place_when_steps_are_not_longer(n_places: int, length: int, stride: int) -> None:
    stride = min(stride, length)
    found = occlusion.windows(n_places, length, stride)

    assert found.any(axis=0).all()
    assert found.any(axis=1).all()
    assert (found[:-1].sum(axis=1) == min(length, n_places)).all()
    assert found[:, 0].sum() == 1


@given(height=st.integers(1, 40), width=st.integers(1, 40), patch_px=st.integers(1, 50), overlap=st.integers(1, 8))
def test_pixels_of_a_cell_lie_under_the_same_patches(height: int, width: int, patch_px: int, overlap: int) -> None:
    cells = cells_of_pixels(*occlusion.patch_cut(patch_px, overlap)(height, width))
    item = ImageInput(height, width, 1, bytes(height * width))
    by_cell = occlusion._patches(item, patch_px, overlap, 1)
    stride = max(1, patch_px // overlap)
    tops, lefts = (range(0, max(n - patch_px, 0) + stride, stride) for n in (height, width))
    rows, columns = np.divmod(np.arange(height * width), width)

    expected = [
        (rows >= top) & (rows < top + patch_px) & (columns >= left) & (columns < left + patch_px)
        for top in tops
        for left in lefts
        if (top < height and left < width)
    ]
    assert np.array_equal(by_cell[:, cells], np.array(expected))


def test_a_planted_cue_is_found(cue: Cue) -> None:
    found = explain(cue.predictor, ExplainerSpec("occlusion", {"patch_px": 4}), cue.requests)
    placebo = explain(
        cue.predictor,
        ExplainerSpec("placebo_random_weights", {"method": "occlusion", "patch_px": 4}),
        cue.requests,
    )

    assert cue.hits([np.array(explanation.form.values) for explanation in found]) >= 0.7
    assert cue.hits([np.array(explanation.form.values) for explanation in placebo]) <= 0.5

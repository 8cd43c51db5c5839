"""Picture and caption: falls of the similarity by hand, and the planted cue."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from explainers.errors import InputError, ParameterError
from explainers.explain import explain
from explainers.methods import similarity_saliency
from explainers.methods.base import Batch
from explainers.predictors.base import Predictor
from explainers.types import CaptionMatch, ExplainerSpec, ImageInput, ItemRequest, Modality, form_from_json
from tests.contracts.tiny import Case
from tests.explainers.tiny import tiny

Trained = Mapping[tuple[Modality, str], Predictor]
SPEC = ExplainerSpec("similarity_saliency", {"cells": 3})  # of 4 x 4 pixels, as the network sees


@pytest.fixture(scope="module")
def model(predictors: Trained) -> Predictor:
    return predictors["image", "two-tower"]


@pytest.fixture(scope="module")
def requests() -> list[ItemRequest]:
    held_out = tiny("image", "two-tower").splits.test[:30]
    return [ItemRequest(item.input, seed=place) for place, item in enumerate(held_out)]


def similarity(model: Predictor, item: ImageInput, words: tuple[str, ...]) -> float:
    net = model.module
    ids = torch.tensor([[net.vocabulary.index(word) for word in words]])
    text = net.of_captions(ids, torch.ones_like(ids))
    return float(net.of_pictures(model.encode([item])) @ text.T)


def test_weights_are_what_the_similarity_loses(model: Predictor, requests: list[ItemRequest]) -> None:
    for request, found in zip(requests[:8], explain(model, SPEC, requests[:8]), strict=True):
        item, form = request.input, found.form
        assert isinstance(form, CaptionMatch)
        words = form.caption.tokens
        whole = similarity(model, item, words)
        assert found.diagnostics["similarity"] == pytest.approx(whole, abs=1e-5)
        for place, weight in enumerate(form.caption.weights):
            without = similarity(model, item, words[:place] + words[place + 1 :])
            assert weight == pytest.approx(whole - without, abs=1e-5)
        picture = np.frombuffer(item.pixels, np.uint8).reshape(12, 12)
        weights = np.array(form.picture.values).reshape(12, 12)
        for row, column in ((0, 0), (4, 8), (8, 4)):
            covered = picture.copy()
            covered[row : row + 4, column : column + 4] = 0
            without = similarity(model, ImageInput(12, 12, 1, covered.tobytes()), words)
            assert weights[row : row + 4, column : column + 4] == pytest.approx(whole - without, abs=1e-5)


def test_the_caption_is_the_most_alike_of_the_explained_class(model: Predictor, requests: list[ItemRequest]) -> None:
    net = model.module
    for request, found in zip(requests, explain(model, SPEC, requests), strict=True):
        scores = net.similarities(model.encode([request.input]))[0, found.explained_class]
        best = net.captions[found.explained_class, int(scores.argmax())].tolist()
        assert found.form.caption.tokens == tuple(net.vocabulary[index] for index in best)


def test_it_finds_the_planted_bar_and_the_word_that_names_the_class(
    model: Predictor, requests: list[ItemRequest]
) -> None:
    bar, words = [], []
    for request, found in zip(requests, explain(model, SPEC, requests), strict=True):
        bright = np.frombuffer(request.input.pixels, np.uint8) > 200
        values = np.array(found.form.picture.values)
        bar.append(bright[values == values.max()].any())
        words.append(found.form.caption.weights)

    assert np.mean(bar) > 0.8
    of_a, of_name, of_drawn, _ = np.mean(words, axis=0)  # "a" and "drawn" stand in every caption
    assert of_name > 0.05 + max(of_a, of_drawn)


def test_a_placebo_keeps_the_sizes_of_cells_and_of_words_apart(model: Predictor, requests: list[ItemRequest]) -> None:
    placebo = ExplainerSpec("placebo_random_weights", {"method": "similarity_saliency", "cells": 3})
    for real, other in zip(explain(model, SPEC, requests), explain(model, placebo, requests), strict=True):
        for one, two in (
            (real.form.picture.values, other.form.picture.values),
            (real.form.caption.weights, other.form.caption.weights),
        ):
            assert np.array_equal(np.sort(np.abs(one)), np.sort(np.abs(two)))
        assert real.form.caption.tokens == other.form.caption.tokens


def test_a_form_of_other_parts_is_refused() -> None:
    heatmap = {"form": "heatmap", "height": 1, "width": 1, "values": [0.0]}

    with pytest.raises(InputError, match="caption_match: a heatmap as picture and token_weights as caption"):
        form_from_json({"form": "caption_match", "picture": heatmap, "caption": heatmap})


def test_another_architecture_is_refused(cases: Mapping[str, Case]) -> None:
    case = cases["image-cnn"]

    with pytest.raises(ParameterError, match="tiny-image-cnn is of architecture cnn"):
        similarity_saliency.explain(Batch(case.predictor, case.requests, (0,) * 7, {"cells": 3}, 4096))

"""Prototypes: by the definition, on the network's own codes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from explainers.errors import ParameterError
from explainers.explain import explain
from explainers.methods import prototypes
from explainers.methods.base import Batch
from explainers.methods.prototypes import similarities
from explainers.predictors.base import Predictor
from explainers.predictors.nets.prototype import PrototypeNet
from explainers.types import ExplainerSpec, Explanation, ItemRequest, Modality, Prototypes
from tests.contracts.tiny import Case
from tests.explainers.tiny import tiny

N_SHOWN = 3
Trained = Mapping[tuple[Modality, str], Predictor]


@pytest.fixture(scope="module")
def model(predictors: Trained) -> Predictor:
    return predictors["image", "prototype"]


@pytest.fixture(scope="module")
def requests() -> list[ItemRequest]:
    held_out = tiny("image", "prototype").splits.test[:30]
    return [ItemRequest(item.input, seed=place) for place, item in enumerate(held_out)]


def explained(model: Predictor, requests: list[ItemRequest], **params: str | int) -> list[Explanation]:
    return explain(model, ExplainerSpec("prototypes", {"n_prototypes": N_SHOWN, **params}), requests)


def shown(explanation: Explanation) -> Prototypes:
    assert isinstance(explanation.form, Prototypes)
    return explanation.form


def net_of(model: Predictor) -> PrototypeNet:
    assert isinstance(model.module, PrototypeNet)
    return model.module


def test_the_nearest_prototypes_are_shown_with_their_similarity(model: Predictor, requests: list[ItemRequest]) -> None:
    net = net_of(model)
    vectors = net.prototypes.vectors
    for request, explanation in zip(requests, explained(model, requests), strict=True):
        code = net.encoder(model.encode([request.input]))[0]
        distances = [((code - vector) ** 2).mean().sqrt().item() for vector in vectors]
        order = np.argsort(distances)[:N_SHOWN]

        form = shown(explanation)

        assert [one.pictures for one in form.prototypes] == [(model.prototypes[index][0],) for index in order]
        assert [one.similarity for one in form.prototypes] == pytest.approx([1 - distances[i] for i in order], abs=1e-4)
        assert not any(one.is_uncertain for one in form.prototypes)


def test_a_prototype_has_the_class_that_the_network_gives_its_code(
    model: Predictor, requests: list[ItemRequest]
) -> None:
    net = net_of(model)
    classes = net.of_codes(net.prototypes.vectors).argmax(1).tolist()
    by_picture = {row[0]: found for row, found in zip(model.prototypes, classes, strict=True)}

    for explanation in explained(model, requests):
        for one in shown(explanation).prototypes:
            assert one.class_index == by_picture[one.pictures[0]]
        same = [one.class_index == explanation.explained_class for one in shown(explanation).prototypes]
        assert explanation.diagnostics["same_output"] == pytest.approx(np.mean(same))


def test_a_prototype_may_be_shown_as_the_training_picture_that_comes_nearest(
    model: Predictor, requests: list[ItemRequest]
) -> None:
    net, pictures = net_of(model), [item.input for item in tiny("image", "prototype").splits.train]
    nearest = net.prototypes(net.encoder(model.encode(pictures))).argmin(0).tolist()

    decoded, training = explained(model, requests[:5]), explained(model, requests[:5], shown_as="training")

    assert [row[1] for row in model.prototypes] == [pictures[index] for index in nearest]
    rows = dict(model.prototypes)
    for one, other in zip(decoded, training, strict=True):
        assert [rows[p.pictures[0]] for p in shown(one).prototypes] == [p.pictures[0] for p in shown(other).prototypes]


def test_a_training_picture_that_is_a_prototype_is_wholly_alike(model: Predictor, requests: list[ItemRequest]) -> None:
    net = net_of(model)
    code = net.encoder(model.encode([requests[0].input]))[0]
    before = net.prototypes.vectors.clone()
    try:
        with torch.no_grad():
            net.prototypes.vectors[2] = code
        first = shown(explained(model, requests[:1])[0]).prototypes[0]
    finally:
        with torch.no_grad():
            net.prototypes.vectors.copy_(before)

    assert first.pictures == (model.prototypes[2][0],)
    assert first.similarity == pytest.approx(1, abs=1e-3)


def test_similarity_falls_from_one_for_equal_codes_to_nothing() -> None:
    distances = np.array([0.0, 0.01, 1.0, 4.0, 9.0])

    assert similarities(distances, 4).tolist() == pytest.approx([1, 0.95, 0.5, 0, 0])


def test_more_than_there_are_shows_all(model: Predictor, requests: list[ItemRequest]) -> None:
    assert len(shown(explained(model, requests[:1], n_prototypes=8)[0]).prototypes) == len(model.prototypes)


def test_the_placebo_shows_other_prototypes_of_the_same_classes_and_the_same_similarities(
    model: Predictor, requests: list[ItemRequest]
) -> None:
    spec = ExplainerSpec("placebo_random_weights", {"method": "prototypes", "n_prototypes": N_SHOWN})
    real, placebo = explained(model, requests), explain(model, spec, requests)

    for one, other in zip(real, placebo, strict=True):
        ours, theirs = shown(one).prototypes, shown(other).prototypes
        assert [p.similarity for p in ours] == [p.similarity for p in theirs]
        assert [p.class_index for p in ours] == [p.class_index for p in theirs]
        assert len({p.pictures for p in theirs}) == N_SHOWN
        assert [p.pictures for p in ours] != [p.pictures for p in theirs]


def test_another_architecture_is_refused(cases: Mapping[str, Case]) -> None:
    case = cases["image-cnn"]

    with pytest.raises(ParameterError, match="tiny-image-cnn is of architecture cnn"):
        prototypes.explain(Batch(case.predictor, case.requests, (0,) * 7, {"n_prototypes": 1}, 4096))

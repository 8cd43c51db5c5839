"""Uncertain prototypes: shares, ranges and pictures by the definition, on the network's own draws."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from explainers.errors import ParameterError
from explainers.explain import explain
from explainers.methods import probabilistic_prototypes
from explainers.methods.base import Batch
from explainers.methods.probabilistic_prototypes import entropy_bits
from explainers.predictors.base import Predictor
from explainers.predictors.nets.prob_psenn import ProbPsenn
from explainers.predictors.prototypes import N_DRAWS
from explainers.types import ExplainerSpec, Explanation, ItemRequest, Modality, Prototypes
from tests.contracts.tiny import Case
from tests.explainers.tiny import tiny

Trained = Mapping[tuple[Modality, str], Predictor]


@pytest.fixture(scope="module")
def model(predictors: Trained) -> Predictor:
    return predictors["image", "prob-psenn"]


@pytest.fixture(scope="module")
def requests() -> list[ItemRequest]:
    held_out = tiny("image", "prob-psenn").splits.test[:30]
    return [ItemRequest(item.input, seed=place) for place, item in enumerate(held_out)]


def explained(model: Predictor, requests: list[ItemRequest], n_draws: int = 3) -> list[Explanation]:
    return explain(model, ExplainerSpec("probabilistic_prototypes", {"n_draws": n_draws}), requests)


def shown(explanation: Explanation) -> Prototypes:
    assert isinstance(explanation.form, Prototypes)
    return explanation.form


def shares_of(model: Predictor, request: ItemRequest) -> np.ndarray:
    """Each draw's answer by hand: softmax of minus the squared distances."""
    net = model.module
    assert isinstance(net, ProbPsenn)
    code = net.codes(model.encode([request.input]))[0][0].double()
    own = net.prototypes
    found = []
    for noise in own.noise.double():
        draws = own.means.double() + own.log_spreads.double().exp() * noise
        closeness = torch.exp(-((code - draws) ** 2).sum(1))
        found.append((closeness / closeness.sum()).numpy())
    return np.array(found)


def test_similarities_are_the_models_probabilities(model: Predictor, requests: list[ItemRequest]) -> None:
    outputs = model.outputs([request.input for request in requests])

    for output, explanation in zip(outputs, explained(model, requests), strict=True):
        first, *others = shown(explanation).prototypes
        assert (first.class_index, first.similarity) == (
            output.class_index,
            pytest.approx(output.probability, abs=2e-5),
        )
        assert sum(one.similarity for one in (first, *others)) == pytest.approx(1, abs=1e-5)


def test_range_and_pictures_follow_the_draws(model: Predictor, requests: list[ItemRequest]) -> None:
    for request, explanation in zip(requests, explained(model, requests), strict=True):
        shares = shares_of(model, request)
        for one in shown(explanation).prototypes:
            own, pictures = shares[:, one.class_index], model.prototypes[one.class_index]
            low, high = np.quantile(own, [0.05, 0.95])
            assert one.low == pytest.approx(min(low, own.mean()), abs=2e-5)
            assert one.high == pytest.approx(max(high, own.mean()), abs=2e-5)
            at = [own[pictures.index(picture)] for picture in one.pictures]
            assert at == pytest.approx(np.sort(own)[[2, 15, 29]].tolist(), abs=2e-5)


@pytest.mark.parametrize("n_draws", [1, 2, 5])
def test_as_many_draws_are_shown_as_asked_for(model: Predictor, requests: list[ItemRequest], n_draws: int) -> None:
    (found,) = explained(model, requests[:1], n_draws)

    assert [len(one.pictures) for one in shown(found).prototypes] == [n_draws, n_draws]


def test_uncertainty_is_the_mutual_information_of_answer_and_draw(
    model: Predictor, requests: list[ItemRequest]
) -> None:
    for request, explanation in zip(requests, explained(model, requests), strict=True):
        shares = shares_of(model, request).clip(1e-300)
        mean = shares.mean(axis=0)
        by_hand = (shares * np.log2(shares / mean)).sum(axis=1).mean()  # the mean KL divergence of a draw from the mean

        assert explanation.diagnostics["explanation_uncertainty_bits"] == pytest.approx(by_hand, abs=1e-4)
        assert explanation.diagnostics["answer_entropy_bits"] >= explanation.diagnostics["explanation_uncertainty_bits"]


def test_entropy_is_known_for_a_coin_a_die_and_a_certainty() -> None:
    assert [entropy_bits(np.array(shares)) for shares in ([0.5, 0.5], [0.125] * 8, [1.0, 0.0])] == [1, 3, 0]


def test_prototypes_without_spread_leave_no_uncertainty(model: Predictor, requests: list[ItemRequest]) -> None:
    spreads = model.module.prototypes.log_spreads
    before = spreads.clone()
    try:
        with torch.no_grad():
            spreads.fill_(-30.0)
        found = explained(model, requests)
    finally:
        with torch.no_grad():
            spreads.copy_(before)

    for explanation in found:
        assert explanation.diagnostics["explanation_uncertainty_bits"] == pytest.approx(0, abs=1e-5)
        assert all(one.low == pytest.approx(one.high, abs=1e-5) for one in shown(explanation).prototypes)


def test_the_placebo_has_the_likeness_of_a_training_item_with_the_same_output(
    model: Predictor, requests: list[ItemRequest]
) -> None:
    inputs = [item.input for item in tiny("image", "prob-psenn").splits.train]
    known = {
        tuple((one.class_index, one.similarity, one.low, one.high) for one in shown(found).prototypes)
        for found in explained(model, [ItemRequest(item, 0) for item in inputs])
    }
    before = model.background
    try:
        model.learned_from(lambda: inputs)
        spec = ExplainerSpec("placebo_random_weights", {"method": "probabilistic_prototypes"})
        placebo = explain(model, spec, requests)
    finally:
        model.background = before

    for real, other in zip(explained(model, requests), placebo, strict=True):
        numbers = tuple((one.class_index, one.similarity, one.low, one.high) for one in shown(other).prototypes)
        assert numbers in known
        assert numbers[0][0] == real.explained_class
        assert [len(set(one.pictures)) for one in shown(other).prototypes] == [3, 3]
    assert len({found.form for found in placebo}) > 20


def test_every_class_has_a_picture_of_each_draw(model: Predictor) -> None:
    """The bar that stands in one half of a class's pictures is drawn there."""
    assert [len(row) for row in model.prototypes] == [N_DRAWS, N_DRAWS]
    for label, row in enumerate(model.prototypes):
        halves = np.mean([np.frombuffer(p.pixels, np.uint8).reshape(12, 2, 6).mean((0, 2)) for p in row], axis=0)
        assert halves[label] > halves[1 - label] + 10


def test_another_architecture_is_refused(cases: Mapping[str, Case]) -> None:
    case = cases["image-prototype"]

    with pytest.raises(ParameterError, match="tiny-image-prototype is of architecture prototype"):
        probabilistic_prototypes.explain(Batch(case.predictor, case.requests, (0,) * 7, {"n_draws": 1}, 4096))

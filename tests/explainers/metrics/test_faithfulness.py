"""Faithfulness: closed forms on linear predictors, captum 0.9.0, and placebos on a planted cue."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from captum.metrics import infidelity as captum_infidelity
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from explainers.explain import explain
from explainers.methods.base import generator
from explainers.metrics.curves import _masks, area
from explainers.metrics.infidelity import _SETS, infidelity, random_sets
from explainers.types import ExplainerSpec, Heatmap, TextInput, TokenWeights
from tests.contracts.tiny import Case
from tests.explainers.metrics.linear import MODALITIES, items, linear, measured, numbers

every_modality = pytest.mark.parametrize("modality", MODALITIES)
GRID = {"cells": 4}


# --- closed forms ----------------------------------------------------------------------------------------------------


@every_modality
def test_faithfulness_of_gradient_x_input_is_1_on_a_linear_predictor(modality: str) -> None:
    """The weight of a part is exactly what the logit loses without it."""
    found = measured(
        linear(modality), "gradient_x_input", "faithfulness_correlation", items(modality), answer="score", **GRID
    )

    assert numbers(found.items) == pytest.approx([1.0] * 6, abs=1e-6)


@every_modality
def test_infidelity_of_the_exact_weights_is_0_on_a_linear_predictor(modality: str) -> None:
    params = {"answer": "score", "scaling": "none", **GRID}
    exact = measured(linear(modality), "gradient_x_input", "infidelity", items(modality), **params)
    best = measured(linear(modality), "gradient_x_input", "infidelity", items(modality), answer="score", **GRID)

    assert numbers(exact.items) == pytest.approx([0.0] * 6, abs=1e-10)
    assert [item.details["scale"] for item in best.items] == pytest.approx([1.0] * 6, abs=1e-5)


@pytest.mark.parametrize("method", ["saliency", "gradient_x_input"])
def test_faithfulness_is_pearsons_r_of_weights_and_drops_of_probability(method: str, cases: Mapping[str, Case]) -> None:
    """As in Quantus' FaithfulnessEstimate with softmax: here by leaving each word out of the text."""
    predictor, requests = cases["text-gru"].predictor, cases["text-gru"].requests
    found = measured(predictor, method, "faithfulness_correlation", requests)
    for request, item, explanation in zip(
        requests, found.items, explain(predictor, ExplainerSpec(method, {}), requests), strict=True
    ):
        assert isinstance(explanation.form, TokenWeights)
        tokens = request.input.tokens
        if len(tokens) == 1:
            continue
        shorter = [TextInput(tokens[:place] + tokens[place + 1 :]) for place in range(len(tokens))]
        with torch.inference_mode():
            answers = [
                float(predictor.logits(predictor.encode([text])).double().softmax(1)[0, explanation.explained_class])
                for text in (request.input, *shorter)
            ]
        drops = answers[0] - np.array(answers[1:])
        compared = np.abs(drops) if method == "saliency" else drops  # saliency says only how much

        assert item.value == pytest.approx(np.corrcoef(explanation.form.weights, compared)[0, 1], abs=1e-4)
        assert item.details["mean_drop"] == pytest.approx(drops.mean(), abs=1e-6)


def test_contributions_of_concepts_are_what_the_logit_loses(cases: Mapping[str, Case]) -> None:
    """The identity that makes theta times h a tautology; theta alone is no such thing."""
    case = cases["image-senn"]
    params = {"answer": "score"}
    product = measured(
        case.predictor, "senn", "faithfulness_correlation", case.requests, concept_weight="contribution", **params
    )
    theta = measured(case.predictor, "senn", "faithfulness_correlation", case.requests, **params)
    exact = measured(case.predictor, "senn", "infidelity", case.requests, scaling="none", **params)

    assert numbers(product.items) == pytest.approx([1.0] * 7, abs=1e-6)
    assert max(numbers(theta.items)) < 1 - 1e-4
    assert numbers(exact.items) == pytest.approx([0.0] * 7, abs=1e-9)


# --- curves ----------------------------------------------------------------------------------------------------------


def test_deletion_and_insertion_follow_the_order_of_the_weights() -> None:
    predictor, requests = linear("text"), items("text")
    explanations = explain(predictor, ExplainerSpec("gradient_x_input", {}), requests)
    deletion = measured(predictor, "gradient_x_input", "deletion", requests)
    insertion = measured(predictor, "gradient_x_input", "insertion", requests)
    for place, (request, explanation) in enumerate(zip(requests, explanations, strict=True)):
        assert isinstance(explanation.form, TokenWeights)
        logits = 2 * np.array(explanation.form.weights)  # class by class: the other loses as much
        order = np.sort(logits)[::-1]
        without = 1 / (1 + np.exp(-(logits.sum() - np.concatenate([[0], np.cumsum(order)]))))
        alone = 1 / (1 + np.exp(-np.concatenate([[0], np.cumsum(order)])))

        assert deletion.items[place].curve == pytest.approx(without, abs=1e-6)
        assert insertion.items[place].curve == pytest.approx(alone, abs=1e-6)
        assert deletion.items[place].value == pytest.approx(np.trapezoid(without) / len(request.input.tokens), abs=1e-6)
        assert insertion.items[place].value == pytest.approx(np.trapezoid(alone) / len(request.input.tokens), abs=1e-6)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_area_lies_between_the_smallest_and_the_largest_answer(answers: list[float]) -> None:
    found = float(area(np.array(answers)))

    assert min(answers) - 1e-12 <= found <= max(answers) + 1e-12
    assert found == pytest.approx(np.trapezoid(answers, dx=1 / (len(answers) - 1)))


@given(st.permutations(range(7)))
def test_insertion_is_deletion_of_the_reversed_order_backwards(order: list[int]) -> None:
    forwards = np.array(order)

    assert np.array_equal(_masks(forwards, True), _masks(forwards[::-1], False)[::-1])


# --- infidelity ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scaling", ["none", "best"])
@pytest.mark.parametrize("cells", [7, 28])
def test_infidelity_is_captums_on_the_same_perturbations(cells: int, scaling: str, cases: Mapping[str, Case]) -> None:
    """captum sums products of perturbation and attribution over pixels: perturbations are 1 where a cell is absent."""
    case = cases["image-cnn"]
    n_samples = 40
    found = measured(
        case.predictor,
        "gradient_x_input",
        "infidelity",
        case.requests,
        cells=cells,
        n_samples=n_samples,
        scaling=scaling,
        answer="probability",
    )
    explanations = explain(case.predictor, ExplainerSpec("gradient_x_input", {}), case.requests)
    for request, explanation, ours in zip(case.requests, explanations, found.items, strict=True):
        assert isinstance(explanation.form, Heatmap)
        masks = random_sets(generator(request.seed, _SETS), n_samples, cells * cells).reshape(-1, 1, cells, cells)
        present = torch.from_numpy(masks).repeat_interleave(28 // cells, 2).repeat_interleave(28 // cells, 3)

        def perturb(rows: Tensor, present: Tensor = present) -> tuple[Tensor, Tensor]:
            return (~present).double(), rows * present

        def forward(rows: Tensor, class_index: int = explanation.explained_class) -> Tensor:
            return case.predictor.logits(rows.float()).double().softmax(1)[:, class_index]

        theirs = captum_infidelity(
            forward,
            perturb,
            case.predictor.encode([request.input]).double(),
            torch.tensor(explanation.form.values, dtype=torch.float64).reshape(1, 1, 28, 28),
            n_perturb_samples=n_samples,
            max_examples_per_batch=n_samples,
            normalize=scaling == "best",
        )

        assert ours.value == pytest.approx(theirs.item(), rel=1e-5, abs=1e-6)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=2, max_size=20), st.floats(0.1, 10))
def test_best_scale_does_not_see_the_scale_and_is_best(pairs: list[tuple[float, float]], factor: float) -> None:
    sums, drops = np.array(pairs).T
    best, scale = infidelity(sums, drops, best_scale=True)

    assert infidelity(factor * sums, drops, best_scale=True)[0] == pytest.approx(best, rel=1e-6, abs=1e-9)
    for other in (scale - 0.1, scale + 0.1):
        assert best <= np.square(other * sums - drops).mean() + 1e-12


# --- a planted cue ---------------------------------------------------------------------------------------------------

HIGHER = {"faithfulness_correlation", "insertion"}


@every_modality
@pytest.mark.parametrize("metric", ["faithfulness_correlation", "deletion", "insertion", "infidelity"])
def test_placebo_is_worse_than_its_method_on_a_planted_cue(metric: str, modality: str) -> None:
    predictor, requests = linear(modality), items(modality, 8)
    real = measured(predictor, "lime", metric, requests, cells=4, lime__n_samples=200, lime__cells=4)
    placebos = [
        measured(
            predictor,
            "placebo_random_weights",
            metric,
            requests,
            cells=4,
            placebo__method="lime",
            placebo__n_samples=200,
            placebo__cells=4,
            placebo__weights_seed=seed,
        )
        for seed in range(3)
    ]
    sign = 1 if metric in HIGHER else -1
    gains = [sign * (real.summary.mean - placebo.summary.mean) for placebo in placebos]

    assert np.mean(gains) > 0
    assert sum(gain > 0 for gain in gains) >= 2


def test_random_orders_gain_nothing_on_average() -> None:
    predictor, requests = linear("text"), items("text", 40)
    real = measured(predictor, "gradient_x_input", "deletion", requests)
    gains = [item.details["gain"] for item in real.items]
    curves = [item.details["random_order_area"] for item in real.items]

    assert min(gains) > 0
    assert np.mean(curves) == pytest.approx(real.summary.mean + np.mean(gains), abs=1e-6)


def test_one_word_and_equal_weights_are_undefined_with_a_reason(cases: Mapping[str, Case]) -> None:
    case = cases["text-gru"]
    found = measured(case.predictor, "saliency", "faithfulness_correlation", case.requests)
    one = [place for place, item in enumerate(case.inputs) if len(item.tokens) == 1]

    assert [place for place, item in enumerate(found.items) if item.value is None] == one
    assert {found.items[place].problem for place in one} == {"All weights of the item's parts are equal."}
    assert (found.summary.n_items, found.summary.n_undefined) == (7 - len(one), len(one))

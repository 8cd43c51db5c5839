"""Max-sensitivity and the local Lipschitz constant: captum 0.9.0, closed forms, and what a neighbour is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from captum.attr import Saliency
from captum.metrics import sensitivity_max
from torch import Tensor

from explainers.metrics.neighbours import neighbours
from explainers.types import ImageInput, TabularInput, TextInput
from tests.contracts.tiny import PREDICTORS, VARIABLES, Case
from tests.explainers.metrics.linear import MODALITIES, items, linear, measured, numbers


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("metric", ["max_sensitivity", "local_lipschitz"])
def test_explanation_that_never_changes_is_perfectly_stable(metric: str, modality: str) -> None:
    """The gradient of a linear predictor is the same everywhere; a text's other words have the same gradient."""
    found = measured(linear(modality), "saliency", metric, items(modality))

    assert numbers(found.items) == pytest.approx([0.0] * 6, abs=1e-7)


def test_lipschitz_constant_of_gradient_x_input_on_a_linear_predictor_is_that_of_the_map() -> None:
    """e(x) = w x, so the ratio is ||w (x' - x)|| / ||x' - x||, computed here from the neighbours."""
    predictor, requests = linear("image"), items("image")
    found = measured(predictor, "gradient_x_input", "local_lipschitz", requests, scaling="none", radius=0.05)
    weights = predictor.module.out.weight[1].double().numpy()  # of the centred logit: the class less the mean
    for request, item in zip(requests, found.items, strict=True):
        rows = [np.frombuffer(n.pixels, np.uint8) / 255 for n in neighbours(predictor, request, 10, 0.05)]
        moved = np.array(rows) - np.frombuffer(request.input.pixels, np.uint8) / 255
        ratios = np.linalg.norm(weights * moved, axis=1) / np.linalg.norm(moved, axis=1)

        assert item.value == pytest.approx(ratios.max(), rel=1e-4)
        assert item.value <= np.abs(weights).max()


@pytest.mark.parametrize("name", ["image-cnn", "tabular-mlp"])
def test_max_sensitivity_is_captums_on_the_same_neighbours(name: str, cases: Mapping[str, Case]) -> None:
    case = cases[name]
    found = measured(case.predictor, "saliency", "max_sensitivity", case.requests)
    classes = [output.class_index for output in case.predictor.outputs(case.inputs)]
    for request, class_index, ours in zip(case.requests, classes, found.items, strict=True):
        others = case.predictor.encode(neighbours(case.predictor, request, 10, 0.02))

        def centred(rows: Tensor, class_index: int = class_index) -> Tensor:
            logits = case.predictor.logits(rows)
            return logits[:, class_index] - logits.mean(1)

        def saliency(rows: tuple[Tensor, ...] | Tensor) -> tuple[Tensor]:
            values = rows[0] if isinstance(rows, tuple) else rows
            with torch.enable_grad():
                weights = Saliency(centred).attribute(values.clone().requires_grad_())
            return (_of_variables(weights) if name == "tabular-mlp" else weights,)

        theirs = sensitivity_max(
            saliency,
            case.predictor.encode([request.input]),
            perturb_func=_always(others),
            n_perturb_samples=len(others),
            max_examples_per_batch=len(others),
        )

        assert ours.value == pytest.approx(theirs.item(), rel=1e-5, abs=1e-6)
        assert ours.details["neighbours"] == len(others)


def _always(others: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda rows: others


def _of_variables(weights: Tensor) -> Tensor:
    sizes = [len(variable.categories) for variable in VARIABLES]
    return torch.stack([part.sum(1) for part in weights.split(sizes, dim=1)], dim=1)


def test_fresh_seeds_add_the_methods_noise(cases: Mapping[str, Case]) -> None:
    """Facts of the field: LIME with the same masks is a few times as stable as with new ones."""
    case = cases["image-cnn"]
    same, fresh = (
        measured(case.predictor, "lime", "local_lipschitz", case.requests[:3], seeds=seeds, lime__n_samples=100)
        for seeds in ("same", "fresh")
    )

    assert fresh.summary.mean > 2 * same.summary.mean


def test_distance_over_concepts_is_that_of_h(cases: Mapping[str, Case]) -> None:
    case = cases["image-senn"]
    found = measured(case.predictor, "senn", "local_lipschitz", case.requests, over="concepts", scaling="none")
    predictor = case.predictor
    classes = [output.class_index for output in predictor.outputs(case.inputs)]
    for request, class_index, item in zip(case.requests, classes, found.items, strict=True):
        rows = predictor.encode([request.input, *neighbours(predictor, request, 10, 0.02)])
        with torch.inference_mode():
            h = predictor.concepts(rows).double().numpy()
            theta = predictor.relevances(rows).double().numpy()[:, :, class_index]
        ratios = np.linalg.norm(theta[1:] - theta[0], axis=1) / np.linalg.norm(h[1:] - h[0], axis=1)

        assert item.value == pytest.approx(ratios.max(), rel=1e-3)


def test_other_forms_have_no_distance_over_concepts(cases: Mapping[str, Case]) -> None:
    case = cases["tabular-senn"]
    found = measured(case.predictor, "senn", "local_lipschitz", case.requests, over="concepts")

    assert found.items == ()
    assert found.reason == (
        "SENN's own explanation shows weights of variables: there is no distance between values of concepts."
    )


# --- neighbours ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PREDICTORS)
def test_neighbours_are_other_items_close_by(name: str, cases: Mapping[str, Case]) -> None:
    case = cases[name]
    for request in case.requests:
        found = neighbours(case.predictor, request, 8, 0.02)

        assert found == neighbours(case.predictor, request, 8, 0.02)
        assert found
        assert request.input not in found
        for other in found:
            assert _is_close(request.input, other)


def _is_close(item: object, other: object) -> bool:
    match item, other:
        case TabularInput(values=own), TabularInput(values=values):
            changed = [(a, b) for a, b in zip(own, values, strict=True) if a != b]
            variable = next(v for v in VARIABLES if v.name == changed[0][0][0])
            places = [variable.categories.index(value) for _, value in changed[0]]
            step = abs(places[0] - places[1]) == 1 or not variable.ordinal
            return len(changed) == 1 and step and variable.frequencies[places[1]] > 0
        case TextInput(tokens=own), TextInput(tokens=tokens):
            return sum(a != b for a, b in zip(own, tokens, strict=True)) == 1
        case ImageInput(pixels=own), ImageInput(pixels=pixels):
            moved = np.abs(np.frombuffer(own, np.uint8).astype(int) - np.frombuffer(pixels, np.uint8))
            return 0 < moved.max() <= 5
    return False


def test_more_neighbours_find_no_less(cases: Mapping[str, Case]) -> None:
    case = cases["tabular-mlp"]
    few, many = (
        measured(case.predictor, "saliency", "max_sensitivity", case.requests, n_neighbours=n) for n in (3, 10)
    )

    assert all(a <= b for a, b in zip(numbers(few.items), numbers(many.items), strict=True))


def test_row_without_neighbours_is_undefined(cases: Mapping[str, Case]) -> None:
    case = cases["tabular-mlp"]
    predictor = case.predictor
    only = tuple(
        replace(variable, frequencies=tuple(float(c == v) for c in variable.categories))
        for variable, (_, v) in zip(predictor.variables, case.inputs[0].values, strict=True)
    )
    kept, predictor.variables = predictor.variables, only
    try:
        found = measured(predictor, "saliency", "max_sensitivity", case.requests[:1])
    finally:
        predictor.variables = kept

    assert (found.items[0].value, found.items[0].problem) == (None, "The item has no neighbour.")

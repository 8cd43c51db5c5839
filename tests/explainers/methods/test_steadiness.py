"""Asking again until two seeds agree: the promise is about other seeds, so other seeds are what is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from explainers.explain import explain
from explainers.methods import lime
from explainers.methods.base import Batch, correlation
from explainers.methods.blocks import own_classes
from explainers.methods.masking import masking
from explainers.types import ExplainerSpec, Explanation, Heatmap, ItemRequest, TextInput, TokenWeights
from tests.contracts.tiny import Case

SPECS = {
    "lime": ExplainerSpec("lime", {"n_samples": 100, "cells": 8, "steady_r": 0.95, "most_samples": 12_800}),
    "kernel_shap": ExplainerSpec(
        "kernel_shap", {"n_coalitions": 256, "cells": 8, "steady_r": 0.95, "most_samples": 12_800}
    ),
}
every_method = pytest.mark.parametrize("name", SPECS)
every_noisy_case = pytest.mark.parametrize("case", ["text-gru", "image-cnn"])


def weights(found: Explanation) -> np.ndarray:
    assert isinstance(found.form, TokenWeights | Heatmap)
    values = found.form.weights if isinstance(found.form, TokenWeights) else found.form.values
    return np.array(values)


def with_seed(requests: Sequence[ItemRequest], shift: int) -> list[ItemRequest]:
    return [replace(request, seed=request.seed + shift) for request in requests]


def agreement(case: Case, spec: ExplainerSpec) -> tuple[float, float, float]:
    """Mean correlation over items between two seeds, what `seed_r` said of it, and the samples it took."""
    several = [r for r in case.requests if not isinstance(r.input, TextInput) or len(r.input.tokens) > 3]
    one, other = (explain(case.predictor, spec, with_seed(several, shift)) for shift in (0, 10_000))
    measured = [correlation(weights(a), weights(b)) for a, b in zip(one, other, strict=True)]
    told = [found.diagnostics["seed_r"] for found in (*one, *other)]
    samples = [found.diagnostics["samples"] for found in (*one, *other)]
    return float(np.mean(measured)), float(np.mean(told)), float(np.mean(samples))


@every_method
@every_noisy_case
def test_two_seeds_agree_as_well_as_was_asked_for(name: str, case: str, cases: Mapping[str, Case]) -> None:
    spec = SPECS[name]
    measured, told, samples = agreement(cases[case], spec)
    loose, _, fewer = agreement(cases[case], replace(spec, params={**spec.params, "steady_r": 0.0}))

    assert samples >= fewer
    assert measured >= loose - 1e-9
    assert told >= 0.95
    assert measured >= 0.92  # an item stops where its own estimate says so, which is right on average


@every_method
@every_noisy_case
def test_samples_double_and_end_at_the_budget(name: str, case: str, cases: Mapping[str, Case]) -> None:
    spec = replace(SPECS[name], params={**SPECS[name].params, "steady_r": 0.99, "most_samples": 1000})
    for found in explain(cases[case].predictor, spec, cases[case].requests):
        assert found.diagnostics["samples"] <= 1000
        is_one = isinstance(found.form, TokenWeights) and len(found.form.tokens) == 1
        assert is_one or found.diagnostics["seed_r"] >= 0.99 or found.diagnostics["samples"] > 500


@every_method
@every_noisy_case
def test_what_an_item_needs_does_not_depend_on_its_batch(name: str, case: str, cases: Mapping[str, Case]) -> None:
    own, spec = cases[case], SPECS[name]
    together = explain(own.predictor, spec, own.requests)

    assert len(together) > 2
    assert [explain(own.predictor, spec, [request])[0] for request in own.requests] == together
    assert explain(own.predictor, spec, own.requests[::-1]) == together[::-1]


@every_noisy_case
def test_added_samples_are_one_regression_with_the_first(case: str, cases: Mapping[str, Case]) -> None:
    own = cases[case]
    params = {"n_samples": 100, "kernel_width": 0.0, "cells": 8, "steady_r": 0.99, "most_samples": 800}
    batch = Batch(own.predictor, own.requests, own_classes(own.predictor, own.inputs), params, 4096)
    found = masking(batch)

    for place, attribution in enumerate(lime.explain(batch)):
        rounds = [lime.draw_masks(found, place, 100)]
        while sum(map(len, rounds)) < attribution.diagnostics["samples"]:
            rounds.append(lime.draw_masks(found, place, sum(map(len, rounds)), len(rounds)))
        masks = np.concatenate(rounds)
        answers = found.predict(place, masks)
        kernel = lime.KERNELS[own.predictor.modality].weights(masks, 0.0)
        # `solve` adds both halves up; here each of them is all samples at half their weight.
        half = lime.Moments.of(masks, answers - answers[0], kernel / 2)
        [fit] = lime.solve([lime.Regression((half, half), len(masks), float(answers[0]))])
        np.testing.assert_allclose(attribution.weights, fit.coefficients, rtol=0, atol=1e-9)


def test_a_mask_is_drawn_once(cases: Mapping[str, Case]) -> None:
    own = cases["image-cnn"]
    params = {"n_samples": 64, "kernel_width": 0.0, "cells": 8, "steady_r": 0.0, "most_samples": 100}
    found = masking(Batch(own.predictor, own.requests, own_classes(own.predictor, own.inputs), params, 4096))
    rounds = [lime.draw_masks(found, 0, 64, number) for number in range(4)]

    rows = {bytes(row) for masks in rounds for row in masks}
    assert len(rows) == 4 * 64  # of 2^64 possible masks

"""Kernel SHAP against exact Shapley values, captum 0.9.0, least squares written out, and its own claims about noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import comb

import numpy as np
import pytest
import torch
from captum._utils.models.linear_model import SkLearnLinearRegression
from captum.attr import LimeBase
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch.utils.data import Dataset

from explainers.explain import explain
from explainers.methods import kernel_shap
from explainers.methods.base import Batch, correlation, generator
from explainers.methods.blocks import own_classes
from explainers.methods.exact_shapley import coalitions, shapley_values
from explainers.methods.kernel_shap import Moments, Plan, Regression, plan, solve
from explainers.methods.masking import baseline_masking
from explainers.types import ExplainerSpec
from tests.contracts.tiny import PREDICTORS, Case
from tests.explainers.methods.conftest import Cue


def batch(case: Case, n_coalitions: int = 300) -> Batch:
    params = {"n_coalitions": n_coalitions, "cells": 7, "steady_r": 0.0, "most_samples": n_coalitions}
    return Batch(case.predictor, case.requests, own_classes(case.predictor, case.inputs), params, 128)


# --- the plan --------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(n_units=st.integers(2, 24), budget=st.integers(100, 1500))
def test_a_plan_holds_all_of_the_kernel_and_keeps_the_budget(n_units: int, budget: int) -> None:
    own = plan(n_units, budget)
    weight = own.kernel.sum() + 2 * own.shares.sum()
    total = sum((n_units - 1) / (size * (n_units - size)) for size in range(1, n_units))

    assert weight == pytest.approx(total, rel=1e-12)
    assert len(own.enumerated) + 2 * len(own.sizes) <= budget
    assert len({mask.tobytes() for mask in own.enumerated}) == len(own.enumerated)
    sizes = own.enumerated.sum(axis=1)
    for mask, kernel in zip(own.enumerated, own.kernel, strict=True):
        size = int(mask.sum())
        assert kernel == pytest.approx((n_units - 1) / (comb(n_units, size) * size * (n_units - size)), rel=1e-12)
    assert 1 in sizes
    assert n_units - 1 in sizes
    if 2**n_units - 2 <= budget:
        assert len(own.enumerated) == 2**n_units - 2
        assert own.sizes.size == 0


def test_drawn_coalitions_have_their_sizes_and_are_uniform() -> None:
    own = Plan(6, np.empty((0, 6), bool), np.empty(0), np.repeat([2, 3], 3000), np.ones(6000))
    drawn = own.drawn(np.random.default_rng(1))

    assert (drawn.sum(axis=1) == own.sizes).all()
    for half, size in ((drawn[:3000], 2), (drawn[3000:], 3)):
        _, counts = np.unique(half, axis=0, return_counts=True)
        assert len(counts) == comb(6, size)
        assert stats.chisquare(counts).pvalue > 0.001


# --- the fit ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PREDICTORS)
def test_values_are_exact_where_all_coalitions_are_asked(name: str, cases: Mapping[str, Case]) -> None:
    own = batch(cases[name], n_coalitions=600)
    found = baseline_masking(own)
    checked = 0
    for place, ours in enumerate(kernel_shap.explain(own)):
        n_units = found.n_units(place)
        assert ours.diagnostics["enumerated"] == float(n_units <= 9)
        if n_units <= 9:
            expected = shapley_values(found.predict(place, coalitions(n_units)))
            np.testing.assert_allclose(ours.weights, expected, rtol=0, atol=1e-9)
            assert ours.diagnostics["seed_r"] == 1
            checked += 1

    assert checked == {"tabular": 7, "text": 5, "image": 0}[cases[name].modality]


def asked(own: Batch, place: int) -> tuple[np.ndarray, np.ndarray]:
    """The coalitions of an item, without all and none, and their weights."""
    n_units = baseline_masking(own).n_units(place)
    its = plan(n_units, max(int(own.params["n_coalitions"]), 4 * n_units))
    drawn = its.drawn(generator(own.requests[place].seed, kernel_shap._COALITIONS))
    return np.concatenate([its.enumerated, drawn, ~drawn]), np.concatenate([its.kernel, its.shares, its.shares])


@pytest.mark.parametrize(("name", "place"), [("text-gru", 6), ("text-senn", 5), ("image-cnn", 0), ("image-senn", 3)])
def test_values_are_least_squares_under_the_constraint(name: str, place: int, cases: Mapping[str, Case]) -> None:
    """Lundberg & Lee's own way: the last value is put in from the constraint, the rest is ordinary regression."""
    own = batch(cases[name])
    found = baseline_masking(own)
    masks, weights = asked(own, place)
    n_units = masks.shape[1]
    none, whole = found.predict(place, np.array([[False], [True]]).repeat(n_units, axis=1))
    changes = found.predict(place, masks) - none
    root = np.sqrt(weights)[:, None]
    left = masks[:, :-1].astype(float) - masks[:, -1:]
    right = changes - masks[:, -1] * (whole - none)
    expected = np.linalg.lstsq(root * left, root[:, 0] * right, rcond=None)[0]

    ours = kernel_shap.explain(own)[place]
    change = ours.diagnostics["probability"] - ours.diagnostics["baseline_probability"]
    np.testing.assert_allclose(ours.weights[:-1], expected, rtol=0, atol=1e-6)  # answers in blocks of other sizes
    assert ours.weights.sum() == pytest.approx(change, abs=1e-12)


class InFloat64(SkLearnLinearRegression):
    """captum's regression, solved in float64: with weights of 1e7 float32 is off in the fourth digit."""

    def fit(self, train_data: Dataset, **options: object) -> object:  # type: ignore[type-arg]
        return super().fit([[part.double() for part in rows] for rows in train_data], **options)


@pytest.mark.parametrize(("name", "place"), [("text-gru", 6), ("image-cnn", 0)])
def test_values_are_captums_on_the_same_coalitions(name: str, place: int, cases: Mapping[str, Case]) -> None:
    """captum puts the constraint in as two rows of a large weight. Its answers are in float32, hence 1e-6."""
    own = batch(cases[name])
    found = baseline_masking(own)
    masks, weights = asked(own, place)
    ends = np.array([[True], [False]]).repeat(masks.shape[1], axis=1)
    masks, weights = np.concatenate([ends, masks]), np.concatenate([[1e7, 1e7], weights])
    answers = found.predict(place, masks)
    rows, at = iter(torch.from_numpy(masks[:, None, :]).float()), {bytes(m): k for k, m in enumerate(masks)}
    captum = LimeBase(
        forward_func=lambda mask: torch.tensor([answers[at[bytes(row.numpy() > 0.5)]] for row in mask]),
        interpretable_model=InFloat64(),
        similarity_func=lambda original, changed, mask: torch.tensor(weights[at[bytes(mask[0].numpy() > 0.5)]]),
        perturb_func=lambda original: next(rows),
        perturb_interpretable_space=True,
        from_interp_rep_transform=lambda mask, original: mask,
        to_interp_rep_transform=None,
    )
    theirs = captum.attribute(torch.ones(1, masks.shape[1]), n_samples=len(masks)).numpy()[0]

    np.testing.assert_allclose(kernel_shap.explain(own)[place].weights, theirs, rtol=0, atol=1e-6)


def test_one_part_takes_the_whole_change(cases: Mapping[str, Case]) -> None:
    found = kernel_shap.explain(batch(cases["text-gru"]))[0]

    assert found.weights.tolist() == [found.diagnostics["probability"] - found.diagnostics["baseline_probability"]]


def test_few_coalitions_are_raised_to_four_a_part(cases: Mapping[str, Case]) -> None:
    found = kernel_shap.explain(batch(cases["image-cnn"], n_coalitions=100))

    assert {own.diagnostics["samples"] for own in found} == {4 * 49 + 2}


@settings(max_examples=30, deadline=None)
@given(n_units=st.integers(1, 30), seed=st.integers(0, 1000))
def test_an_additive_game_gives_its_terms_from_any_draw(n_units: int, seed: int) -> None:
    """Worths that are a sum of the players' own are fitted without error, however few coalitions are drawn."""
    rng = np.random.default_rng(seed)
    terms = rng.normal(size=n_units)
    own = plan(n_units, 4 * n_units)
    drawn = own.drawn(rng)
    masks = np.concatenate([drawn, ~drawn])
    moments = Moments.of(own.enumerated, own.enumerated @ terms, own.kernel)
    half = Moments.of(masks, masks @ terms, np.concatenate([own.shares, own.shares]) / 2)
    fit = solve([Regression(moments, (half, half), 0, False, float(terms.sum()) + 3, 3.0)])[0]

    np.testing.assert_allclose(fit.values, terms, rtol=0, atol=1e-9)


# --- noise -----------------------------------------------------------------------------------------------------------


def test_more_coalitions_come_closer_to_exact_values(cases: Mapping[str, Case]) -> None:
    """Thirteen words: the error falls with the budget, and `seed_r` rises."""
    place, errors, told = 5, [], []
    for n_coalitions in (100, 400, 2000):
        own = batch(cases["text-gru"], n_coalitions)
        exact = shapley_values(baseline_masking(own).predict(place, coalitions(13)))
        runs = []
        for seed in range(5):
            request = replace(own.requests[place], seed=seed)
            runs.append(
                kernel_shap.explain(Batch(own.predictor, (request,), (own.classes[place],), own.params, 128))[0]
            )
        errors.append(np.mean([np.linalg.norm(run.weights - exact) for run in runs]) / np.linalg.norm(exact))
        told.append(np.mean([run.diagnostics["seed_r"] for run in runs]))

    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.05
    assert told[0] < told[1] < told[2]


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_seed_r_tells_the_correlation_between_seeds(noise: float) -> None:
    """Worths that are a sum plus noise of each asking: the mean `seed_r` against the mean r between two runs."""
    n_units, terms = 20, np.linspace(-0.1, 0.1, 20)
    own = plan(n_units, 400)
    runs = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        drawn = own.drawn(rng)
        of_drawn = np.stack([drawn @ terms, ~drawn @ terms]) + noise * rng.normal(size=(2, len(drawn)))
        halves = tuple(kernel_shap._half(own, drawn, of_drawn, first) for first in (0, 1))
        known = Moments.of(own.enumerated, own.enumerated @ terms, own.kernel)
        runs.append(Regression(known, (halves[0], halves[1]), 0, False, float(terms.sum()), 0.0))
    found = solve(runs)

    measured = np.mean([correlation(found[i].values, found[i + 60].values) for i in range(60)])
    told = np.mean([fit.diagnostics()["seed_r"] for fit in found])
    assert told == pytest.approx(measured, abs=0.05)


def test_a_planted_cue_is_found(cue: Cue) -> None:
    found = explain(cue.predictor, ExplainerSpec("kernel_shap", {"cells": 3}), cue.requests)
    finer = explain(cue.predictor, ExplainerSpec("kernel_shap", {"cells": 12, "n_coalitions": 1000}), cue.requests)
    placebo = ExplainerSpec("placebo_random_weights", {"method": "kernel_shap", "cells": 12, "n_coalitions": 1000})

    maps, others = (
        [np.array(explanation.form.values) for explanation in explained]
        for explained in (finer, explain(cue.predictor, placebo, cue.requests))
    )
    assert {explanation.diagnostics["enumerated"] for explanation in found} == {1.0}
    assert cue.hits(maps) >= 0.8
    assert cue.hits(others) <= 0.6  # every net of this kind answers to ink; which way it answers is right by chance

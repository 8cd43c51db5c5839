"""LIME against the `lime` package 0.2.0.1, captum 0.9.0, closed forms, and its own claims about noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from captum._utils.models.linear_model import SkLearnRidge
from captum.attr import LimeBase as CaptumLimeBase
from lime.lime_base import LimeBase
from lime.lime_image import LimeImageExplainer
from lime.lime_tabular import LimeTabularExplainer
from lime.lime_text import LimeTextExplainer
from scipy import stats
from sklearn.metrics import pairwise_distances

from explainers.methods.base import Batch, correlation
from explainers.methods.blocks import own_classes
from explainers.methods.lime import KERNELS, Kernel, Moments, Regression, draw_masks, explain, solve
from explainers.methods.masking import grid, masking
from explainers.predictors.base import Predictor
from explainers.types import ImageInput, Input, TabularInput, TextInput
from tests.contracts.tiny import PREDICTORS, SHAPE, VARIABLES, Case

every_case = pytest.mark.parametrize("name", PREDICTORS)


def batch(case: Case, **params: float) -> Batch:
    requests = case.requests
    return Batch(
        case.predictor,
        requests,
        own_classes(case.predictor, case.inputs),
        {"n_samples": 300, "kernel_width": 0.0, "cells": 7, "steady_r": 0.0, "most_samples": 300, **params},
        4096,
    )


def probabilities(model: Predictor, inputs: list[Input]) -> np.ndarray:
    """Softmax of the predictor's logits, with nothing of the method in between."""
    with torch.inference_mode():
        logits = [model.logits(model.encode(inputs[start : start + 500])) for start in range(0, len(inputs), 500)]
    return torch.cat(logits).double().softmax(1).numpy()


# --- the regression, on the same samples ---------------------------------------------------------------------------

DISTANCES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    # as lime_tabular.py, lime_text.py and lime_image.py call it
    "tabular": lambda data: pairwise_distances(data, data[:1], metric="euclidean").ravel(),
    "text": lambda data: pairwise_distances(data, data[:1], metric="cosine").ravel() * 100,
    "image": lambda data: pairwise_distances(data, data[:1], metric="cosine").ravel(),
}
WIDTHS = {"tabular": lambda n_units: np.sqrt(n_units) * 0.75, "text": lambda _: 25, "image": lambda _: 0.25}


@every_case
def test_coefficients_and_r2_are_those_of_the_lime_package_on_the_same_samples(
    name: str, cases: Mapping[str, Case]
) -> None:
    own = batch(cases[name])
    neighbourhoods = masking(own)

    for place, attribution in enumerate(explain(own)):
        masks = draw_masks(neighbourhoods, place, 300)
        answers = neighbourhoods.predict(place, masks)
        data, width = masks.astype(float), WIDTHS[cases[name].modality](masks.shape[1])
        package = LimeBase(lambda d, width=width: np.sqrt(np.exp(-(d**2) / width**2)), random_state=0)
        _, pairs, r2, fitted = package.explain_instance_with_data(
            data, answers[:, None], DISTANCES[cases[name].modality](data), 0, data.shape[1], feature_selection="none"
        )
        expected = np.array([weight for _, weight in sorted(pairs)])

        np.testing.assert_allclose(attribution.weights, expected, rtol=0, atol=1e-9)
        assert attribution.diagnostics["local_r2"] == pytest.approx(r2, abs=1e-8)
        assert attribution.diagnostics["local_fit"] == pytest.approx(fitted[0], abs=1e-9)


@pytest.mark.parametrize("name", ["text-gru", "image-cnn"])
def test_coefficients_are_those_of_captum_on_the_same_samples(name: str, cases: Mapping[str, Case]) -> None:
    """captum regresses in float32, hence 1e-6. For texts and pictures, where a mask alone decides the answer."""
    own = batch(cases[name])
    neighbourhoods = masking(own)

    for place, attribution in enumerate(explain(own)):
        masks = draw_masks(neighbourhoods, place, 300)
        theirs = _captum(masks, neighbourhoods.predict(place, masks), KERNELS[cases[name].modality])

        np.testing.assert_allclose(attribution.weights, theirs, rtol=0, atol=1e-6)


def _captum(masks: np.ndarray, answers: np.ndarray, kernel: Kernel) -> np.ndarray:
    """captum's LIME, handed our masks one by one and our answers to them."""
    rows = iter(torch.from_numpy(masks[:, None, :]).float())
    answer_to = dict(zip(map(bytes, masks), answers, strict=True))
    captum = CaptumLimeBase(
        forward_func=lambda mask: torch.tensor([answer_to[bytes(row.numpy() > 0.5)] for row in mask]),
        interpretable_model=SkLearnRidge(alpha=1.0),
        similarity_func=lambda original, changed, mask: torch.from_numpy(kernel.weights(mask.numpy() > 0.5, 0.0)),
        perturb_func=lambda original: next(rows),
        perturb_interpretable_space=True,
        from_interp_rep_transform=lambda mask, original: mask,
        to_interp_rep_transform=None,
    )
    found: np.ndarray = captum.attribute(torch.ones(1, masks.shape[1]), n_samples=len(masks)).numpy()[0]
    return found


def test_solve_is_the_closed_form_of_weighted_ridge_for_any_mix_of_sizes() -> None:
    """min over (b, a) of sum w (y - a - m b)^2 + |b|^2, as an ordinary least-squares problem with added rows."""
    rng = np.random.default_rng(0)
    regressions, expected = [], []
    for n_units in (3, 7, 3, 1):
        masks, scores, weights = rng.random((60, n_units)) < 0.5, rng.random(60), rng.random(60)
        masks[0] = True
        root = np.sqrt(weights)[:, None]
        left = np.vstack([root * np.c_[masks, np.ones(60)], np.c_[np.eye(n_units), np.zeros(n_units)]])
        right = np.concatenate([root[:, 0] * scores, np.zeros(n_units)])
        expected.append(np.linalg.lstsq(left, right, rcond=None)[0][:-1])
        changes = scores - scores[0]
        halves = (
            Moments.of(masks[:30], changes[:30], weights[:30]),
            Moments.of(masks[30:], changes[30:], weights[30:]),
        )
        regressions.append(Regression(halves, 60, float(scores[0])))

    for fit, coefficients in zip(solve(regressions), expected, strict=True):
        np.testing.assert_allclose(fit.coefficients, coefficients, rtol=0, atol=1e-12)


# --- the neighbourhood: the package's own runs, with its own draws ---------------------------------------------------


def test_tabular_explanations_agree_with_a_run_of_the_lime_package(cases: Mapping[str, Case]) -> None:
    case = cases["tabular-mlp"]
    own = batch(case, n_samples=20_000)
    rng = np.random.default_rng(0)
    training = np.stack(
        [rng.choice(len(v.categories), size=20_000, p=np.array(v.frequencies)) for v in VARIABLES], axis=1
    ).astype(float)
    package = LimeTabularExplainer(
        training,
        categorical_features=list(range(len(VARIABLES))),
        categorical_names={place: list(v.categories) for place, v in enumerate(VARIABLES)},
        random_state=0,
    )

    def answer(rows: np.ndarray) -> np.ndarray:
        return probabilities(case.predictor, [_named(row) for row in rows])

    for place in (0, 3):
        item, class_index = case.inputs[place], own.classes[place]
        assert isinstance(item, TabularInput)
        codes = np.array(
            [float(v.categories.index(value)) for v, (_, value) in zip(VARIABLES, item.values, strict=True)]
        )
        explanation = package.explain_instance(
            codes, answer, labels=(class_index,), num_features=len(VARIABLES), num_samples=20_000
        )
        theirs = np.array([weight for _, weight in sorted(explanation.as_map()[class_index])])

        np.testing.assert_allclose(explain(own)[place].weights, theirs, rtol=0, atol=0.01)


def _named(row: np.ndarray) -> TabularInput:
    return TabularInput(tuple((v.name, v.categories[int(code)]) for v, code in zip(VARIABLES, row, strict=True)))


def test_text_explanations_agree_with_a_run_of_the_lime_package(cases: Mapping[str, Case]) -> None:
    """The package drops words by position with `bow=False` and an empty replacement."""
    case = cases["text-gru"]
    place = 6  # twenty words
    item = case.inputs[place]
    assert isinstance(item, TextInput)
    own = batch(case, n_samples=5000)
    package = LimeTextExplainer(bow=False, mask_string="", split_expression=r"\s+", random_state=0)

    def answer(texts: list[str]) -> np.ndarray:
        return probabilities(case.predictor, [TextInput(tuple(text.split()) or ("",)) for text in texts])

    explanation = package.explain_instance(
        " ".join(item.tokens), answer, labels=(own.classes[place],), num_features=20, num_samples=5000
    )
    theirs = np.array([weight for _, weight in sorted(explanation.as_map()[own.classes[place]])])
    ours = explain(own)[place].weights

    assert len(theirs) == 20
    assert correlation(ours, theirs) > 0.98
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=0.05)


def test_image_explanations_agree_with_a_run_of_the_lime_package(cases: Mapping[str, Case]) -> None:
    """The package is given our grid for its segmentation and black for its hidden colour."""
    case = cases["image-cnn"]
    own = batch(case, n_samples=3000, cells=4)
    item = case.inputs[0]
    assert isinstance(item, ImageInput)
    picture = np.frombuffer(item.pixels, np.uint8).reshape(SHAPE[1:])

    def answer(pictures: np.ndarray) -> np.ndarray:
        return probabilities(case.predictor, [ImageInput(28, 28, 1, p[..., 0].tobytes()) for p in pictures])

    explanation = LimeImageExplainer(random_state=0).explain_instance(
        picture,
        answer,
        labels=(own.classes[0],),
        top_labels=None,
        hide_color=0,
        num_samples=3000,
        batch_size=500,
        segmentation_fn=lambda _: grid(28, 28, 4).reshape(28, 28),
    )
    theirs = np.array([weight for _, weight in sorted(explanation.local_exp[own.classes[0]])])
    ours = explain(own)[0].weights

    assert len(ours) == 16
    assert correlation(ours, theirs) > 0.98


@pytest.mark.parametrize("modality", ["text", "image"])
def test_masks_have_the_packages_distribution(modality: str, cases: Mapping[str, Case]) -> None:
    own = batch(cases["text-gru" if modality == "text" else "image-cnn"])
    masks = draw_masks(masking(own), 6, 4000)

    assert masks[0].all()
    kept = masks[1:].sum(axis=1)
    if modality == "text":  # 1 to 20 of 20 words dropped, each number as often
        counts = np.bincount(kept, minlength=20)
        assert counts.size == 20
        assert stats.chisquare(counts).pvalue > 0.001
    else:
        edges = np.array([-1, 20, 22, 24, 26, 28, 49])
        expected_counts = 3999 * np.diff(stats.binom(49, 0.5).cdf(edges))
        assert stats.chisquare(np.histogram(kept, edges + 0.5)[0], expected_counts).pvalue > 0.001
    shares = masks[1:].mean(axis=0)
    expected = 9.5 / 20 if modality == "text" else 0.5
    assert np.abs(shares - expected).max() < 4.5 * np.sqrt(0.25 / 4000)


# --- what it says of itself ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.05, 0.3, 1.0])
def test_seed_r_tells_the_correlation_between_seeds(noise: float) -> None:
    """Answers that are a line plus noise: the mean `seed_r` of 100 runs against the mean r between two runs."""
    slopes = np.linspace(-0.2, 0.2, 20)
    runs = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        masks = rng.random((300, 20)) < 0.5
        masks[0] = True
        scores = masks @ slopes + noise * rng.normal(size=300)
        changes, weights = scores - scores[0], np.ones(300)
        halves = tuple(Moments.of(masks[part], changes[part], weights[part]) for part in (slice(150), slice(150, None)))
        runs.append(Regression((halves[0], halves[1]), 300, float(scores[0])))
    found = solve(runs)

    measured = np.mean([correlation(found[i].coefficients, found[i + 50].coefficients) for i in range(50)])
    told = np.mean([fit.diagnostics()["seed_r"] for fit in found])
    assert told == pytest.approx(measured, abs=0.05)


def test_more_samples_are_steadier_and_seed_r_says_so(cases: Mapping[str, Case]) -> None:
    few, many = (
        [a.diagnostics["seed_r"] for a in explain(batch(cases["image-cnn"], n_samples=n))] for n in (150, 4000)
    )

    assert min(many) > max(few)


def test_kernel_width_is_used_and_zero_takes_the_packages(cases: Mapping[str, Case]) -> None:
    case = cases["tabular-mlp"]
    default, same, narrow = (
        np.concatenate([a.weights for a in explain(batch(case, kernel_width=width))])
        for width in (0.0, 0.75 * float(np.sqrt(len(VARIABLES))), 0.3)
    )

    assert np.array_equal(default, same)
    assert not np.allclose(default, narrow, atol=1e-3)

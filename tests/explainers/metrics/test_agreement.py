"""Agreement of two runs and of two methods, and the similarity to a randomized predictor's explanation."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from explainers.explain import explain
from explainers.methods.base import Attribution, Batch
from explainers.metrics import top_k_agreement
from explainers.metrics.measure import Arm, measure
from explainers.metrics.ranks import rank_correlation
from explainers.metrics.types import Measurement, MetricSpec
from explainers.metrics.weight_randomization import cascade
from explainers.types import ExplainerSpec
from tests.contracts.tiny import PREDICTORS, Case
from tests.explainers.metrics.linear import measured, numbers


def against(case: Case, first: str, second: str, metric: str, **params: float) -> Measurement:
    own, other = Arm(ExplainerSpec(first, {})), Arm(ExplainerSpec(second, {}))
    return measure(case.predictor, own, case.requests, [MetricSpec(metric, params)], against=other)[0]


# --- two runs --------------------------------------------------------------------------------------------------------


def test_methods_that_draw_nothing_agree_with_themselves(cases: Mapping[str, Case]) -> None:
    case = cases["text-gru"]

    assert numbers(measured(case.predictor, "saliency", "seed_agreement", case.requests).items) == [1.0] * 7


def test_more_samples_agree_more(cases: Mapping[str, Case]) -> None:
    case = cases["image-cnn"]
    few, many = (
        measured(case.predictor, "lime", "seed_agreement", case.requests, lime__n_samples=n).summary.mean
        for n in (100, 2000)
    )

    assert few < many < 1


def test_stored_explanations_agree_with_the_run_that_made_them(cases: Mapping[str, Case]) -> None:
    """Rounding to seven digits aside, what is judged is what was stored."""
    case, spec = cases["image-cnn"], ExplainerSpec("lime", {"n_samples": 200})
    stored = Arm(spec, tuple(explain(case.predictor, spec, case.requests)))
    metrics = [MetricSpec(name) for name in ("faithfulness_correlation", "deletion", "infidelity", "local_lipschitz")]
    from_stored = measure(case.predictor, stored, case.requests, metrics)
    anew = measure(case.predictor, Arm(spec), case.requests, metrics)

    for one, other in zip(from_stored, anew, strict=True):
        assert numbers(one.items) == pytest.approx(numbers(other.items), rel=1e-4)


# --- two methods -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tabular-mlp", "text-gru", "image-cnn"])
def test_a_method_agrees_with_itself(name: str, cases: Mapping[str, Case]) -> None:
    for metric in ("rank_agreement", "top_k_agreement"):
        found = against(cases[name], "gradient_x_input", "gradient_x_input", metric)
        assert {item.value for item in found.items if item.value is not None} == {1.0}


def test_rank_agreement_is_spearmans_and_takes_sizes_where_one_has_no_direction(cases: Mapping[str, Case]) -> None:
    case = cases["tabular-mlp"]
    found = against(case, "gradient_x_input", "saliency", "rank_agreement")
    pairs = [
        [[abs(feature.weight) for feature in explanation.form.features] for explanation in explanations]
        for explanations in zip(
            explain(case.predictor, ExplainerSpec("gradient_x_input", {}), case.requests),
            explain(case.predictor, ExplainerSpec("saliency", {}), case.requests),
            strict=True,
        )
    ]

    assert numbers(found.items) == pytest.approx([stats.spearmanr(*pair).statistic for pair in pairs])
    assert {item.details["with_signs"] for item in found.items} == {0.0}


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=12))
def test_rank_correlation_turns_with_the_sign_and_is_scipys(weights: list[int]) -> None:
    first, second = np.array(weights, dtype=float), np.arange(len(weights)) ** 2.0
    found = rank_correlation(first, second)

    if len(set(weights)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(stats.spearmanr(first, second).statistic)
        assert rank_correlation(-first, second) == pytest.approx(-found)


def test_random_explanations_share_as_many_of_the_top_as_chance_says() -> None:
    rng = np.random.default_rng(0)
    found = [
        top_k_agreement._value(rng.normal(size=12), np.ones(12), 3, signed=True, rng=rng).value for _ in range(2000)
    ]

    assert np.mean(found) == pytest.approx(3 / 12, abs=4.5 * np.std(found) / np.sqrt(len(found)))


def test_comparison_without_another_method_or_with_another_form_has_a_reason(cases: Mapping[str, Case]) -> None:
    case = cases["image-senn"]
    alone = measured(case.predictor, "saliency", "rank_agreement", case.requests)
    apart = against(case, "saliency", "senn", "top_k_agreement")

    assert (alone.items, alone.reason) == ((), "It holds two methods against each other, and no other was named.")
    assert apart.reason == ("Gradient saliency shows a heatmap, SENN's own explanation concepts: they share no parts.")
    assert apart.against == Arm(ExplainerSpec("senn", {})).checked(case.predictor).spec


# --- a randomized predictor ------------------------------------------------------------------------------------------


def _brightness(batch: Batch) -> list[Attribution]:
    """Looks at the picture alone, as an edge detector does."""
    pixels = (np.frombuffer(request.input.pixels, np.uint8).astype(float) for request in batch.requests)
    return [Attribution(values, {}) for values in pixels]


def test_method_that_never_asks_the_predictor_stays_the_same(
    cases: Mapping[str, Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = cases["image-cnn"]
    real = measured(case.predictor, "saliency", "weight_randomization", case.requests)
    monkeypatch.setattr("explainers.methods.saliency.explain", _brightness)
    blind = measured(case.predictor, "saliency", "weight_randomization", case.requests, cascade="yes")

    assert numbers(blind.items) == [1.0] * 7
    assert {item.curve for item in blind.items} == {(1.0,) * 4}  # two convolutions, one dense layer
    assert real.summary.high < 0.5


def test_placebo_of_random_weights_does_not_notice_that_the_predictor_changed(cases: Mapping[str, Case]) -> None:
    case = cases["image-cnn"]
    found = measured(
        case.predictor, "placebo_random_weights", "weight_randomization", case.requests, placebo__method="saliency"
    )

    assert found.summary.low > 0.9


def test_placebo_of_another_item_is_refused_with_a_reason(cases: Mapping[str, Case]) -> None:
    case = cases["image-cnn"]
    found = measured(case.predictor, "placebo_other_item", "weight_randomization", case.requests)

    assert (found.items, found.reason) == ((), "Placebo: another item's explanation explains another item.")


@pytest.mark.parametrize("name", PREDICTORS)
def test_cascade_draws_one_more_layer_at_a_time_from_the_output_on(name: str, cases: Mapping[str, Case]) -> None:
    predictor = cases[name].predictor
    before = {key: weight.clone() for key, weight in predictor.module.named_parameters()}
    steps = cascade(predictor, seed=3)
    changed = [
        {key for key, weight in step.module.named_parameters() if not torch.equal(weight, before[key])}
        for step in steps
    ]

    assert all(one < other for one, other in pairwise(changed))
    whole = dict(predictor.reinitialised(3).module.named_parameters())
    assert all(torch.equal(weight, whole[key]) for key, weight in steps[-1].module.named_parameters())
    assert all(torch.equal(weight, before[key]) for key, weight in predictor.module.named_parameters())


def test_last_point_of_the_cascade_is_the_first_random_predictor(cases: Mapping[str, Case]) -> None:
    case = cases["text-gru"]
    found = measured(case.predictor, "saliency", "weight_randomization", case.requests, n_models=1, cascade="yes")

    for item in found.items:
        assert item.value is None or item.curve[-1] == item.value
        assert item.value is None or item.curve[0] == 1.0

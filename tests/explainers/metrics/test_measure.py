"""What every metric of the registry promises, on a tiny predictor of every architecture."""

from __future__ import annotations

import copy
import importlib
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from explainers.errors import InputError, ParameterError, UnknownName
from explainers.explain import explain
from explainers.metrics.measure import Arm, measure
from explainers.metrics.registry import METRICS, checked
from explainers.metrics.summary import summarise
from explainers.metrics.types import ItemValue, Measurement, MetricSpec
from explainers.registry import Choice
from explainers.types import ExplainerSpec, TextInput
from tests.contracts.tiny import PREDICTORS, Case

every_case = pytest.mark.parametrize("name", PREDICTORS)
FEW = {"n_neighbours": 3, "n_samples": 20, "n_replacements": 3, "n_random_orders": 1, "n_models": 1}
LIME = ExplainerSpec("lime", {"n_samples": 100})


def specs() -> list[MetricSpec]:
    return [
        MetricSpec(name, {key: value for key, value in FEW.items() if key in found.params})
        for name, found in METRICS.items()
    ]


def own_spec(case: Case) -> ExplainerSpec:
    return ExplainerSpec("senn", {}) if case.predictor.architecture == "senn" else LIME


def everything(case: Case, requests=None, **options) -> list[Measurement]:
    spec = own_spec(case)
    return measure(
        case.predictor,
        Arm(spec),
        case.requests if requests is None else requests,
        specs(),
        against=Arm(spec),
        **options,
    )


def as_bytes(found: list[Measurement]) -> list[list[str]]:
    """The items of each metric."""
    return [[json.dumps(item.to_json()) for item in measurement.items] for measurement in found]


@pytest.fixture(scope="module")
def results(cases: Mapping[str, Case]) -> Mapping[str, list[Measurement]]:
    return {name: everything(cases[name]) for name in PREDICTORS}


@every_case
def test_every_metric_gives_a_bounded_number_or_a_reason(name: str, results: Mapping[str, list[Measurement]]) -> None:
    assert [measurement.metric.name for measurement in results[name]] == list(METRICS)
    for measurement in results[name]:
        entry = METRICS[measurement.metric.name]
        assert measurement.reason == ""
        assert len(measurement.items) == 7
        for item in measurement.items:
            assert (item.value is None) == (item.problem != "")
            numbers = [*item.details.values(), *item.curve, *([] if item.value is None else [item.value])]
            assert numbers == [float(f"{number:.7g}") for number in numbers]
            assert item.value is None or entry.low is None or item.value >= entry.low
            assert item.value is None or entry.high is None or item.value <= entry.high


@every_case
def test_values_are_not_all_alike(name: str, results: Mapping[str, list[Measurement]]) -> None:
    """A metric that answers a constant would keep every other promise."""
    constant = {
        measurement.metric.name
        for measurement in results[name]
        if len({item.value for item in measurement.items if item.value is not None}) < 2
    }
    assert constant <= {
        "rank_agreement",
        "top_k_agreement",
        "seed_agreement",
    }  # held against itself; SENN draws nothing


@every_case
def test_bytes_depend_on_the_item_alone(
    name: str, cases: Mapping[str, Case], results: Mapping[str, list[Measurement]]
) -> None:
    case, whole = cases[name], as_bytes(results[name])

    alone = as_bytes(everything(case, case.requests[3:4]))
    backwards = as_bytes(everything(case, case.requests[::-1], chunk_rows=64))

    assert [column[0] for column in alone] == [column[3] for column in whole]
    assert [column[::-1] for column in backwards] == whole


def test_bytes_do_not_depend_on_the_other_metrics(
    cases: Mapping[str, Case], results: Mapping[str, list[Measurement]]
) -> None:
    case = cases["tabular-mlp"]
    for place, spec in enumerate(specs()):
        alone = measure(case.predictor, Arm(LIME), case.requests, [spec], against=Arm(LIME))
        assert as_bytes(alone) == as_bytes(results["tabular-mlp"][place : place + 1])


def test_global_random_state_is_left_alone(cases: Mapping[str, Case]) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    everything(cases["text-gru"])

    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


@every_case
def test_measurements_come_back_from_json_unchanged(name: str, results: Mapping[str, list[Measurement]]) -> None:
    for measurement in results[name]:
        text = json.dumps(measurement.to_json(), allow_nan=False)
        assert Measurement.from_json(json.loads(text)) == measurement


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_item_that_fails_says_so_and_the_others_go_on(
    cases: Mapping[str, Case], results: Mapping[str, list[Measurement]]
) -> None:
    case = cases["text-gru"]
    requests = list(case.requests)
    requests[2] = replace(requests[2], input=TextInput(()))
    found = everything(case, requests)

    for measurement, whole in zip(found, results["text-gru"], strict=True):
        assert measurement.items[2] == ItemValue(
            None, problem="requests[2].input: input: 0 tokens came, 1 to 256 were expected"
        )
        assert measurement.items[:2] + measurement.items[3:] == whole.items[:2] + whole.items[3:]


def test_weights_that_are_no_numbers_are_a_problem_of_every_item(cases: Mapping[str, Case]) -> None:
    case = cases["tabular-mlp"]
    broken = copy.copy(case.predictor)
    broken.module = copy.deepcopy(broken.module)
    with torch.no_grad():
        next(broken.module.parameters()).fill_(float("nan"))
    found = measure(broken, Arm(ExplainerSpec("saliency", {})), case.requests, [MetricSpec("deletion")])[0]

    assert (found.summary.mean, found.summary.n_undefined) == (None, 7)
    assert "not finite" in found.items[0].problem


def test_answers_that_are_no_numbers_are_a_problem_of_every_item(cases: Mapping[str, Case]) -> None:
    """Stored explanations are finite; the predictor that answers now is not."""
    case, spec = cases["tabular-mlp"], ExplainerSpec("saliency", {})
    stored = explain(case.predictor, spec, case.requests)
    broken = copy.copy(case.predictor)
    broken.module = copy.deepcopy(broken.module)
    with torch.no_grad():
        next(broken.module.parameters()).fill_(float("nan"))
    same_class = tuple(replace(explanation, explained_class=0) for explanation in stored)
    found = measure(broken, Arm(spec, same_class), case.requests, [MetricSpec("deletion")])[0]

    assert {item.problem for item in found.items} == {"The predictor or the method gave a number that is not finite."}


def test_explanations_of_another_output_are_a_problem(cases: Mapping[str, Case]) -> None:
    case, spec = cases["tabular-mlp"], ExplainerSpec("saliency", {})
    stored = list(explain(case.predictor, spec, case.requests))
    stored[0] = replace(stored[0], explained_class=1 - stored[0].explained_class)
    found = measure(case.predictor, Arm(spec, tuple(stored)), case.requests, [MetricSpec("sparsity")])[0]

    assert "give the explanations of this predictor" in found.items[0].problem
    assert found.summary.n_undefined == 1


def test_bad_requests_are_refused(cases: Mapping[str, Case]) -> None:
    case = cases["tabular-mlp"]
    arm = Arm(ExplainerSpec("saliency", {}))
    with pytest.raises(UnknownName, match=r"^metric: 'luck' is none of faithfulness_correlation, "):
        measure(case.predictor, arm, case.requests, [MetricSpec("luck")])
    with pytest.raises(ParameterError, match=r"^metric\.params\.n_samples: 3 is below 10$"):
        measure(case.predictor, arm, case.requests, [MetricSpec("infidelity", {"n_samples": 3})])
    with pytest.raises(ParameterError, match=r"^metric\.params\.radius: deletion has no such parameter$"):
        measure(case.predictor, arm, case.requests, [MetricSpec("deletion", {"radius": 0.1})])
    with pytest.raises(ParameterError, match="needs a predictor of architecture senn"):
        measure(case.predictor, Arm(ExplainerSpec("senn", {})), case.requests)
    with pytest.raises(ParameterError, match=r"^level: 1\.5 is not between 0 and 1$"):
        measure(case.predictor, arm, case.requests, level=1.5)
    with pytest.raises(InputError, match=r"^arm\.explanations: 0 came, 7 requests need as many$"):
        measure(case.predictor, Arm(arm.spec, ()), case.requests)


def test_sizes_without_direction_have_no_infidelity(cases: Mapping[str, Case]) -> None:
    case = cases["image-cnn"]
    found = measure(case.predictor, Arm(ExplainerSpec("saliency", {})), case.requests, [MetricSpec("infidelity")])[0]

    assert found.reason == (
        "Gradient saliency gives sizes without direction: they do not say whether the answer would rise or fall."
    )
    assert (found.items, found.summary.mean) == ((), None)


def test_no_requests_give_empty_measurements(cases: Mapping[str, Case]) -> None:
    found = everything(cases["tabular-mlp"], [])

    assert [measurement.items for measurement in found] == [()] * len(METRICS)


def test_progress_counts_up_to_the_number_of_items_and_may_cancel(cases: Mapping[str, Case]) -> None:
    case, seen = cases["tabular-mlp"], []
    arm, one = Arm(ExplainerSpec("saliency", {})), [MetricSpec("sparsity")]
    measure(case.predictor, arm, case.requests[:1] * 70, one, progress=seen.append)

    assert seen == [32, 64, 70]

    def cancel(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(case.predictor, arm, case.requests, one, progress=cancel)


# --- registry and summary --------------------------------------------------------------------------------------------


def test_entries_say_what_people_need_and_name_a_function() -> None:
    for name, found in METRICS.items():
        module, _, attribute = found.path.partition(":")
        assert callable(getattr(importlib.import_module(module), attribute))
        assert module == f"explainers.metrics.{name}"
        for text in (found.title, found.summary, found.reference, found.unit):
            assert text
        assert found.summary.endswith(".")
        for param in found.params.values():
            assert param.help.endswith(".")
            if not isinstance(param, Choice):
                assert param.low <= param.default <= param.high
        assert checked(MetricSpec(name)).params == {key: param.default for key, param in found.params.items()}


def test_web_server_reads_registry_and_types_without_torch() -> None:
    code = (
        "import sys, explainers.metrics.registry, explainers.metrics.types; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_interval_holds_the_mean_as_often_as_its_level_says() -> None:
    """Ten items drawn from a normal distribution, 2,000 times: coverage within 4.5 standard errors of 90 %."""
    rng, held = np.random.default_rng(1), 0
    for draw in rng.normal(2.0, 1.0, size=(2000, 10)):
        found = summarise([ItemValue(float(value)) for value in draw], level=0.9)
        held += found.low <= 2.0 <= found.high

    assert held / 2000 == pytest.approx(0.9, abs=4.5 * np.sqrt(0.09 / 2000))


def test_summary_of_few_values_says_what_it_lacks() -> None:
    none = summarise([ItemValue(None, problem="x")], level=0.95)
    one = summarise([ItemValue(3.0), ItemValue(None, problem="x")], level=0.95)
    alike = summarise([ItemValue(3.0)] * 4, level=0.95)
    cut = summarise([ItemValue(0.0), ItemValue(0.9)], level=0.95, low=0.0, high=1.0)

    assert (none.mean, none.low, none.n_items, none.n_undefined) == (None, None, 0, 1)
    assert (one.mean, one.median, one.low, one.n_items, one.n_undefined) == (3.0, 3.0, None, 1, 1)
    assert (alike.low, alike.high) == (3.0, 3.0)
    assert (cut.mean, cut.low, cut.high) == (0.45, 0.0, 1.0)

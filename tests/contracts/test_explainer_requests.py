"""What an entry says, what is refused with its path, and what is asked for while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from explainers.errors import ExplainerError, InputError, ParameterError, UnknownName
from explainers.explain import explain
from explainers.methods.base import method
from explainers.registry import EXPLAINERS, Choice, base_of
from explainers.types import ExplainerSpec, ItemRequest
from tests.contracts.explainer_runs import Run, every_run, with_weights
from tests.contracts.tiny import Case


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, found in EXPLAINERS.items() for key in found.params])
def test_parameters_out_of_bounds_are_refused_with_their_path(name: str, key: str, cases: Mapping[str, Case]) -> None:
    param = EXPLAINERS[name].params[key]
    wrong = ["unheard"] if isinstance(param, Choice) else [param.low - 1, param.high + 1, "many"]

    for value in wrong:
        with pytest.raises(ParameterError, match=rf"^explainer\.params\.{key}: "):
            explain(cases["tabular-mlp"].predictor, ExplainerSpec(name, {key: value}), [])


@pytest.mark.parametrize("name", EXPLAINERS)
def test_entry_says_what_the_web_server_shows(name: str) -> None:
    found = EXPLAINERS[name]

    assert callable(method(name))
    assert found.title
    assert found.summary.endswith(".")
    assert "arXiv" in found.reference or "AAAI" in found.reference
    assert all(param.help.endswith(".") for param in found.params.values())


@every_run
def test_an_input_of_another_modality_is_refused_with_its_place(run: Run, cases: Mapping[str, Case]) -> None:
    foreign = next(case for case in cases.values() if case.modality != cases[run.case].modality).requests[0]

    with pytest.raises(InputError, match=r"^requests\[1\]\.input: "):
        explain(cases[run.case].predictor, run.spec, [cases[run.case].requests[0], foreign])


@every_run
def test_a_number_that_is_not_finite_names_its_item(run: Run, cases: Mapping[str, Case]) -> None:
    broken = with_weights(cases[run.case].predictor, float("nan"))

    with pytest.raises(ExplainerError, match=r"^requests\[0\]"):
        explain(broken, run.spec, [replace(cases[run.case].requests[0])])


@pytest.mark.parametrize("base", [None, "placebo_random_weights", "placebo_other_item"])
@pytest.mark.parametrize("name", ["tabular-mlp", "text-gru", "image-cnn"])
def test_senn_is_refused_for_other_architectures(base: str | None, name: str, cases: Mapping[str, Case]) -> None:
    spec = ExplainerSpec("senn", {}) if base is None else ExplainerSpec(base, {"method": "senn"})

    with pytest.raises(ParameterError, match="needs a predictor of architecture senn"):
        explain(cases[name].predictor, spec, cases[name].requests)


def test_unknown_names_and_parameters_are_refused(cases: Mapping[str, Case]) -> None:
    model = cases["tabular-mlp"].predictor

    with pytest.raises(UnknownName, match="'limes' is none of lime, "):
        explain(model, ExplainerSpec("limes", {}), [])
    with pytest.raises(ParameterError, match=r"^explainer\.params\.samples: lime has no such parameter"):
        explain(model, ExplainerSpec("lime", {"samples": 100}), [])
    with pytest.raises(ParameterError, match=r"^chunk_rows: 63 is below 64"):
        explain(model, ExplainerSpec("lime", {}), [], chunk_rows=63)


@every_run
def test_no_requests_give_no_explanations(run: Run, cases: Mapping[str, Case]) -> None:
    assert explain(cases[run.case].predictor, run.spec, []) == []


@every_run
def test_progress_counts_up_to_the_number_of_items(run: Run, cases: Mapping[str, Case]) -> None:
    seen: list[int] = []
    base = base_of(run.spec)
    n_items = 20 if base.params and base.rows != 64 else 70  # with samples or steps, parts are smaller
    requests = cases[run.case].requests[:1] * n_items
    explain(cases[run.case].predictor, run.spec, requests, chunk_rows=64, progress=seen.append)

    assert seen == sorted(set(seen))
    assert seen[-1] == n_items
    assert len(seen) > 1


def test_requests_without_donor_are_refused_by_the_placebo_that_needs_one(cases: Mapping[str, Case]) -> None:
    case = cases["text-gru"]
    without = [case.requests[0], ItemRequest(case.inputs[1], seed=1)]

    with pytest.raises(InputError, match=r"^requests\[1\]\.donor: .* none came"):
        explain(case.predictor, ExplainerSpec("placebo_other_item", {"method": "saliency"}), without)

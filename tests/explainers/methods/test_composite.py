"""Several methods on one page: each part is what the method gives alone, and so is each part of a placebo."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from explainers.errors import ParameterError
from explainers.explain import explain
from explainers.registry import EXPLAINERS, checked, forms_of, needs_of, parts_of
from explainers.types import Composite, ExplainerSpec, Part
from tests.contracts.tiny import Case

NAMES = ("lime", "decision_boundary", "nearest_examples")
FEW = {"n_samples": 200, "max_changes": 2}
THREE = dict(zip(("first", "second", "third"), NAMES, strict=True))


@pytest.mark.parametrize("case_name", ["tabular-mlp", "text-gru"])
def test_each_part_is_what_the_method_gives_alone(case_name: str, cases: Mapping[str, Case]) -> None:
    case = cases[case_name]
    columns = []
    for name in NAMES:
        few = {key: value for key, value in FEW.items() if key in EXPLAINERS[name].params}
        columns.append(explain(case.predictor, ExplainerSpec(name, few), case.requests))

    together = explain(case.predictor, ExplainerSpec("composite", {**THREE, **FEW}), case.requests)

    for explanation, *alone in zip(together, *columns, strict=True):
        signed = [EXPLAINERS[name].signed for name in NAMES]
        expected = tuple(Part(one.form, is_signed) for one, is_signed in zip(alone, signed, strict=True))
        assert explanation.form == Composite(expected)
        own = {f"{name}_{key}": v for name, one in zip(NAMES, alone, strict=True) for key, v in one.diagnostics.items()}
        samples = sum(one.diagnostics.get("samples", 0) for one in alone)
        agreement = alone[0].diagnostics["seed_r"]
        assert explanation.diagnostics == {**own, "samples": samples, "seed_r": agreement}


@pytest.mark.parametrize("placebo", ["placebo_random_weights", "placebo_other_item", "placebo_random"])
def test_the_placebo_is_the_composite_of_the_placebos(placebo: str, cases: Mapping[str, Case]) -> None:
    case = cases["tabular-mlp"]
    alone = [explain(case.predictor, ExplainerSpec(placebo, {"method": name, **FEW}), case.requests) for name in NAMES]

    together = explain(case.predictor, ExplainerSpec(placebo, {"method": "composite", **THREE, **FEW}), case.requests)

    for explanation, *parts in zip(together, *alone, strict=True):
        assert isinstance(explanation.form, Composite)
        assert [part.form for part in explanation.form.parts] == [part.form for part in parts]
        assert [part.is_signed for part in explanation.form.parts] == [EXPLAINERS[name].signed for name in NAMES]


def test_the_parts_take_the_parameters_that_they_know() -> None:
    lime, examples = parts_of(checked(ExplainerSpec("composite", {"n_samples": 300, "n_examples": 2})))

    assert (lime.name, lime.params["n_samples"], "n_examples" in lime.params) == ("lime", 300, False)
    assert (examples.name, dict(examples.params)) == ("nearest_examples", {"n_examples": 2})
    assert parts_of(ExplainerSpec("lime", {})) == ()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"second": "lime"}, r"^explainer\.params\.second: lime is on the page already"),
        ({"third": "nearest_examples"}, r"^explainer\.params\.third: nearest_examples is on the page already"),
        ({"first": "grad_cam", "second": "senn"}, r"^explainer\.params\.second: no predictor goes with all of these"),
        (
            {"first": "anchors", "second": "latent_shift"},
            r"^explainer\.params\.second: no items can be explained by all",
        ),
        ({"first": "composite"}, r"^explainer\.params\.first: 'composite' is none of lime, "),
    ],
)
@pytest.mark.parametrize("name", ["composite", "placebo_other_item"])
def test_what_cannot_stand_together_is_refused(name: str, params: dict[str, str], message: str) -> None:
    spec = ExplainerSpec(name, params if name == "composite" else {"method": "composite", **params})

    with pytest.raises(ParameterError, match=message):
        checked(spec)


def test_a_composite_serves_and_needs_what_its_parts_have_in_common(cases: Mapping[str, Case]) -> None:
    of_pictures = ExplainerSpec("composite", {"first": "grad_cam"})
    of_texts = ExplainerSpec("composite", {"first": "attention", "second": "attention_rollout"})

    assert dict(forms_of(of_pictures)) == {"image": "composite"}
    assert (needs_of(of_pictures), needs_of(of_texts)) == (("cnn",), ("transformer",))
    assert needs_of(ExplainerSpec("composite", {})) == ()
    with pytest.raises(ParameterError, match="composite serves image, not tabular"):
        explain(cases["tabular-mlp"].predictor, of_pictures, cases["tabular-mlp"].requests)

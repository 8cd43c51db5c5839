"""Anchors against the truth: for tables every training row can be drawn, so precision is a mean over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from explainers.errors import MaterialError, ParameterError
from explainers.explain import explain
from explainers.methods.base import Batch, generator
from explainers.methods.conditions import conditions, coverage, holding
from explainers.methods.lucb import MARGIN
from explainers.predictors.base import Predictor
from explainers.registry import checked
from explainers.types import ExplainerSpec, ItemRequest, Rule, TabularInput, TextInput
from tests.contracts.tiny import Case, items, predictor

SPEC = ExplainerSpec("anchors", {})


class Planted(torch.nn.Module):
    """Says "yes" to rows of the values wanted, or texts that hold all the words wanted, and "no" to any other."""

    def __init__(self, wanted: tuple[int, ...]) -> None:
        super().__init__()
        self.wanted = wanted
        self.scale = torch.nn.Parameter(torch.tensor(5.0))

    def forward(self, encoded: torch.Tensor) -> torch.Tensor:
        if encoded.is_floating_point():
            has = torch.stack([encoded[:, code] > 0 for code in self.wanted]).all(0)
        else:
            has = torch.stack([(encoded == code).any(1) for code in self.wanted]).all(0)
        yes = self.scale * (2 * has.float() - 1)
        return torch.stack([-yes, yes], 1)


def planted(name: str, wanted: tuple[int, ...]) -> Predictor:
    model = predictor(name).learned_from(lambda: items(model.modality, 400, seed=3))
    model.module = Planted(wanted)
    return model


def exact_precision(model: Predictor, item: TabularInput, held: np.ndarray, class_index: int) -> float:
    """The rule's values put into every training row."""
    rows = [
        TabularInput(
            tuple(own if keep else other for own, other, keep in zip(item.values, row.values, held, strict=True))
        )
        for row in model.background.inputs
        if isinstance(row, TabularInput)
    ]
    return float(np.mean([output.class_index == class_index for output in model.outputs(rows)]))


def held(form: Rule) -> np.ndarray:
    return np.array([part.is_condition for part in form.parts])


def test_a_planted_rule_of_values_is_found() -> None:
    """Columns 3 ("49 or older") and 8 ("41 or more")."""
    model = planted("tabular-mlp", (3, 8))
    item = TabularInput(
        (
            ("Age", "49 or older"),
            ("Work", "public"),
            ("Hours a week", "41 or more"),
            ("Country", "one"),
            ("Schooling", "college"),
        )
    )

    found = explain(model, SPEC, [ItemRequest(item, seed) for seed in range(5)])

    for explanation in found:
        assert isinstance(explanation.form, Rule)
        assert [part.name for part in explanation.form.conditions] == ["Age", "Hours a week"]
        assert explanation.form.precision == 1.0
        fitting = [dict(row.values) for row in model.background.inputs if isinstance(row, TabularInput)]
        share = np.mean([row["Age"] == "49 or older" and row["Hours a week"] == "41 or more" for row in fitting])
        assert explanation.form.coverage == pytest.approx(share, rel=1e-6)


def test_planted_words_are_found_wherever_they_stand() -> None:
    model = planted("text-gru", (4, 9))  # word2 and word7
    text = TextInput(("word5", "word2", "word20", "word11", "word7", "word1"))

    found = explain(model, SPEC, [ItemRequest(text, seed) for seed in range(3)])

    assert all([part.value for part in explanation.form.conditions] == ["word2", "word7"] for explanation in found)


def test_an_output_that_never_changes_needs_no_condition() -> None:
    model = planted("tabular-mlp", (3, 8))
    no = [
        item
        for item, output in zip(items("tabular", 40, 5), model.outputs(items("tabular", 40, 5)), strict=True)
        if output.class_index == 0
    ]
    with torch.no_grad():
        model.module.scale.zero_()  # both classes alike: the first is the output, always

    for explanation in explain(model, SPEC, [ItemRequest(item, 0) for item in no[:3]]):
        assert explanation.form.conditions == ()
        assert (explanation.form.precision, explanation.form.coverage) == (1.0, 1.0)


def test_precision_is_that_of_all_training_rows(cases: Mapping[str, Case]) -> None:
    """The rule that is taken for an anchor misses the precision asked for with probability delta at most."""
    case = cases["tabular-mlp"]
    requests = [replace(request, seed=seed) for request in case.requests for seed in range(4)]
    anchors = [
        (request.input, explanation)
        for request, explanation in zip(requests, explain(case.predictor, SPEC, requests), strict=True)
        if explanation.diagnostics["is_anchor"]
    ]

    exact = [exact_precision(case.predictor, item, held(e.form), e.explained_class) for item, e in anchors]
    missed = [precision < 0.95 - MARGIN for precision in exact]
    below = [precision < e.diagnostics["precision_low"] for precision, (_, e) in zip(exact, anchors, strict=True)]
    assert len(anchors) >= 14
    assert max(sum(missed), sum(below)) <= 0.1 * len(anchors)


@pytest.mark.parametrize("name", ["tabular-mlp", "text-gru"])
def test_draws_hold_what_is_held_and_change_the_rest(name: str, cases: Mapping[str, Case]) -> None:
    case = cases[name]
    found = conditions(Batch(case.predictor, case.requests, (0,) * 7, {}, 4096))
    own = case.predictor.encode([case.inputs[4]])[0]
    n_units = len(found.held_by(4))
    sets = np.arange(n_units) < np.array([[0], [2], [n_units]])

    rows = found.rows({4: sets}, 300, [generator(n, 0) for n in range(7)]).reshape(3, 300, -1)

    assert torch.equal(rows[2], own.expand(300, -1) if name == "tabular-mlp" else rows[2, :1].expand(300, -1))
    first_two = rows[1][:, :2] if name == "text-gru" else rows[1][:, :7]
    assert torch.equal(first_two, own[: first_two.shape[1]].expand_as(first_two))
    if name == "text-gru":
        assert (rows[0][:, :n_units] != 0).float().mean().item() == pytest.approx(0.5, abs=0.03)
    else:
        shares = case.predictor.background.rows.mean(0)
        assert torch.allclose(rows[0].mean(0), shares, atol=0.13)  # 4.5 standard errors of 300 draws
        assert {tuple(row) for row in rows[0].tolist()} <= {
            tuple(row) for row in case.predictor.background.rows.tolist()
        }


@pytest.mark.parametrize("name", ["tabular-mlp", "text-gru"])
def test_coverage_is_the_share_of_training_items_that_hold_all(name: str, cases: Mapping[str, Case]) -> None:
    case = cases[name]
    model, item = case.predictor, case.inputs[2]
    parts = item.values if isinstance(item, TabularInput) else item.tokens
    sets = np.random.default_rng(0).random((20, len(parts))) < 0.4
    sets[0] = False

    def share(own: np.ndarray) -> float:
        wanted = {part for part, keep in zip(parts, own, strict=True) if keep}
        return float(np.mean([wanted <= set(getattr(i, "values", None) or i.tokens) for i in model.background.inputs]))

    expected = [0.0 if "unheard" in {p for p, k in zip(parts, own, strict=True) if k} else share(own) for own in sets]
    assert coverage(model.background, holding(model, item), sets).tolist() == pytest.approx(expected)


def test_rules_get_no_longer_than_allowed_and_draws_end_at_the_budget(cases: Mapping[str, Case]) -> None:
    case = cases["text-senn"]
    spec = ExplainerSpec("anchors", {"precision": 0.99, "max_conditions": 2, "max_rows": 1500})

    for explanation in explain(case.predictor, spec, case.requests):
        assert len(explanation.form.conditions) <= 2
        # the first draws of 60 candidates, a round, and close looks at four candidates of three sizes may pass it
        assert explanation.diagnostics["samples"] <= 1500 + 20 * 60 + 200 + 12 * 300


def test_what_it_was_trained_on_must_be_known() -> None:
    model = predictor("tabular-mlp")

    with pytest.raises(MaterialError, match="tiny-tabular-mlp: what it was trained on is not known"):
        explain(model, SPEC, [ItemRequest(items("tabular", 1, 0)[0], 0)])


def test_pictures_are_refused(cases: Mapping[str, Case]) -> None:
    case = cases["image-cnn"]

    with pytest.raises(ParameterError, match="anchors serves tabular, text, not image"):
        explain(case.predictor, SPEC, case.requests)
    with pytest.raises(ParameterError, match="rules are of variables or words"):
        conditions(Batch(case.predictor, case.requests, (0,) * 7, checked(SPEC).params, 4096))

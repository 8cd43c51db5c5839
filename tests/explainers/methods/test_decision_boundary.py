"""Decision-boundary examples: by the definition, in closed form where the predictor is linear, and their placebos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from explainers.errors import ParameterError
from explainers.explain import explain
from explainers.methods.base import Batch
from explainers.methods.changes import changes
from explainers.perturbations.tabular import MIN_TOGETHER
from explainers.predictors.base import Predictor
from explainers.registry import checked
from explainers.types import ExplainerSpec, Input, ItemRequest, Strip, TabularInput, TextInput
from tests.contracts.tiny import PREDICTORS, VARIABLES, Case

NAME = "decision_boundary"
CASES = [name for name in PREDICTORS if not name.startswith("image")]


def strips(case: Case, name: str = NAME, **params: int | str) -> list[Strip]:
    given_params = params if name == NAME else {"method": NAME, **params}
    found = [
        explanation.form for explanation in explain(case.predictor, ExplainerSpec(name, given_params), case.requests)
    ]
    assert all(isinstance(form, Strip) for form in found)
    return found  # type: ignore[return-value]


def margin(model: Predictor, item: Input, class_index: int) -> float:
    with torch.no_grad():
        logits = model.logits(model.encode([item]))[0]
    return float(logits[class_index] - logits[1 - class_index])


@pytest.mark.parametrize("name", CASES)
def test_margins_are_those_of_the_inputs_that_are_shown(name: str, cases: Mapping[str, Case]) -> None:
    model = cases[name].predictor
    for strip, output in zip(strips(cases[name]), model.outputs(cases[name].inputs), strict=True):
        expected = [margin(model, step.input, output.class_index) for step in strip.steps]
        assert [step.margin for step in strip.steps] == pytest.approx(expected, rel=1e-4, abs=2e-5)


@pytest.mark.parametrize("name", CASES)
def test_the_output_changes_at_the_last_step_and_not_before(name: str, cases: Mapping[str, Case]) -> None:
    model, found = cases[name].predictor, strips(cases[name])

    for strip in found:
        said = [output.class_index for output in model.outputs([step.input for step in strip.steps])]
        assert len(set(said[:-1])) == (1 if len(said) > 1 else 0)
        assert strip.crosses == (said[-1] != said[0])
    assert sum(strip.crosses for strip in found) >= 4


def neighbours(model: Predictor, item: TabularInput) -> list[TabularInput]:
    """All rows with another value in one variable that stands in training with each of the other values."""
    together = Counter(
        pair
        for row in model.background.inputs
        if isinstance(row, TabularInput)
        for pair in product(row.values, repeat=2)
    )
    found = []
    for place, variable in enumerate(VARIABLES):
        for value in variable.categories:
            values = [*item.values]
            values[place] = (variable.name, value)
            fits = all(together[values[place], other] >= MIN_TOGETHER for other in values)
            if fits and value != item.values[place][1]:
                found.append(TabularInput(tuple(values)))
    return found


@pytest.mark.parametrize("name", ["tabular-mlp", "tabular-senn"])
def test_where_one_change_is_enough_it_is_the_one_nearest_to_the_boundary(name: str, cases: Mapping[str, Case]) -> None:
    """All rows at one change are asked one by one."""
    model, case = cases[name].predictor, cases[name]
    n_single = 0
    for near, far, item, output in zip(
        strips(case), strips(case, crossing="furthest"), case.inputs, model.outputs(case.inputs), strict=True
    ):
        assert isinstance(item, TabularInput)
        beyond = [found for other in neighbours(model, item) if (found := margin(model, other, output.class_index)) < 0]
        assert (len(near.steps) == 2 and near.crosses) == bool(beyond)
        if beyond:
            n_single += 1
            assert near.steps[1].margin == pytest.approx(max(beyond), abs=2e-5)
            assert far.steps[1].margin == pytest.approx(min(beyond), abs=2e-5)
    assert n_single >= 2


class _Sum(nn.Module):
    """Class 1's logit is a weighted sum of the columns, class 0's is 0."""

    def __init__(self, weights: list[float], bias: float) -> None:
        super().__init__()
        self.layer = nn.Linear(len(weights), 1)
        with torch.no_grad():
            self.layer.weight[:] = torch.tensor(weights)
            self.layer.bias[:] = bias

    def forward(self, encoded: torch.Tensor) -> torch.Tensor:
        score = self.layer(encoded)
        return torch.cat([torch.zeros_like(score), score], 1)


def linear(model: Predictor, weights: list[float], bias: float) -> Predictor:
    """A linear predictor of the same variables that has seen every row equally often."""
    other = type(model)(  # type: ignore[call-arg]
        name="sum", architecture="mlp", classes=model.classes, module=_Sum(weights, bias), variables=VARIABLES
    )
    names = [variable.name for variable in VARIABLES]
    rows = [
        TabularInput(tuple(zip(names, values, strict=True)))
        for values in product(*(variable.categories for variable in VARIABLES))
    ]
    return other.learned_from(lambda: rows)


N_COLUMNS = sum(len(variable.categories) for variable in VARIABLES)
weights_of_columns = st.lists(
    st.integers(-50, 50).map(lambda whole: whole / 10), min_size=N_COLUMNS, max_size=N_COLUMNS
)


@settings(max_examples=25, deadline=None)
@given(weights=weights_of_columns, bias=st.integers(-50, 50).map(lambda whole: whole / 10 + 0.05))
def test_of_a_linear_predictor_the_way_takes_the_largest_differences_first(
    cases: Mapping[str, Case], weights: list[float], bias: float
) -> None:
    """In closed form: variable by variable the best other value, the largest gain first, until the sum crosses."""
    model = linear(cases["tabular-mlp"].predictor, weights, bias)
    request = cases["tabular-mlp"].requests[0]
    (explanation,) = explain(model, ExplainerSpec(NAME, {"max_changes": 12, "crossing": "furthest"}), [request])
    row = model.encode([request.input])[0].numpy() > 0
    side = 1 if explanation.explained_class else -1
    by_variable = [np.array(weights[group]) * side for group in model.groups]  # type: ignore[attr-defined]
    own = [np.array(row[group]) for group in model.groups]  # type: ignore[attr-defined]
    gains = sorted((float(w[o][0] - w.min()) for w, o in zip(by_variable, own, strict=True)), reverse=True)
    start = side * (sum(w for w, o in zip(weights, row, strict=True) if o) + bias)

    expected = [start, *(start - np.cumsum([gain for gain in gains if gain > 0]))]
    n_kept = next((n for n, value in enumerate(expected) if value < 0), len(expected) - 1) + 1

    assert [step.margin for step in explanation.form.steps] == pytest.approx(expected[:n_kept], abs=1e-4)
    assert explanation.form.crosses == (expected[n_kept - 1] < 0)


def test_an_item_that_no_change_brings_to_another_output_says_so(cases: Mapping[str, Case]) -> None:
    """The sum stays far from 0 whatever the row is; without an effect of any column there is no way at all."""
    model, request = cases["tabular-mlp"].predictor, cases["tabular-mlp"].requests[0]

    far = linear(model, [0.5 if column % 2 else 0.0 for column in range(N_COLUMNS)], 100.0)
    (found,) = explain(far, ExplainerSpec(NAME, {"max_changes": 2}), [request])
    (none,) = explain(linear(model, [0.0] * N_COLUMNS, 1.0), ExplainerSpec(NAME, {}), [request])

    assert (found.form.crosses, len(found.form.steps), found.diagnostics["crosses"]) == (False, 3, 0.0)
    assert (none.form.crosses, len(none.form.steps), none.diagnostics["changes"]) == (False, 1, 0.0)


@pytest.mark.parametrize("name", ["text-gru", "text-senn"])
def test_new_words_have_stood_beside_a_neighbour_in_training(name: str, cases: Mapping[str, Case]) -> None:
    """Listed anew from the training texts: usual words, in the vocabulary, often enough."""
    case = cases[name]
    known = changes(Batch(case.predictor, case.requests, (0,) * 7, checked(ExplainerSpec(NAME, {})).params, 4096))
    texts = [text.tokens for text in case.predictor.background.inputs if isinstance(text, TextInput)]
    counts = Counter(word for text in texts for word in text)
    frequent = {word for word, _ in counts.most_common(1)}  # of 31 words one in twenty

    n_replaced = 0
    for place, item in enumerate(case.inputs):
        assert isinstance(item, TextInput)
        possible = known.possible(known.start(place))
        for change in possible:
            if change.new is None:
                assert len(item.tokens) > 1
                continue
            left, right = item.tokens[: change.unit][-1:], item.tokens[change.unit + 1 :][:1]
            beside = {
                word
                for text in texts
                for n, word in enumerate(text)
                if (left and text[:n][-1:] == left) or (right and text[n + 1 : n + 2] == right)
            }
            assert change.new in beside
            assert change.new not in frequent
            assert item.tokens[change.unit] not in frequent | {change.new}
            n_replaced += 1
        assert sum(change.new is None for change in possible) == (len(item.tokens) if len(item.tokens) > 1 else 0)
    assert n_replaced > 50


def test_without_replacements_words_are_left_out_and_one_stays(cases: Mapping[str, Case]) -> None:
    for strip in strips(cases["text-gru"], n_replacements=0, max_changes=12):
        assert all(step.change is None or step.change[2] == "" for step in strip.steps)
        assert all(step.input.tokens for step in strip.steps)  # type: ignore[union-attr]


def kinds(strip: Strip) -> list[bool]:
    return [step.change[2] == "" for step in strip.steps if step.change]


@pytest.mark.parametrize("placebo_name", ["placebo_random_weights", "placebo_random"])
@pytest.mark.parametrize("name", CASES)
def test_placebos_of_the_item_itself_take_other_changes_of_the_same_kinds(
    name: str, placebo_name: str, cases: Mapping[str, Case]
) -> None:
    for real, placebo in zip(strips(cases[name]), strips(cases[name], placebo_name), strict=True):
        taken = {(step.change[0], step.change[2]) for step in real.steps if step.change}
        shown = {(step.change[0], step.change[2]) for step in placebo.steps if step.change}
        assert [step.margin for step in placebo.steps] == [step.margin for step in real.steps]
        assert (kinds(placebo), placebo.crosses) == (kinds(real), real.crosses)
        assert not taken & shown


@pytest.mark.parametrize("name", ["tabular-mlp", "text-gru"])
def test_the_placebo_of_another_item_changes_the_items_own_parts_as_the_donors_way_does(
    name: str, cases: Mapping[str, Case]
) -> None:
    case = cases[name]
    of_donors = Case(case.predictor, tuple(ItemRequest(r.donor, r.seed) for r in case.requests if r.donor))
    for donor, placebo, item in zip(strips(of_donors), strips(case, "placebo_other_item"), case.inputs, strict=True):
        assert placebo.steps[0].input == item
        assert len(placebo.steps) <= len(donor.steps)
        if name == "tabular-mlp" and len(placebo.steps) == len(donor.steps):
            assert [step.change and step.change[0] for step in placebo.steps][:2] == [
                step.change and step.change[0] for step in donor.steps
            ][:2]
            assert [step.margin for step in placebo.steps] == [step.margin for step in donor.steps]


def test_pictures_are_refused(cases: Mapping[str, Case]) -> None:
    with pytest.raises(ParameterError, match="serves tabular, text, not image"):
        explain(cases["image-cnn"].predictor, ExplainerSpec(NAME, {}), cases["image-cnn"].requests)

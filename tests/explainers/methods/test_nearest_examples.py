"""Nearest examples: by the definition, on what the last linear layer sees."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import nn

from explainers.explain import explain
from explainers.methods.nearest_examples import _seen
from explainers.types import Examples, ExplainerSpec, ItemRequest, TextInput
from tests.contracts.tiny import PREDICTORS, Case

SPEC = ExplainerSpec("nearest_examples", {"n_examples": 4})


@pytest.mark.parametrize("name", PREDICTORS)
def test_no_training_item_is_nearer_than_those_shown(name: str, cases: Mapping[str, Case]) -> None:
    case = cases[name]
    model = case.predictor
    known = list(dict.fromkeys(model.background.inputs))

    for request, explanation in zip(case.requests, explain(model, SPEC, case.requests), strict=True):
        assert isinstance(explanation.form, Examples)
        others = [item for item in known if item != request.input]
        near = _seen(model, model.encode([request.input, *others]))[0]
        distances = dict(zip(others, np.linalg.norm(near[1:] - near[0], axis=1), strict=True))
        shown = [distances[example.input] for example in explanation.form.examples]
        assert shown == pytest.approx(np.sort(list(distances.values()))[:4], abs=2e-6)


def test_hidden_values_are_those_before_the_last_layer(cases: Mapping[str, Case]) -> None:
    """Written out: a perceptron's second hidden layer, and the features of a convolutional net."""
    for name in ("tabular-mlp", "image-cnn"):
        model = cases[name].predictor
        rows = model.encode(cases[name].inputs)
        *before, last = model.module.layers
        assert isinstance(last, nn.Linear)

        hidden, classes = _seen(model, rows)

        with torch.no_grad():
            expected = nn.Sequential(*before)(rows)
            outputs = last(expected).argmax(1)
        np.testing.assert_allclose(hidden, expected.numpy(), atol=1e-5)
        assert classes.tolist() == outputs.tolist()


@pytest.mark.parametrize("name", ["text-gru", "text-transformer", "text-senn"])
def test_padding_changes_no_text(name: str, cases: Mapping[str, Case]) -> None:
    model = cases[name].predictor
    rows = model.encode([TextInput(("word1", "word2", "word3"))])

    alone, padded = (_seen(model, nn.functional.pad(rows, (0, more)))[0] for more in (0, 13))

    np.testing.assert_allclose(alone, padded, atol=1e-5)


def test_a_net_without_a_linear_layer_is_looked_at_in_its_input(cases: Mapping[str, Case]) -> None:
    model = cases["tabular-mlp"].predictor
    other = type(model)(
        name="sums", architecture="mlp", classes=model.classes, module=_Sums(), variables=model.variables
    )
    rows = other.encode(cases["tabular-mlp"].inputs)

    assert np.array_equal(_seen(other, rows)[0], rows.numpy())


class _Sums(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(1))

    def forward(self, encoded: torch.Tensor) -> torch.Tensor:
        return torch.stack([encoded[:, 0], encoded[:, 1] + self.shift], 1)


def test_training_items_like_the_item_and_one_another_are_shown_once(cases: Mapping[str, Case]) -> None:
    """Where fewer different ones are known than are asked for, all of them are shown."""
    model = cases["tabular-mlp"].predictor
    first, second, third = dict.fromkeys(model.background.inputs[:3])
    before = model.background
    try:
        model.learned_from(lambda: [first, second, first, third, second, first])
        (found,) = explain(model, SPEC, [ItemRequest(first, 0)])
        model.learned_from(lambda: [first, first])
        (alone,) = explain(model, SPEC, [ItemRequest(first, 0)])
    finally:
        model.background = before

    assert {example.input for example in found.form.examples} == {second, third}
    assert len(found.form.examples) == 2
    assert (alone.form.examples, alone.diagnostics["examples"]) == ((), 0.0)


def test_the_random_placebo_has_the_outputs_of_the_real_examples_in_their_order(cases: Mapping[str, Case]) -> None:
    placebo = ExplainerSpec("placebo_random_weights", {"method": "nearest_examples", "n_examples": 4})
    for name in PREDICTORS:
        case = cases[name]
        real, other = (explain(case.predictor, spec, case.requests) for spec in (SPEC, placebo))
        for one, two in zip(real, other, strict=True):
            assert [e.class_index for e in one.form.examples] == [e.class_index for e in two.form.examples]
            assert len({e.input for e in two.form.examples}) == 4

"""Raw attention: by its definition, written out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from explainers.errors import InputError, ParameterError
from explainers.explain import explain
from explainers.methods.attention import attention, spread
from explainers.predictors.attention import attending
from explainers.predictors.nets.text import GruAttention
from explainers.types import ExplainerSpec, ItemRequest, TextInput
from tests.contracts.tiny import Case

SPEC = ExplainerSpec("attention", {})


def test_weights_are_the_softmax_of_the_scores_of_the_states(cases: Mapping[str, Case]) -> None:
    """Bahdanau et al. 2015, equation 6, for the last text of 20 words."""
    model = cases["text-gru"].predictor
    item = cases["text-gru"].inputs[6]
    net = model.module
    assert isinstance(net, GruAttention)
    states, _ = net.gru(net.embedding(model.encode([item])))
    scores = (states[0].double() @ net.attention.weight[0].double() + net.attention.bias.double()).detach().numpy()
    expected = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()

    (found,) = explain(model, SPEC, [ItemRequest(item, 0)])

    np.testing.assert_allclose(found.form.weights, expected, rtol=1e-4, atol=1e-7)


def test_shares_sum_to_one_over_the_words_and_nothing_is_left_for_padding(cases: Mapping[str, Case]) -> None:
    case = cases["text-gru"]

    for item, shares in zip(case.inputs, attention(case.predictor, case.inputs), strict=True):
        assert shares.shape == (len(item.tokens),)
        assert shares.min() > 0
        assert shares.sum() == pytest.approx(1, abs=1e-6)


def test_the_explained_logits_are_made_of_these_weights(cases: Mapping[str, Case]) -> None:
    """Mixing the values by the weights that are shown gives the predictor's own logits."""
    case = cases["text-gru"]
    rows = case.predictor.encode(case.inputs)
    module = attending(case.predictor)
    read = module.read(module.embedding(rows), rows)

    torch.testing.assert_close(module.combine(read.weights, read.values), case.predictor.logits(rows))


@pytest.mark.parametrize(("shares", "expected"), [([0.25] * 4, 4.0), ([1.0, 0.0, 0.0], 1.0), ([0.5, 0.5, 0.0], 2.0)])
def test_words_attended_counts_equal_shares(shares: list[float], expected: float) -> None:
    assert spread(np.array(shares))["words_attended"] == pytest.approx(expected)


@pytest.mark.parametrize("name", ["text-senn", "tabular-mlp"])
def test_predictors_without_attention_are_refused(name: str, cases: Mapping[str, Case]) -> None:
    case = cases[name]
    message = "architecture gru" if name == "text-senn" else "serves text, not tabular"

    with pytest.raises(ParameterError, match=message):
        explain(case.predictor, SPEC, case.requests)
    with pytest.raises(InputError, match="has no attention"):
        attention(case.predictor, [TextInput(("word1",))])

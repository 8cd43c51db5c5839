"""Attention rollout against the product of matrices, written out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from explainers.errors import ParameterError
from explainers.explain import explain
from explainers.methods.attention_rollout import rolled_out
from explainers.predictors.attention import Read
from explainers.predictors.nets.transformer import TextTransformer
from explainers.types import ExplainerSpec, ItemRequest, TextInput
from tests.contracts.tiny import Case

SPEC = ExplainerSpec("attention_rollout", {})


def test_rollout_is_the_product_of_the_layers_attention_written_out(cases: Mapping[str, Case]) -> None:
    """One text without padding; the attention of each layer from its own queries and keys, one head after the other."""
    model, item = cases["text-transformer"].predictor, cases["text-transformer"].inputs[6]
    net = model.module
    assert isinstance(net, TextTransformer)
    with torch.no_grad():
        states = net.embedding(model.encode([item]))[0] + net.place.weight[: len(item.tokens)]
        product = np.eye(len(states))
        for layer in net.layers:
            product = _halved(_attention(layer, states)) @ product
            states = layer(states[None], torch.ones(1, len(states), dtype=torch.bool))[0][0]
        pooling = net.attention(net.behind_layers(states)).double().softmax(0).mean(1).numpy()

    (found,) = explain(model, SPEC, [ItemRequest(item, 0)])

    np.testing.assert_allclose(found.form.weights, pooling @ product, rtol=1e-4, atol=1e-7)


def _attention(layer: torch.nn.Module, states: torch.Tensor) -> np.ndarray:
    before = layer.before_attention(states)
    query, key = (part(before).double().numpy() for part in (layer.attention.query, layer.attention.key))
    heads = []
    for columns in np.split(np.arange(8), 4):
        scores = np.exp(query[:, columns] @ key[:, columns].T / np.sqrt(2))
        heads.append(scores / scores.sum(1, keepdims=True))
    return np.mean(heads, axis=0)


def _halved(attention: np.ndarray) -> np.ndarray:
    kept = 0.5 * attention + 0.5 * np.eye(len(attention))
    return kept / kept.sum(1, keepdims=True)


@given(seed=st.integers(0, 2**31), n_layers=st.integers(0, 4))
def test_rolled_out_shares_are_shares(seed: int, n_layers: int) -> None:
    generator = torch.Generator().manual_seed(seed)

    def rows(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator).softmax(-1)

    read = Read(rows(3, 2, 5), rows(3, 2, 5, 4), tuple(rows(3, 2, 5, 5) for _ in range(n_layers)))
    found = rolled_out(read)

    assert found.min() > 0
    torch.testing.assert_close(found.sum(1), torch.ones(3, dtype=torch.float64), rtol=0, atol=1e-6)
    if n_layers == 0:
        torch.testing.assert_close(found, read.weights.double().mean(1))


def test_layers_that_look_at_themselves_alone_change_nothing() -> None:
    weights = torch.rand(1, 1, 4, generator=torch.Generator().manual_seed(1)).softmax(-1)

    found = rolled_out(Read(weights, torch.zeros(1, 1, 4, 1), (torch.eye(4)[None, None],) * 3))

    torch.testing.assert_close(found, weights[:, 0].double())


def test_padding_gets_nothing_and_changes_nothing(cases: Mapping[str, Case]) -> None:
    model = cases["text-transformer"].predictor
    net = model.module
    assert isinstance(net, TextTransformer)
    rows = model.encode([TextInput(("word1", "word2", "word3"))])
    padded = torch.nn.functional.pad(rows, (0, 13))
    with torch.no_grad():
        alone, more = (rolled_out(net.read(net.embedding(one), one)) for one in (rows, padded))

    torch.testing.assert_close(more[:, :3], alone, rtol=0, atol=1e-6)
    assert more[:, 3:].abs().max() == 0


def test_networks_without_layers_of_attention_are_refused(cases: Mapping[str, Case]) -> None:
    with pytest.raises(ParameterError, match="needs a predictor of architecture transformer"):
        explain(cases["text-gru"].predictor, SPEC, cases["text-gru"].requests)

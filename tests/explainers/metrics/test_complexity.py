"""Entropy and Gini index: closed forms and numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explainers.metrics import complexity, sparsity

WEIGHTS = st.lists(st.floats(0.001, 100), min_size=2, max_size=30)


def entropy(weights: list[float]) -> float | None:
    return complexity._value(np.abs(np.array(weights))).value


def gini(weights: list[float]) -> float | None:
    return sparsity._value(np.abs(np.array(weights))).value


@pytest.mark.parametrize(
    ("weights", "nats", "index"),
    [
        ([5.0, 0.0, 0.0, 0.0], 0.0, 0.75),  # one part alone: 1 - 1 / n
        ([1.0, -1.0, 1.0, -1.0], np.log(4), 0.0),
        ([1.0, 2.0, -3.0, 4.0], 1.2798542258336676, 0.25),  # -sum p ln p; (-3 - 2 + 3 + 12) / 40
        ([0.0, 0.0, 1.0, 1.0], np.log(2), 0.5),
        ([7.0], 0.0, 0.0),
    ],
)
def test_numbers_by_hand(weights: list[float], nats: float, index: float) -> None:
    assert entropy(weights) == pytest.approx(nats, abs=1e-12)
    assert gini(weights) == pytest.approx(index, abs=1e-12)


@given(WEIGHTS, st.floats(0.01, 100), st.randoms(use_true_random=False))
def test_neither_scale_nor_sign_nor_order_counts(weights: list[float], factor: float, random) -> None:
    other = [-factor * weight for weight in weights]
    random.shuffle(other)

    assert entropy(other) == pytest.approx(entropy(weights), abs=1e-9)
    assert gini(other) == pytest.approx(gini(weights), abs=1e-9)


@given(WEIGHTS)
def test_bounds(weights: list[float]) -> None:
    assert 0 <= entropy(weights) <= np.log(len(weights)) + 1e-12
    assert 0 <= gini(weights) <= 1 - 1 / len(weights) + 1e-12


@given(WEIGHTS)
def test_gini_is_that_of_all_pairs(weights: list[float]) -> None:
    """sum |a_i - a_j| / (2 n sum a): the definition that the formula with ranks comes from."""
    sizes = np.array(weights)
    pairs = np.abs(sizes[:, None] - sizes).sum() / (2 * len(sizes) * sizes.sum())

    assert gini(weights) == pytest.approx(pairs, abs=1e-9)


def test_nothing_but_zeros_is_undefined() -> None:
    for metric in (complexity, sparsity):
        found = metric._value(np.zeros(4))
        assert (found.value, found.problem) == (None, "All weights of the item's parts are 0.")

"""The prototype network's parts, its cost term by term, and what training makes of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn import functional

from explainers.cards import Recipe
from explainers.predictors.base import Predictor
from explainers.predictors.initialise import initialise
from explainers.predictors.nets.prototype import PrototypeNet
from explainers.predictors.prototypes import near_items, near_prototypes, squared_distances
from explainers.types import ImageInput, Modality
from tests.explainers.tiny import tiny

SHAPE = (1, 8, 8)
codes_of = arrays(np.float64, st.tuples(st.integers(1, 6), st.just(3)), elements=st.floats(-2, 2))


@pytest.fixture
def net() -> PrototypeNet:
    return initialise(PrototypeNet(SHAPE, 2, width=6, n_prototypes=3, n_dimensions=4), seed=3).double()


def pictures(n: int) -> torch.Tensor:
    return torch.rand((n, *SHAPE), generator=torch.Generator().manual_seed(n)).double()


def test_logits_are_weighted_sums_of_squared_distances(net: PrototypeNet) -> None:
    items = pictures(5)
    net.requires_grad_(False)
    codes = net.encoder(items)

    by_hand = [
        [
            sum(w * ((z - p) ** 2).sum() for w, p in zip(weights, net.prototypes.vectors, strict=True))
            for weights in net.last.weight
        ]
        for z in codes
    ]

    torch.testing.assert_close(net(items), torch.tensor(by_hand, dtype=torch.float64))


@given(codes_of, codes_of)
def test_terms_are_the_mean_distances_to_the_nearest(codes: np.ndarray, vectors: np.ndarray) -> None:
    distances = squared_distances(torch.from_numpy(codes), torch.from_numpy(vectors))

    every = [[float(((z - p) ** 2).sum()) for p in vectors] for z in codes]

    assert near_items(distances).item() == pytest.approx(np.mean([min(column) for column in zip(*every, strict=True)]))
    assert near_prototypes(distances).item() == pytest.approx(np.mean([min(row) for row in every]))


def test_both_terms_are_zero_exactly_where_codes_and_prototypes_coincide() -> None:
    vectors = torch.eye(3)

    for codes, one, other in (
        (vectors[[2, 0, 1, 0]], 0.0, 0.0),
        (vectors[[0, 0]], 4 / 3, 0.0),  # two prototypes without an item: (0 + 2 + 2) / 3
        (torch.cat([vectors, 2 * vectors[:1]]), 0.0, 0.25),  # an item without a prototype: (0 + 0 + 0 + 1) / 4
    ):
        distances = squared_distances(codes, vectors)
        assert near_items(distances).item() == pytest.approx(one)
        assert near_prototypes(distances).item() == pytest.approx(other)


@pytest.mark.parametrize("term", ["reconstruction", "near_items", "near_prototypes"])
def test_the_cost_is_cross_entropy_and_each_term_by_its_weight(net: PrototypeNet, term: str) -> None:
    items, labels = pictures(7), torch.tensor([0, 1, 1, 0, 1, 0, 0])
    codes = net.encoder(items)
    terms = {
        "reconstruction": (net.decoder(codes) - items).square().sum((1, 2, 3)).mean(),
        "near_items": near_items(net.prototypes(codes)),
        "near_prototypes": near_prototypes(net.prototypes(codes)),
    }
    recipe = Recipe(width=6, epochs=1, batch=7, learning_rate=0.1, **{term: 0.3})

    cost = net.objective(items, labels, recipe, torch.Generator())

    torch.testing.assert_close(cost, functional.cross_entropy(net(items), labels) + 0.3 * terms[term])


def test_prototypes_start_in_the_cube_of_the_codes(net: PrototypeNet) -> None:
    vectors = net.prototypes.vectors

    assert ((vectors >= 0) & (vectors <= 1)).all()
    assert vectors.unique().numel() == vectors.numel()


def test_training_brings_prototypes_and_items_together(predictors: Mapping[tuple[Modality, str], Predictor]) -> None:
    model, one = predictors["image", "prototype"], tiny("image", "prototype")
    items = model.encode([item.input for item in one.splits.train])
    fresh = model.reinitialised(0)

    trained, untrained = (net.prototypes(net.encoder(items)) for net in (model.module, fresh.module))

    assert near_items(trained) < near_items(untrained) / 2
    assert near_prototypes(trained) < near_prototypes(untrained) / 2


def test_a_trained_network_draws_its_prototypes_and_knows_the_nearest_training_pictures(
    predictors: Mapping[tuple[Modality, str], Predictor],
) -> None:
    """A bar in one half of the picture is drawn in that half by the prototypes of its class."""
    model = predictors["image", "prototype"]
    classes = model.module.of_codes(model.module.prototypes.vectors).argmax(1).tolist()
    known = {item.input for item in tiny("image", "prototype").splits.train}

    assert set(classes) == {0, 1}
    for (drawn, nearest), found in zip(model.prototypes, classes, strict=True):
        assert nearest in known
        assert isinstance(drawn, ImageInput)
        picture = np.frombuffer(drawn.pixels, np.uint8).reshape(12, 12)
        assert (picture[:, 6:].sum() > picture[:, :6].sum()) == bool(found)


def test_pictures_of_encodings_are_the_pictures(predictors: Mapping[tuple[Modality, str], Predictor]) -> None:
    model = predictors["image", "prototype"]
    inputs = tuple(item.input for item in tiny("image", "prototype").splits.train[:5])

    assert model.pictures(model.encode(inputs)) == inputs

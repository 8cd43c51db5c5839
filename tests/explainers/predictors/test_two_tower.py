"""The two towers: captions, the loss by hand, and what training makes of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch.nn import functional

from explainers.cards import Recipe
from explainers.predictors.base import Predictor
from explainers.predictors.initialise import initialise
from explainers.predictors.nets.two_tower import INK, SCALE, STROKES, TwoTower, strokes_of
from explainers.types import Modality
from tests.explainers.tiny import tiny

SHAPE = (1, 8, 8)
RECIPE = Recipe(width=6, epochs=1, batch=4, learning_rate=0.1)


@pytest.fixture
def net() -> TwoTower:
    return initialise(TwoTower(SHAPE, ("4", "9"), width=6, n_dimensions=5), seed=3).double()


def pictures(*shares: float) -> torch.Tensor:
    """Random pictures with given shares of ink."""
    drawn = torch.rand((len(shares), *SHAPE), generator=torch.Generator().manual_seed(1)).double()
    wanted = torch.tensor(shares).double()[:, None, None, None]
    return drawn * wanted / drawn.mean((1, 2, 3), keepdim=True)


def test_every_class_has_a_caption_for_each_stroke(net: TwoTower) -> None:
    texts = [[" ".join(net.vocabulary[i] for i in row) for row in rows] for rows in net.captions.tolist()]

    assert texts == [[f"a {digit} drawn {stroke}" for stroke in STROKES] for digit in "49"]


def test_the_stroke_is_told_by_the_share_of_ink() -> None:
    low, high = INK
    items = pictures(low - 0.01, low + 0.01, high - 0.01, high + 0.01)

    assert [STROKES[place] for place in strokes_of(items).tolist()] == ["thin", "plain", "plain", "thick"]


def test_a_classes_probability_is_the_sum_of_its_captions(net: TwoTower) -> None:
    items = pictures(0.1, 0.2, 0.3)
    scores = SCALE * net.similarities(items)

    each = scores.flatten(1).softmax(1).unflatten(1, (2, 3)).sum(2)

    torch.testing.assert_close(net(items).softmax(1), each)
    assert (net.similarities(items).abs() <= 1).all()


def test_captions_without_any_word_and_equal_captions_are_no_trouble(net: TwoTower) -> None:
    ids = net.captions[0, :1].expand(2, -1)

    directions = net.of_captions(ids, torch.tensor([[False] * 4, [True] * 4]))

    assert torch.isfinite(directions).all()
    torch.testing.assert_close(directions.norm(dim=1), torch.ones(2).double())


def test_the_loss_is_symmetric_contrastive_with_equal_captions_as_matches(net: TwoTower) -> None:
    items, labels = pictures(0.05, 0.05, 0.2, 0.11), torch.tensor([0, 0, 1, 1])  # two of the same caption
    own = [0, 0, 5, 4]
    scores = (SCALE * net.similarities(items)).flatten(1)
    finds_caption = -sum(scores[i].log_softmax(0)[own[i]] for i in range(4)) / 4
    finds_pictures = 0.0
    for caption in (0, 4, 5):
        share = scores[:, caption].softmax(0)
        finds_pictures -= torch.log(sum(share[i] for i in range(4) if own[i] == caption)) / 3

    loss = net.objective(items, labels, RECIPE, torch.Generator())

    torch.testing.assert_close(loss, (finds_caption + finds_pictures) / 2)
    loss.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in net.parameters() if weight.grad is not None)


def test_training_brings_pictures_to_the_captions_of_their_class(
    predictors: Mapping[tuple[Modality, str], Predictor],
) -> None:
    model = predictors["image", "two-tower"]
    held_out = tiny("image", "two-tower").splits.test
    labels = torch.tensor([item.label for item in held_out])

    found = model.module.similarities(model.encode([item.input for item in held_out])).amax(2)

    own = found.gather(1, labels[:, None]).squeeze(1)
    other = found.gather(1, 1 - labels[:, None]).squeeze(1)
    assert (own > other).double().mean() > 0.85
    assert functional.relu(own - other).mean() > 0.1

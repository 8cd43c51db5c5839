"""The autoencoder: reproducible, for any size of picture, better than the average picture on those it never saw."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explainers.background import Background
from explainers.errors import MaterialError
from explainers.methods import autoencoder as module
from explainers.methods.autoencoder import Autoencoder, autoencoder, moved
from explainers.types import ImageInput
from tests.explainers.methods.conftest import Cue
from tests.explainers.tiny import image_items

CPU = torch.device("cpu")


def background(cue: Cue, n_items: int = 20) -> Background:
    """The same pictures again, as a background of their own."""
    inputs = [item.input for item in image_items(n_items, seed=5)]
    return Background(lambda: inputs, cue.predictor.encode)


def test_the_same_pictures_give_the_same_weights_and_leave_the_global_state_alone(cue: Cue) -> None:
    state = torch.get_rng_state()
    first, second = (autoencoder(background(cue), 4, 20, CPU) for _ in range(2))

    assert first is not second
    assert all(torch.equal(one, other) for one, other in zip(first.parameters(), second.parameters(), strict=True))
    assert torch.equal(state, torch.get_rng_state())


def test_it_is_trained_once_for_a_background(cue: Cue) -> None:
    known = background(cue)

    assert autoencoder(known, 4, 20, CPU) is autoencoder(known, 4, 20, CPU)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 13, 10), (1, 4, 5)])
def test_pictures_come_back_in_their_size_and_range(shape: tuple[int, int, int]) -> None:
    pictures = torch.rand(2, *shape, generator=torch.Generator().manual_seed(1))
    redrawn = (own := Autoencoder(shape, 6)).decode(own.encode(pictures))

    assert redrawn.shape == (2, *shape)
    assert redrawn.min() >= 0
    assert redrawn.max() <= 1


def test_new_pictures_are_redrawn_better_than_by_the_average_one(cue: Cue) -> None:
    """Forty pictures of a bar in noise: the places of the bar explain nearly all that differs."""
    own = autoencoder(background(cue, 40), 8, 150, CPU)
    new = cue.predictor.encode([request.input for request in cue.requests])

    error = (own.decode(own.encode(new)) - new).square().mean()
    average = (new - new.mean(0)).square().mean()

    assert error < 0.5 * average


def test_the_spread_is_that_of_the_training_pictures(cue: Cue) -> None:
    known = background(cue)
    own = autoencoder(known, 4, 20, CPU)

    latents = own.encode(known.rows).numpy().astype(np.float64)
    assert own.spread == pytest.approx(np.sqrt(latents.var(axis=0).sum()), rel=1e-6)


def test_pictures_that_are_moved_by_nothing_stay(cue: Cue, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = background(cue).rows
    differing = moved(pictures, torch.Generator().manual_seed(0))
    monkeypatch.setattr(module, "MOST_MOVED", (0.0,) * 6)

    same = moved(pictures, torch.Generator().manual_seed(0))

    np.testing.assert_allclose(same, pictures, atol=1e-5)
    assert (differing - pictures).abs().amax(dim=(1, 2, 3)).min() > 0.1


def test_without_a_picture_there_is_nothing_to_learn(cue: Cue) -> None:
    nothing: list[ImageInput] = []

    with pytest.raises(MaterialError, match="it learned from no picture"):
        autoencoder(Background(lambda: nothing, cue.predictor.encode), 4, 20, CPU)

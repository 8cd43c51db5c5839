"""The tiny predictors of the contract tests, a net with a planted cue, and one thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from explainers.methods.base import FloatArray
from explainers.predictors.base import Predictor
from explainers.types import ItemRequest
from tests.contracts.tiny import PREDICTORS, Case, case
from tests.explainers.tiny import image_items, tiny


@dataclass(frozen=True)
class Cue:
    """A net trained on pictures of 12 x 12 pixels whose class is the half that a bright bar of 4 x 4 stands in."""

    predictor: Predictor
    requests: tuple[ItemRequest, ...]

    def hits(self, heatmaps: Sequence[FloatArray]) -> float:
        """The share of pictures whose largest weights, of as many pixels as the bar has, are most often the bar's."""
        found = []
        for request, values in zip(self.requests, heatmaps, strict=True):
            bar = np.frombuffer(request.input.pixels, np.uint8) > 200
            found.append(bar[np.argsort(-values, kind="stable")[: bar.sum()]].mean() > 0.5)
        return float(np.mean(found))


@pytest.fixture(scope="session")
def cue(tmp_path_factory: pytest.TempPathFactory) -> Cue:
    model = tiny("image", "cnn").train(tmp_path_factory.mktemp("cue"))
    return Cue(model, tuple(ItemRequest(item.input, place) for place, item in enumerate(image_items(20, seed=11))))


@pytest.fixture(scope="session")
def cases() -> Mapping[str, Case]:
    return {name: case(name) for name in PREDICTORS}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

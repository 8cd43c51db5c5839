"""Predictors whose centred logit is a sum over the parts of the item, so that metrics have closed forms.

Few parts carry the answer (the planted cue), the others almost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from explainers.cards import Variable
from explainers.metrics.measure import Arm, measure
from explainers.metrics.types import ItemValue, Measurement, MetricSpec
from explainers.predictors.base import Predictor
from explainers.predictors.image import ImagePredictor
from explainers.predictors.tabular import TabularPredictor
from explainers.predictors.text import TextPredictor
from explainers.types import ExplainerSpec, ImageInput, Input, ItemRequest, Modality, TabularInput, TextInput

CLASSES = ("no", "yes")
N_VARIABLES = 8
CUE = (2.0, -1.0, 0.8)  # in logits of the second class less the first, of the parts that matter
VOCABULARY = ("good", "bad", "fine", "the", "film", "plot", "is", "was", "and", "so", "a", "it")
SIDE = 8
MODALITIES: tuple[Modality, ...] = ("tabular", "text", "image")


class SumOfWords(nn.Module):
    """Logits are a linear function of the sum of the embeddings."""

    def __init__(self, per_word: Sequence[float]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(per_word) + 2, 3, padding_idx=0)
        self.out = nn.Linear(3, 2, bias=False)
        with torch.no_grad():
            self.embedding.weight[2:, 0] = torch.tensor(per_word)
            self.out.weight.copy_(torch.tensor([[-0.5, 0.0, 0.0], [0.5, 0.0, 0.0]]))

    def forward(self, encoded: Tensor) -> Tensor:
        return self.from_embeddings(self.embedding(encoded), encoded)

    def from_embeddings(self, embeddings: Tensor, encoded: Tensor) -> Tensor:
        out: Tensor = self.out(embeddings.sum(1))
        return out


class SumOfColumns(nn.Module):
    """Logits are a linear function of the flattened input; a bias shifts both outputs."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.out = nn.Linear(len(weights), 2)
        with torch.no_grad():
            self.out.weight.copy_(torch.stack([-weights / 2, weights / 2]))
            self.out.bias.copy_(torch.tensor([0.1, -0.1]))

    def forward(self, encoded: Tensor) -> Tensor:
        out: Tensor = self.out(self.flatten(encoded))
        return out


def _small(n: int) -> np.ndarray:
    """What the parts without the cue add: little, all different."""
    return 0.02 * np.sin(np.arange(1, n + 1))


def linear(modality: Modality) -> Predictor:
    common = {"name": f"linear-{modality}", "architecture": "linear", "classes": CLASSES}
    if modality == "text":
        per_word = _small(len(VOCABULARY))
        per_word[: len(CUE)] = CUE
        return TextPredictor(**common, module=SumOfWords(per_word.tolist()), vocabulary=VOCABULARY)
    if modality == "image":
        picture = _small(SIDE * SIDE).reshape(SIDE, SIDE)
        picture[2:4, 2:4], picture[4:6, 0:2] = CUE[0] / 4, CUE[1] / 4
        return ImagePredictor(
            **common, module=SumOfColumns(torch.tensor(picture.ravel()).float()), shape=(1, SIDE, SIDE)
        )
    own = _small(N_VARIABLES)
    own[: len(CUE)] = CUE
    columns = torch.tensor(np.stack([np.zeros(N_VARIABLES), own], axis=1).ravel()).float()
    variables = tuple(Variable(f"variable {number}", ("no", "yes"), (0.5, 0.5)) for number in range(N_VARIABLES))
    return TabularPredictor(**common, module=SumOfColumns(columns), variables=variables)


def items(modality: Modality, n_items: int = 6) -> tuple[ItemRequest, ...]:
    """Rows on which every variable says yes are the same item under other seeds; texts and pictures differ."""
    rng = np.random.default_rng(5)
    found: list[Input] = []
    for _ in range(n_items):
        if modality == "text":
            words = rng.permutation([*VOCABULARY[:3], *rng.choice(VOCABULARY[3:], size=rng.integers(3, 9))])
            found.append(TextInput(tuple(map(str, words))))
        elif modality == "image":
            picture = rng.integers(60, 256, (SIDE, SIDE)).astype(np.uint8)
            found.append(ImageInput(SIDE, SIDE, 1, picture.tobytes()))
        else:
            found.append(TabularInput(tuple((f"variable {number}", "yes") for number in range(N_VARIABLES))))
    return tuple(ItemRequest(item, seed=40 + place) for place, item in enumerate(found))


def measured(
    predictor: Predictor, method: str, metric: str, requests: Sequence[ItemRequest], **params: float | str
) -> Measurement:
    """One metric of one method; parameters of the method begin with its name and two underscores."""
    own = {key.partition("__")[2]: value for key, value in params.items() if "__" in key}
    rest = {key: value for key, value in params.items() if "__" not in key}
    return measure(predictor, Arm(ExplainerSpec(method, own)), requests, [MetricSpec(metric, rest)])[0]


def numbers(items: Sequence[ItemValue]) -> list[float | None]:
    return [item.value for item in items]

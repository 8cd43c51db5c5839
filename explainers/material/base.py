"""What a data set offers to training and to studies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from explainers.errors import MaterialError
from explainers.types import Input, Modality


@dataclass(frozen=True)
class Labelled:
    """An input with its true label (class index)."""

    input: Input
    label: int


@dataclass(frozen=True)
class Splits:
    """Disjoint parts of a data set. Studies draw from `test` alone; `validation` picks the epoch to keep."""

    train: tuple[Labelled, ...]
    validation: tuple[Labelled, ...]
    test: tuple[Labelled, ...]


@dataclass(frozen=True)
class TabularSchema:
    """The variables in display order with their categories, and which of them are ordinal (bins in order)."""

    variables: tuple[tuple[str, tuple[str, ...]], ...]
    ordinal: frozenset[str]


@dataclass(frozen=True)
class Material:
    """A data set: how it is read, and what people are told about it.

    `read` returns every item in the published order. `shares` are the parts of training and validation; the rest
    is the test set, drawn with `split_seed`: the same for all predictors, so that what one has held out no other has
    learned. `schema` is there for tabular data alone.
    """

    name: str
    title: str
    modality: Modality
    classes: tuple[str, ...]
    question: str
    source: str
    licence: str
    sha256: str
    read: Callable[[], tuple[Labelled, ...]]
    shares: tuple[float, float]
    schema: TabularSchema | None = None
    split_seed: int = 0


def split(items: Sequence[Labelled], shares: tuple[float, float], seed: int) -> Splits:
    """Shuffle with the seed and cut into training, validation and test.

    Raises
    ------
    MaterialError
        When a part would be empty.
    """
    order = np.random.default_rng(seed).permutation(len(items)).tolist()
    first = round(len(items) * shares[0])
    second = first + round(len(items) * shares[1])
    parts = [tuple(items[index] for index in part) for part in (order[:first], order[first:second], order[second:])]
    if not all(parts):
        raise MaterialError(f"split: {len(items)} items in shares {shares} leave a part empty; give more items")
    return Splits(*parts)

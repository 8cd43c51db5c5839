"""Passes through a predictor in blocks of a fixed shape, so that an item's numbers do not depend on its batch.

Matrix products round differently for different shapes: a row of a batch of 7 and the same row alone can differ in
their last bits. With the shape fixed, a row's bits depend neither on its place in the block nor on the other rows
(`tests/contracts` asserts this for every method). So every pass here has a shape that follows from the item alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from explainers.errors import InputError
from explainers.predictors.base import Predictor
from explainers.predictors.tabular import TabularPredictor
from explainers.predictors.text import PADDING, TextPredictor
from explainers.types import Input, TextInput

GRADIENT_ROWS = 32
LENGTH_STEP = 16  # texts are padded to a multiple of this many tokens
_FORWARD_ELEMENTS = 2**20  # of the encoded block; keeps a block of pictures within tens of megabytes
_MOST_FORWARD_ROWS, _FEWEST_FORWARD_ROWS = 512, 64


def forward_rows(elements_per_row: int) -> int:
    """Rows of a forward block: the largest power of two within the budget of elements."""
    rows = _MOST_FORWARD_ROWS
    while rows > _FEWEST_FORWARD_ROWS and rows * elements_per_row > _FORWARD_ELEMENTS:
        rows //= 2
    return rows


@dataclass(frozen=True)
class Encoded:
    """Items of one encoded shape: their places in the batch and their encodings (n, ...)."""

    places: tuple[int, ...]
    rows: Tensor


def encode(predictor: Predictor, inputs: Sequence[Input]) -> list[Encoded]:
    """Encode items, grouped so that the shape of each group follows from the item alone.

    Raises
    ------
    InputError
        Naming the first item that does not fit the predictor.
    """
    for place, item in enumerate(inputs):
        if item.modality != predictor.modality:
            raise InputError(
                f"requests[{place}].input: {predictor.name} takes {predictor.modality} inputs, {item.modality} came"
            )
    groups: dict[int, list[int]] = {}
    for place, item in enumerate(inputs):
        groups.setdefault(_padded_length(item), []).append(place)
    return [
        Encoded(tuple(places), _laid_out(_padded(_encode_named(predictor, inputs, places), length)))
        for length, places in groups.items()
    ]


def _padded_length(item: Input) -> int:
    """Tokens after padding; 0 for what is not a text."""
    return -(-len(item.tokens) // LENGTH_STEP) * LENGTH_STEP if isinstance(item, TextInput) else 0


def _padded(rows: Tensor, length: int) -> Tensor:
    return functional.pad(rows, (0, length - rows.shape[1]), value=PADDING) if length else rows


def _laid_out(rows: Tensor) -> Tensor:
    """The rows with the strides that a new tensor has.

    Pictures of one channel have two layouts that count as contiguous. `encode` gives them channels last, in which
    convolutions of one channel take twice as long, and what is made of them keeps to it.
    """
    return rows.flatten(1).view(rows.shape)


def _encode_named(predictor: Predictor, inputs: Sequence[Input], places: Sequence[int]) -> Tensor:
    try:
        return predictor.encode([inputs[place] for place in places])
    except InputError:
        for place in places:  # once more one by one, to say which
            try:
                predictor.encode([inputs[place]])
            except InputError as error:
                raise InputError(f"requests[{place}].input: {error}") from error
        raise


def in_blocks(rows: Tensor, size: int) -> Iterator[tuple[Tensor, int]]:
    """Blocks of exactly `size` rows with the number of true rows in each; the last is filled with its first row."""
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        n_true = len(block)
        if n_true < size:
            block = torch.cat([block, block[:1].expand(size - n_true, *block.shape[1:])])
        yield block, n_true


def mapped(rows: Tensor, function: Callable[[Tensor], Tensor], size: int = GRADIENT_ROWS) -> Tensor:
    """`function` of the rows, computed block by block without gradients."""
    with torch.inference_mode():
        return torch.cat([function(block)[:n_true] for block, n_true in in_blocks(rows, size)])


def own_classes(predictor: Predictor, inputs: Sequence[Input]) -> tuple[int, ...]:
    """The predictor's own output class for each item."""
    classes = [0] * len(inputs)
    for group in encode(predictor, inputs):
        found = mapped(group.rows, lambda rows: predictor.logits(rows).argmax(1)).tolist()
        for place, class_index in zip(group.places, found, strict=True):
            classes[place] = class_index
    return tuple(classes)


def as_tabular(predictor: Predictor) -> TabularPredictor:
    """The predictor as a tabular one; raises InputError."""
    if not isinstance(predictor, TabularPredictor):
        raise InputError(f"predictor: {predictor.name} is {predictor.modality}, a tabular one was expected")
    return predictor


def as_text(predictor: Predictor) -> TextPredictor:
    """The predictor as one of texts; raises InputError."""
    if not isinstance(predictor, TextPredictor):
        raise InputError(f"predictor: {predictor.name} is {predictor.modality}, one of texts was expected")
    return predictor

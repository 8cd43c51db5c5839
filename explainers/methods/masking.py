"""One question for every perturbation method: what does the predictor say when some units of an item are absent?

A masking holds the items of a batch and answers ``predict(place, masks)``; LIME asks it, and Shapley values,
anchors and deletion metrics can ask the same. A unit is a variable (absent: another value, drawn from the training
data), a token (absent: the text without it) or a cell of a regular grid (absent: black).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from explainers.errors import InputError
from explainers.methods.base import Batch, BoolArray, FloatArray, IntArray, generator
from explainers.methods.blocks import as_tabular, encode, forward_rows
from explainers.types import Modality, TextInput

_REPLACEMENTS = 1  # stream of an item's generator

Answer: TypeAlias = Callable[[Tensor, int], Tensor]


def probability(logits: Tensor, class_index: int) -> Tensor:
    """Softmax probability of the class, 0 to 1, in float64."""
    return logits.double().softmax(1)[:, class_index]


def score(logits: Tensor, class_index: int) -> Tensor:
    """Centred logit of the class (see `explainers.methods.gradients`), in float64."""
    wide = logits.double()
    return wide[:, class_index] - wide.mean(1)


class Masking(ABC):
    """The items of a batch with some of their units absent."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._encoded: dict[int, Tensor] = {}
        for group in encode(batch.predictor, batch.inputs):
            self._encoded.update(zip(group.places, group.rows, strict=True))

    @abstractmethod
    def n_units(self, place: int) -> int:
        """How many units the item has."""

    @abstractmethod
    def _prepared(self, place: int, masks: BoolArray) -> Tensor:
        """What `_rows` needs of each mask, one row a mask, on the CPU."""

    @abstractmethod
    def _rows(self, place: int, prepared: Tensor) -> Tensor:
        """Encoded rows of prepared masks, on the predictor's device."""

    def unit_of_pixel(self, place: int) -> IntArray | None:
        """Images: the cell of each pixel, row by row."""
        return None

    def predict(self, place: int, masks: BoolArray, answer: Answer = probability) -> FloatArray:
        """The answer for the item's explained class to each mask.

        Parameters
        ----------
        place : int
            The item's place in the batch.
        masks : bool array, shape (n_masks, n_units)
            True where a unit is present.
        answer : callable
            What is read from the logits of the class: `probability` or `score`.

        Returns
        -------
        float array, shape (n_masks,)
            Logits in float32, the answer in float64. The same masks give the same bits whatever else is in the batch,
            because no block holds rows of two items.
        """
        item, class_index = self._encoded[place], self.batch.classes[place]
        prepared, size = self._prepared(place, masks), forward_rows(item.numel())
        found = []
        with torch.inference_mode():
            for start in range(0, len(prepared), size):
                logits = self.batch.predictor.logits(self._rows(place, prepared[start : start + size]))
                found.append(answer(logits, class_index).cpu())
        return torch.cat(found).numpy()


class TabularMasking(Masking):
    """Absent: the variable takes another value, drawn from its frequencies in the training data.

    With masks drawn as LIME draws them (`explainers.methods.lime`), this is the `lime` package's neighbourhood of
    categorical features: there a value is drawn first and counts as present when it is the item's own. A variable
    that has one value only keeps it.
    """

    def __init__(self, batch: Batch) -> None:
        super().__init__(batch)
        predictor = as_tabular(batch.predictor)
        self._starts = torch.tensor([group.start for group in predictor.groups])
        self._frequencies = [frequencies.numpy() for frequencies in predictor.training_frequencies]
        own = [self._encoded[place].cpu() for place in range(len(batch.requests))]
        self._own = [[int(row[group].argmax()) for group in predictor.groups] for row in own]

    def n_units(self, place: int) -> int:
        return len(self._frequencies)

    def own_frequencies(self, place: int) -> FloatArray:
        """The share of the training rows that have the item's own value, for each variable."""
        return np.array(
            [shares[own] / shares.sum() for shares, own in zip(self._frequencies, self._own[place], strict=True)]
        )

    def _prepared(self, place: int, masks: BoolArray) -> Tensor:
        """The column of each variable that is 1."""
        draws = generator(self.batch.requests[place].seed, _REPLACEMENTS).random(masks.shape)
        codes = np.empty(masks.shape, dtype=np.int64)
        for unit, own in enumerate(self._own[place]):
            others = _others(self._frequencies[unit], own)
            codes[:, unit] = np.where(masks[:, unit], own, np.searchsorted(others, draws[:, unit], side="right"))
        return torch.from_numpy(codes) + self._starts

    def _rows(self, place: int, prepared: Tensor) -> Tensor:
        item = self._encoded[place]
        rows = torch.zeros(len(prepared), len(item), device=item.device)
        return rows.scatter_(1, prepared.to(item.device), 1.0)


def _others(frequencies: FloatArray, own: int) -> FloatArray:
    """Cumulative shares of the values other than `own`, of `own` alone where there is no other."""
    shares = frequencies.copy()
    shares[own] = 0.0
    if shares.sum() == 0:
        shares[own] = 1.0
    cumulative = np.cumsum(shares / shares.sum())
    cumulative[cumulative >= cumulative[-1]] = np.inf  # a draw just below 1 must not fall past the last value
    return cumulative


class TextMasking(Masking):
    """Absent: the text without the token, which the padding id inside a text stands for."""

    def n_units(self, place: int) -> int:
        item = self.batch.requests[place].input
        assert isinstance(item, TextInput)  # encode has checked it
        return len(item.tokens)

    def _prepared(self, place: int, masks: BoolArray) -> Tensor:
        return torch.from_numpy(masks)

    def _rows(self, place: int, prepared: Tensor) -> Tensor:
        item = self._encoded[place]
        rows = item.new_zeros(len(prepared), len(item))
        n_tokens = prepared.shape[1]
        rows[:, :n_tokens] = item[:n_tokens] * prepared.to(item.device)
        return rows


class ImageMasking(Masking):
    """Absent: the cell is black (0). Cells are those of a regular grid of `cells` rows and columns."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(batch)
        self._cells = int(batch.params["cells"])

    def n_units(self, place: int) -> int:
        down, across = self._size(place)
        return down * across

    def _size(self, place: int) -> tuple[int, int]:
        """Rows and columns of cells: at most one a row or column of pixels."""
        height, width = self._encoded[place].shape[1:]
        return min(self._cells, height), min(self._cells, width)

    def unit_of_pixel(self, place: int) -> IntArray:
        height, width = self._encoded[place].shape[1:]
        return grid(height, width, self._cells)

    def _prepared(self, place: int, masks: BoolArray) -> Tensor:
        return torch.from_numpy(masks)

    def _rows(self, place: int, prepared: Tensor) -> Tensor:
        item, (down, across) = self._encoded[place], self._size(place)
        _, height, width = item.shape
        kept = prepared.to(item.device, item.dtype).reshape(-1, down, across)
        # columns first: then whole rows of pixels are copied
        kept = kept.index_select(2, _cell_of(width, across).to(item.device))
        kept = kept.index_select(1, _cell_of(height, down).to(item.device))
        return item * kept.unsqueeze(1)


def _cell_of(n_pixels: int, n_cells: int) -> Tensor:
    """The cell of each row or column of pixels; sizes differ by at most 1."""
    return torch.arange(n_pixels) * n_cells // n_pixels


def grid(height: int, width: int, cells: int) -> IntArray:
    """The cell of each pixel, row by row, in a grid of at most one cell a row or column of pixels."""
    down, across = min(cells, height), min(cells, width)
    found: IntArray = (_cell_of(height, down)[:, None] * across + _cell_of(width, across)).flatten().numpy()
    return found


_MASKINGS: dict[Modality, type[Masking]] = {"tabular": TabularMasking, "text": TextMasking, "image": ImageMasking}


def masking(batch: Batch) -> Masking:
    """The masking of the batch's modality."""
    try:
        return _MASKINGS[batch.predictor.modality](batch)
    except KeyError:
        raise InputError(f"predictor: no masking is known for {batch.predictor.modality}") from None

"""One question for every perturbation method: what does the predictor say when some units of an item are absent?

A masking holds the items of a batch and answers ``predict(place, masks)``; LIME, occlusion, Shapley values, anchors
and deletion metrics all ask it. A unit is a variable, a token (absent: the text without it) or a cell of a picture
(absent: black). An absent variable takes another value, drawn from the training data, in `masking`, as in LIME; in
`baseline_masking` it takes the average of the training data, the baseline of integrated gradients.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from explainers.errors import InputError
from explainers.methods.base import Batch, BoolArray, FloatArray, IntArray, generator
from explainers.methods.blocks import as_tabular, encode, forward_rows
from explainers.types import Modality, TextInput

SHARED_ROWS = 128  # of a block that holds rows of several items
_REPLACEMENTS = 1  # stream of an item's generator

Answer: TypeAlias = Callable[[Tensor, int], Tensor]
Cut: TypeAlias = Callable[[int, int], tuple[IntArray, IntArray]]


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

    def predict_all(self, masks: Sequence[BoolArray]) -> list[FloatArray]:
        """Probabilities of the explained classes for masks of every item, few an item: as `predict`, in fewer passes.

        Rows of several items share blocks of a fixed shape, so an item's bits do not depend on the others (see
        `explainers.methods.blocks`).

        Parameters
        ----------
        masks : sequence of bool arrays, shapes (n_masks, n_units)
            One an item of the batch, in its order.

        Returns
        -------
        list of float arrays, shapes (n_masks,)
        """
        found: dict[int, FloatArray] = {}
        for places in self._places_of_one_shape():
            rows = (self._rows(place, self._prepared(place, masks[place])) for place in places)
            with torch.inference_mode():
                logits = torch.cat([self.batch.predictor.logits(block)[:n] for block, n in packed(rows, SHARED_ROWS)])
            start = 0
            for place in places:
                own = logits[start : start + len(masks[place])]
                found[place] = probability(own, self.batch.classes[place]).cpu().numpy()
                start += len(own)
        return [found[place] for place in range(len(masks))]

    def _places_of_one_shape(self) -> Iterator[list[int]]:
        """The places of the items, those of one encoded shape together."""
        shapes: dict[torch.Size, list[int]] = {}
        for place in range(len(self.batch.requests)):
            shapes.setdefault(self._encoded[place].shape, []).append(place)
        yield from shapes.values()


def packed(parts: Iterator[Tensor], size: int) -> Iterator[tuple[Tensor, int]]:
    """The parts' rows in blocks of exactly `size` rows, with the number of true rows in each; the last is filled.

    The one block is used again and again. Its layout in memory is its own and not that of the parts, since rows of
    one layout and of another do not get the same bits.
    """
    block, n_held = torch.empty(0), 0
    for part in parts:
        if not block.numel():
            block = part.new_empty(size, *part.shape[1:])
        start, n_rows = 0, part.shape[0]
        while start < n_rows:
            n_taken = min(size - n_held, n_rows - start)
            block[n_held : n_held + n_taken] = part[start : start + n_taken]
            start, n_held = start + n_taken, n_held + n_taken
            if n_held == size:
                yield block, size
                n_held = 0
    if n_held:
        block[n_held:] = block[0]
        yield block, n_held


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


class AverageMasking(Masking):
    """Absent: the variable's columns hold the frequencies of the training data, as in the average row."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(batch)
        predictor = as_tabular(batch.predictor)
        sizes = torch.tensor([group.stop - group.start for group in predictor.groups])
        self._unit_of_column = torch.arange(len(sizes)).repeat_interleave(sizes)
        self._average = predictor.average_row.to(predictor.device, torch.float32)

    def n_units(self, place: int) -> int:
        return int(self._unit_of_column[-1]) + 1

    def _prepared(self, place: int, masks: BoolArray) -> Tensor:
        return torch.from_numpy(masks)

    def _rows(self, place: int, prepared: Tensor) -> Tensor:
        item = self._encoded[place]
        return torch.where(prepared[:, self._unit_of_column].to(item.device), item, self._average)


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
    """Absent: the cell is black (0). A cell is where a band of rows of pixels meets a band of columns.

    Parameters
    ----------
    batch : Batch
    cut : callable, optional
        From height and width in pixels to the band of each row and that of each column of pixels, both from 0 on.
        Without it the bands are those of a regular grid of the parameter `cells`.
    """

    def __init__(self, batch: Batch, cut: Cut | None = None) -> None:
        super().__init__(batch)
        self._cut = cut or regular(int(batch.params["cells"]), int(batch.params["cells"]))

    def n_units(self, place: int) -> int:
        down, across = self.size(place)
        return down * across

    def size(self, place: int) -> tuple[int, int]:
        """Bands of rows and of columns."""
        rows, columns = self._bands(place)
        return int(rows[-1]) + 1, int(columns[-1]) + 1

    def _bands(self, place: int) -> tuple[IntArray, IntArray]:
        height, width = self._encoded[place].shape[1:]
        return self._cut(height, width)

    def unit_of_pixel(self, place: int) -> IntArray:
        return cells_of_pixels(*self._bands(place))

    def _prepared(self, place: int, masks: BoolArray) -> Tensor:
        return torch.from_numpy(masks)

    def _rows(self, place: int, prepared: Tensor) -> Tensor:
        item, (rows, columns) = self._encoded[place], self._bands(place)
        kept = prepared.to(item.device, item.dtype).reshape(-1, *self.size(place))
        # columns first: then whole rows of pixels are copied
        kept = kept.index_select(2, torch.from_numpy(columns).to(item.device))
        kept = kept.index_select(1, torch.from_numpy(rows).to(item.device))
        return item * kept.unsqueeze(1)


def regular(down: int, across: int) -> Cut:
    """Bands of a regular grid of at most `down` x `across` cells, at most one a row or column of pixels."""
    return lambda height, width: (_even(height, min(down, height)), _even(width, min(across, width)))


def _even(n_pixels: int, n_bands: int) -> IntArray:
    """The band of each row or column of pixels; sizes differ by at most 1."""
    return np.arange(n_pixels, dtype=np.int64) * n_bands // n_pixels


def cells_of_pixels(rows: IntArray, columns: IntArray) -> IntArray:
    """The cell of each pixel, row by row, from the bands of the rows and of the columns."""
    found: IntArray = (rows[:, None] * (int(columns[-1]) + 1) + columns).ravel()
    return found


def grid(height: int, width: int, cells: int) -> IntArray:
    """The cell of each pixel, row by row, in a grid of at most one cell a row or column of pixels."""
    return cells_of_pixels(*regular(cells, cells)(height, width))


_MASKINGS: dict[Modality, type[Masking]] = {"tabular": TabularMasking, "text": TextMasking, "image": ImageMasking}


def masking(batch: Batch) -> Masking:
    """The masking of the batch's modality, with absent variables drawn as LIME draws them."""
    try:
        return _MASKINGS[batch.predictor.modality](batch)
    except KeyError:
        raise InputError(f"predictor: no masking is known for {batch.predictor.modality}") from None


def baseline_masking(batch: Batch, cut: Cut | None = None) -> Masking:
    """As `masking`, without chance: absent variables are average. Pictures are cut by `cut`."""
    match batch.predictor.modality:
        case "tabular":
            return AverageMasking(batch)
        case "image":
            return ImageMasking(batch, cut)
        case _:
            return masking(batch)

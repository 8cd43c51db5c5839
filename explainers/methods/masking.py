"""One question for every perturbation method: what does the predictor say when some units of an item are absent?

A masking holds the items of a batch and answers ``predict(place, masks)``; LIME, occlusion, Shapley values, anchors
and deletion metrics all ask it. A unit is a variable, a token (absent: the text without it) or a cell of a picture
(absent: black). An absent variable takes another value, drawn from the training data, in `masking`, as in LIME; in
`baseline_masking` it takes the average of the training data, the baseline of integrated gradients.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
_UNITS_A_PIECE, _FEWEST_PIECED = 6, 256  # variables, rows: fewer rows are made faster one by one
_MANY_LIMITS = 64  # of a variable's values: among more of them searching is faster than comparing
_POWERS = 2 ** np.arange(_UNITS_A_PIECE, dtype=np.uint8)

Answer: TypeAlias = Callable[[Tensor, int], Tensor]
Cut: TypeAlias = Callable[[int, int], tuple[IntArray, IntArray]]


def probability(logits: Tensor, class_index: int) -> Tensor:
    """Softmax probability of the class, 0 to 1, in float64."""
    return logits.T.double().softmax(0)[class_index]  # class by class: rows of a few numbers would be summed one by one


def score(logits: Tensor, class_index: int) -> Tensor:
    """Centred logit of the class (see `explainers.methods.gradients`), in float64."""
    wide = logits.T.double()
    return wide[class_index] - wide.mean(0)


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
                found.append(self.batch.predictor.logits(self._rows(place, prepared[start : start + size])))
            return answer(torch.cat(found), class_index).cpu().numpy()

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
        self._starts = np.array([group.start for group in predictor.groups])
        self._frequencies = [frequencies.numpy() for frequencies in predictor.training_frequencies]
        own = torch.stack([self._encoded[place] for place in range(len(batch.requests))]).cpu()
        # the columns that are 1, variable after variable
        self._own = own.nonzero()[:, 1].numpy().reshape(len(own), -1) - self._starts
        self._shares = [frequencies / frequencies.sum() for frequencies in self._frequencies]
        self._small = np.uint8 if max(map(len, self._frequencies)) <= 256 else np.uint32
        self._known: dict[tuple[int, int], FloatArray] = {}

    def n_units(self, place: int) -> int:
        return len(self._frequencies)

    def own_frequencies(self, place: int) -> FloatArray:
        """The share of the training rows that have the item's own value, for each variable."""
        return np.array([shares[own] for shares, own in zip(self._shares, self._own[place].tolist(), strict=True)])

    def _limits(self, unit: int, own: int) -> FloatArray:
        """A draw from 0 to 1 gives the value whose number is that of the limits up to the draw."""
        if (unit, own) not in self._known:
            self._known[unit, own] = _others(self._frequencies[unit], own)[:-1, None]
        return self._known[unit, own]

    def _prepared(self, place: int, masks: BoolArray) -> Tensor:
        """The column of each variable that is 1."""
        # variable by variable, in as few bytes as the values' numbers take
        draws = np.ascontiguousarray(generator(self.batch.requests[place].seed, _REPLACEMENTS).random(masks.shape).T)
        values, own = np.empty(draws.shape, dtype=self._small), self._own[place].astype(self._small)[:, None]
        for unit, value in enumerate(self._own[place].tolist()):
            values[unit] = _numbers_of(draws[unit], self._limits(unit, value))
        values -= own  # numbers wrap around, and come back
        values *= ~np.ascontiguousarray(masks.T)
        values += own
        return torch.from_numpy((values + self._starts[:, None]).T)

    def _rows(self, place: int, prepared: Tensor) -> Tensor:
        item = self._encoded[place]
        rows = torch.zeros(len(prepared), len(item), device=item.device)
        if item.device.type != "cpu":
            return rows.scatter_(1, prepared.to(item.device), 1.0)
        # numpy writes single numbers in half the time
        rows.numpy().reshape(-1)[prepared.numpy() + len(item) * np.arange(len(prepared))[:, None]] = 1.0
        return rows


def _numbers_of(draws: FloatArray, limits: FloatArray) -> IntArray:
    """How many of the limits (n_limits, 1) are not above each draw."""
    if len(limits) > _MANY_LIMITS:
        return np.searchsorted(limits[:, 0], draws, side="right")
    found: IntArray = (draws >= limits).view(np.uint8).sum(axis=0, dtype=np.uint8)  # few are compared with faster
    return found


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
    """Absent: the variable's columns hold the frequencies of the training data, as in the average row.

    Many rows of an item are put together from pieces: all that a few variables, present or absent, can look like.
    """

    def __init__(self, batch: Batch) -> None:
        super().__init__(batch)
        predictor = as_tabular(batch.predictor)
        self._average = predictor.average_row.to(predictor.device, torch.float32)
        sizes = torch.tensor([group.stop - group.start for group in predictor.groups])
        self._unit_of_column = torch.arange(len(sizes)).repeat_interleave(sizes)
        self._pieces = [
            _Piece.of(self._unit_of_column, units).to(predictor.device) for units in _few(range(len(sizes)))
        ]

    def n_units(self, place: int) -> int:
        return int(self._unit_of_column[-1]) + 1

    def _prepared(self, place: int, masks: BoolArray) -> Tensor:
        if len(masks) < _FEWEST_PIECED:
            return torch.from_numpy(masks)
        numbers = [
            masks[:, piece.units.start : piece.units.stop].view(np.uint8) @ _POWERS[: len(piece.units)]
            for piece in self._pieces
        ]
        return torch.from_numpy(np.stack(numbers, axis=1).astype(np.int32))

    def _rows(self, place: int, prepared: Tensor) -> Tensor:
        item = self._encoded[place]
        if prepared.dtype == torch.bool:
            return torch.where(prepared[:, self._unit_of_column].to(item.device), item, self._average)
        numbers = prepared.to(item.device)
        return torch.cat(
            [piece.rows(item, self._average, numbers[:, n]) for n, piece in enumerate(self._pieces)], dim=1
        )


@dataclass(frozen=True)
class _Piece:
    """Neighbouring variables, their columns, and which of these are present in each set of the variables."""

    units: range
    columns: slice
    present: Tensor  # bool (2 ** n_units, n_columns)

    @classmethod
    def of(cls, unit_of_column: Tensor, units: range) -> _Piece:
        columns = ((unit_of_column >= units.start) & (unit_of_column < units.stop)).nonzero()[:, 0]
        sets = np.arange(2 ** len(units))[:, None] & _POWERS[: len(units)] > 0
        present = torch.from_numpy(sets)[:, unit_of_column[columns] - units.start]
        return cls(units, slice(int(columns[0]), int(columns[-1]) + 1), present)

    def to(self, device: torch.device) -> _Piece:
        return _Piece(self.units, self.columns, self.present.to(device))

    def rows(self, item: Tensor, average: Tensor, numbers: Tensor) -> Tensor:
        """The piece of each row, by the number of its set."""
        known = torch.where(self.present, item[self.columns], average[self.columns])
        return known.index_select(0, numbers)


def _few(units: range) -> list[range]:
    return [units[start : start + _UNITS_A_PIECE] for start in range(0, len(units), _UNITS_A_PIECE)]


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

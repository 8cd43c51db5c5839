"""Small changes of one part of an item: a variable takes another value, a word is left out or replaced by another.

They are those of `explainers.perturbations`, listed instead of drawn. A new value must occur in the training items
together with each of the other values of the row; a new word must stand there beside one of its neighbours. The most
frequent words (the, is, not, ...) are neither replaced nor used. Any word may be left out, but the last one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor

from explainers.background import Background
from explainers.errors import ParameterError
from explainers.methods.base import Batch
from explainers.methods.blocks import as_tabular, as_text, encode
from explainers.perturbations.tabular import MIN_TOGETHER
from explainers.perturbations.text import MIN_COUNT, N_FREQUENT, SHARE_FREQUENT, dressed
from explainers.predictors.text import PADDING, UNKNOWN, normalised
from explainers.types import Input, TabularInput, TextInput


@dataclass(frozen=True)
class Change:
    """Part `unit` becomes `new`, None where it is left out; `code` is the column or the word id that stands for it."""

    unit: int
    new: str | None
    code: int


@dataclass(frozen=True)
class Point:
    """An item after some changes: its parts (None: left out), encoded, and which of them were changed."""

    parts: tuple[str | None, ...]
    row: Tensor
    changed: frozenset[int] = frozenset()


class Changes(ABC):
    """The items of a batch and the changes that each point on their ways can take."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        rows: dict[int, Tensor] = {}
        for group in encode(batch.predictor, batch.inputs):
            rows.update(zip(group.places, group.rows.cpu(), strict=True))
        self._starts = [Point(self._parts(item), rows[place]) for place, item in enumerate(batch.inputs)]

    def start(self, place: int) -> Point:
        """The item itself."""
        return self._starts[place]

    @abstractmethod
    def possible(self, point: Point) -> list[Change]:
        """The changes of one more part, in an order that depends on the point alone."""

    @abstractmethod
    def rows(self, point: Point, changes: Sequence[Change]) -> Tensor:
        """The encoded rows after each change, on the CPU; shape (n_changes, ...)."""

    @abstractmethod
    def input(self, place: int, point: Point) -> Input:
        """The point as an input."""

    @abstractmethod
    def words(self, place: int, change: Change, point: Point) -> tuple[str, str, str]:
        """The change as `types.Step` has it; `point` is before it."""

    @abstractmethod
    def _parts(self, item: Input) -> tuple[str, ...]:
        """The item's parts."""

    def after(self, point: Point, change: Change) -> Point:
        """The point that the change leads to."""
        parts = (*point.parts[: change.unit], change.new, *point.parts[change.unit + 1 :])
        return Point(parts, self.rows(point, [change])[0], point.changed | {change.unit})


class TabularChanges(Changes):
    """Another value of a variable."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(batch)
        self._variables = as_tabular(batch.predictor).variables
        self._groups = as_tabular(batch.predictor).groups
        self._together = _together(batch.predictor.background)

    def possible(self, point: Point) -> list[Change]:
        held = point.row > 0
        found = []
        for unit, (variable, group) in enumerate(zip(self._variables, self._groups, strict=True)):
            if unit in point.changed:
                continue
            others = held.clone()
            others[group] = False
            fits = (self._together[group][:, others] >= MIN_TOGETHER).all(1) & ~held[group]
            fits &= self._together.diagonal()[group] >= MIN_TOGETHER  # where there is no other variable
            codes = fits.nonzero()[:, 0].tolist()
            found += [Change(unit, variable.categories[code], group.start + code) for code in codes]
        return found

    def rows(self, point: Point, changes: Sequence[Change]) -> Tensor:
        rows = point.row.repeat(len(changes), 1)
        for row, change in zip(rows, changes, strict=True):
            row[self._groups[change.unit]] = 0.0
            row[change.code] = 1.0
        return rows

    def input(self, place: int, point: Point) -> Input:
        names = (variable.name for variable in self._variables)
        return TabularInput(tuple((name, str(part)) for name, part in zip(names, point.parts, strict=True)))

    def words(self, place: int, change: Change, point: Point) -> tuple[str, str, str]:
        return self._variables[change.unit].name, str(point.parts[change.unit]), str(change.new)

    def _parts(self, item: Input) -> tuple[str, ...]:
        assert isinstance(item, TabularInput)  # encode has checked it
        return tuple(value for _, value in item.values)


@lru_cache(maxsize=4)
def _together(background: Background) -> Tensor:
    """How many training rows hold both of two columns; float (n_columns, n_columns)."""
    rows = background.rows
    return (rows.T @ rows).round()


class TextChanges(Changes):
    """A word left out, or replaced by one of those that stand most often beside its neighbours."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(batch)
        self._n_replacements = int(batch.params["n_replacements"])
        vocabulary = as_text(batch.predictor).vocabulary
        self._ids = {word: index for index, word in enumerate(vocabulary, start=UNKNOWN + 1)}
        self._use = _use(batch.predictor.background)

    def possible(self, point: Point) -> list[Change]:
        present = [unit for unit, part in enumerate(point.parts) if part is not None]
        around = dict(zip(present, zip([None, *present[:-1]], [*present[1:], None], strict=True), strict=True))
        found = []
        for unit in present:
            if unit in point.changed:
                continue
            if len(present) > 1:
                found.append(Change(unit, None, PADDING))
            found += list(self._replacements(point.parts, unit, *around[unit]))
        return found

    def _replacements(
        self, parts: Sequence[str | None], unit: int, left: int | None, right: int | None
    ) -> Iterator[Change]:
        token = str(parts[unit])
        old = normalised(token)
        if old in self._use.frequent:
            return
        before = self._use.after.get(_word(parts, left), Counter())
        after = self._use.before.get(_word(parts, right), Counter())
        fits = (before.keys() & after.keys()) or (before.keys() | after.keys())
        ranked = sorted(fits - {old}, key=lambda word: (-before[word] - after[word], word))
        for word in [word for word in ranked if word in self._ids][: self._n_replacements]:
            yield Change(unit, dressed(word, token), self._ids[word])

    def rows(self, point: Point, changes: Sequence[Change]) -> Tensor:
        rows = point.row.repeat(len(changes), 1)
        rows[torch.arange(len(changes)), [change.unit for change in changes]] = torch.tensor(
            [change.code for change in changes], dtype=rows.dtype
        )
        return rows

    def input(self, place: int, point: Point) -> Input:
        return TextInput(tuple(part for part in point.parts if part is not None))

    def words(self, place: int, change: Change, point: Point) -> tuple[str, str, str]:
        return str(change.unit), str(point.parts[change.unit]), change.new or ""

    def _parts(self, item: Input) -> tuple[str, ...]:
        assert isinstance(item, TextInput)  # encode has checked it
        return item.tokens


def _word(parts: Sequence[str | None], place: int | None) -> str:
    """The word at a place; what never stands in a text where there is no place."""
    return "" if place is None else normalised(str(parts[place]))


@dataclass(frozen=True)
class _Use:
    """Words that may be used: how often they stood after a word and before one; and the most frequent words."""

    after: dict[str, Counter[str]]
    before: dict[str, Counter[str]]
    frequent: frozenset[str]


@lru_cache(maxsize=4)
def _use(background: Background) -> _Use:
    texts = [[normalised(token) for token in text.tokens] for text in background.inputs if isinstance(text, TextInput)]
    total = Counter(word for words in texts for word in words)
    frequent = frozenset(word for word, _ in total.most_common(min(N_FREQUENT, len(total) // SHARE_FREQUENT)))
    usable = {word for word, n in total.items() if n >= MIN_COUNT and word not in frequent and word[0].isalpha()}
    use = _Use({}, {}, frequent)
    for (first, second), n_times in Counter(pair for words in texts for pair in pairwise(words)).items():
        if second in usable:
            use.after.setdefault(first, Counter())[second] = n_times
        if first in usable:
            use.before.setdefault(second, Counter())[first] = n_times
    return use


def changes(batch: Batch) -> Changes:
    """The changes of the batch's modality; raises ParameterError for pictures."""
    match batch.predictor.modality:
        case "tabular":
            return TabularChanges(batch)
        case "text":
            return TextChanges(batch)
        case other:
            raise ParameterError(f"explainer: changes are of variables or words, {other} inputs have neither")

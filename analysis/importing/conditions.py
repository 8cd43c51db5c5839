"""Which rows are meant: `{"column": "text"}`, and what else a mapping may ask of a cell."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.errors import ImportedFileError
from analysis.importing.records import Records
from analysis.importing.tree import Tree
from analysis.types import BoolArray

NUMBERS: Final[dict[str, Callable[[float, float], bool]]] = {
    "below": lambda cell, limit: cell < limit,
    "above": lambda cell, limit: cell > limit,
    "at_least": lambda cell, limit: cell >= limit,
    "at_most": lambda cell, limit: cell <= limit,
}
TEXTS: Final = ("not", "starts_with", "same_as", "other_than", "empty")


@dataclass(frozen=True)
class Condition:
    """What a cell of one column has to be.

    Parameters
    ----------
    column : str
    test : str
        "is", "not" (one of `texts`, or none), "starts_with" (one of them), "same_as", "other_than" (the column named
        first in `texts`), "empty" (`texts` is "true" or "false"), or one of `NUMBERS`.
    texts : tuple of str
    limit : float
        Of the numbers.
    """

    column: str
    test: str
    texts: tuple[str, ...] = ()
    limit: float = 0.0

    def holds(self, records: Records) -> BoolArray:
        """Say for which rows it does, shape (n_rows,); an empty cell is no number, so none holds for it."""
        cells = records.column(self.column)
        if self.test in ("same_as", "other_than"):
            others = records.column(self.texts[0])
            wanted = self.test == "same_as"
            return _array((cell == other) == wanted for cell, other in zip(cells, others, strict=True))
        known = {cell: self._fits(cell) for cell in set(cells)}
        odd = [cell for cell, fits in known.items() if fits is None]
        if odd:
            raise ImportedFileError(records.name, _not_numbers(records, self.column, cells, set(odd)))
        return _array(bool(known[cell]) for cell in cells)

    def _fits(self, cell: str) -> bool | None:
        """Return None where a number was expected."""
        if self.test in NUMBERS:
            try:
                return bool(cell) and NUMBERS[self.test](float(cell), self.limit)
            except ValueError:
                return None
        if self.test == "empty":
            return (cell == "") == (self.texts == ("true",))
        if self.test == "starts_with":
            return cell.startswith(self.texts)
        return (cell in self.texts) == (self.test == "is")


Where = tuple[Condition, ...]


def matching(records: Records, where: Where) -> BoolArray:
    """Say for which rows every condition holds, shape (n_rows,)."""
    found = np.ones(len(records), dtype=np.bool_)
    for condition in where:
        found &= condition.holds(records)
    return found


def read_where(tree: Tree) -> Where:
    """Read conditions, one a column; an object gives several tests of it."""
    found: list[Condition] = []
    for column in tree.names():
        part = tree.at(column)
        if not part.is_object:
            found.append(Condition(column, "is", part.texts()))
            continue
        found += [_condition(column, test, part.at(test)) for test in part.names((*NUMBERS, *TEXTS))]
    return tuple(found)


def _condition(column: str, test: str, value: Tree) -> Condition:
    if test in NUMBERS:
        return Condition(column, test, limit=value.number())
    return Condition(column, test, value.texts())


def columns_of(where: Where) -> set[str]:
    """Name the columns that conditions are about."""
    named = {one.column for one in where}
    return named | {one.texts[0] for one in where if one.test in ("same_as", "other_than")}


def _array(values: Iterable[bool]) -> BoolArray:
    return np.fromiter(values, dtype=np.bool_)


def _not_numbers(records: Records, column: str, cells: Sequence[str], odd: set[str]) -> list[str]:
    return [
        f"row {records.row[i]}, column {column}: expected a number, found {cell!r}"
        for i, cell in enumerate(cells)
        if cell in odd
    ]

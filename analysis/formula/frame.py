"""A file of answers by column, each a number or a factor."""

import csv
import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

from analysis.errors import InputError
from analysis.table import numbered
from analysis.types import BoolArray, FloatArray, IntArray, TextArray

MISSING: Final = frozenset({"", "NA", "NaN", "nan", "null", "None"})
TRUTHS: Final[Mapping[str, str]] = {"true": "1", "false": "0"}
FEW_LEVELS: Final = range(3, 13)  # a number that takes so few whole values may have been meant as a factor

Columns: TypeAlias = Mapping[str, Sequence[object]]


@dataclass(frozen=True)
class Frame:
    """Columns as text, all of one length; empty cells are "".

    Parameters
    ----------
    columns : mapping of str to text array, shape (n,)
    """

    columns: Mapping[str, TextArray]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def seen(self, names: Iterable[str]) -> BoolArray:
        """Return which rows have a value in every one of these columns, shape (n,)."""
        found = np.ones(len(self), dtype=np.bool_)
        for name in names:
            found &= self.columns[name] != ""
        return found

    def only(self, keep: BoolArray) -> "Frame":
        """Return the rows where `keep` holds."""
        return Frame({name: cells[keep] for name, cells in self.columns.items()})

    def numbers(self, name: str) -> FloatArray | None:
        """Return a column as numbers, NaN where it is empty, or None when a cell is no number."""
        cells = [TRUTHS.get(cell.lower(), cell) if cell else "nan" for cell in self.columns[name].tolist()]
        try:
            found = np.array(cells, dtype=np.float64)
        except ValueError:
            return None
        return None if np.isinf(found).any() else found

    def levels(self, name: str, reference: str | None = None) -> tuple[list[str], IntArray]:
        """Return a column's levels, sorted but for the reference, which comes first, and each row's number.

        Raises
        ------
        InputError
            When the reference is none of them.
        """
        levels, number = numbered(self.columns[name])
        if all(_is_number(level) for level in levels):  # 10 comes after 9
            levels, number = _resorted(levels, number, sorted(levels, key=float))
        if reference is None:
            return levels, number
        if reference not in levels:
            known = ", ".join(levels)
            raise InputError("the reference level", [f"{name}: {reference!r} is none of its values: {known}"])
        return _resorted(levels, number, [reference, *(level for level in levels if level != reference)])

    def looks_like_a_factor(self, name: str) -> bool:
        """Whether a column of numbers takes a few whole values, as arms do that are numbered."""
        values = np.unique(self.columns[name])
        return len(values) in FEW_LEVELS and all(_is_number(v) and float(v).is_integer() for v in values.tolist())


def read_frame(source: Path | str | Columns, names: Sequence[str]) -> Frame:
    """Read the named columns of a CSV file (comma, semicolon or tab; gzip by its ending) or of a mapping.

    Raises
    ------
    InputError
        When the file cannot be read, a row has too many cells, or a column is not there.
    """
    if not isinstance(source, Path | str):
        held = {str(name): [_text(value) for value in values] for name, values in source.items()}
        return _frame(held, names, "the data")
    return _frame(_cells(Path(source)), names, Path(source).name)


def _cells(path: Path) -> dict[str, list[str]]:
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = raw.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True))
    except (UnicodeDecodeError, csv.Error, gzip.BadGzipFile, EOFError) as error:
        raise InputError(path.name, [f"expected comma-separated text in UTF-8: {error}"]) from error
    if not rows:
        raise InputError(path.name, ["expected a row of names and rows of values, found nothing"])
    header = [name.strip() for name in rows[0]]
    ragged = [n for n, row in enumerate(rows[1:], 2) if row and len(row) != len(header)]
    if ragged:
        lengths = {n: len(rows[n - 1]) for n in ragged}
        raise InputError(path.name, [f"row {n}: expected {len(header)} cells, found {lengths[n]}" for n in ragged])
    return {name: [row[k].strip() for row in rows[1:] if row] for k, name in enumerate(header)}


def _delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return max(",;\t", key=header.count)


def _frame(cells: Mapping[str, Sequence[str]], names: Sequence[str], what: str) -> Frame:
    lacking = [name for name in names if name not in cells]
    if lacking:
        known = ", ".join(cells) or "none"
        raise InputError(what, [f"column {name} was expected, there is none (columns: {known})" for name in lacking])
    lengths = {name: len(cells[name]) for name in names}
    if len(set(lengths.values())) > 1:
        raise InputError(what, [f"columns of one length were expected, found {lengths}"])
    if not names or not lengths[names[0]]:
        raise InputError(what, ["expected rows of values, found none"])
    return Frame({name: np.array(["" if c in MISSING else c for c in cells[name]], dtype=object) for name in names})


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return str(int(value)) if isinstance(value, bool | np.bool_) else str(value)


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _resorted(levels: list[str], number: IntArray, order: list[str]) -> tuple[list[str], IntArray]:
    place = {level: k for k, level in enumerate(order)}
    return order, np.array([place[level] for level in levels], dtype=np.int64)[number]

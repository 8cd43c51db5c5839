"""The response table: responses.csv read into typed columns, with every cell that cannot be read named."""

import csv
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis.columns import COLUMNS, SIMULATION_TYPES, Column
from analysis.errors import TableError
from analysis.types import BoolArray, FloatArray, IntArray, TextArray

MISSING: Final = -1  # an empty cell of an integer or a flag; neither is ever negative


@dataclass(frozen=True)
class ResponseTable:
    """One row a screen, one array a column; all arrays have shape (n_rows,).

    The columns and their meaning are in `analysis.columns`. An empty cell is "" in a text, NaN in a number, NaT in a
    time and `MISSING` in an integer or a flag.

    Parameters
    ----------
    row : int array
        The row's number in the file, as a spreadsheet counts it: the header is row 1.
    sha256 : str
        Of the file the table was read from.
    """

    study_id: TextArray
    subject_id: TextArray
    stage: TextArray
    simulated: IntArray
    arm: TextArray
    stratum: TextArray
    sequence: IntArray
    permuted_block: IntArray
    block_size: IntArray
    trial_index: IntArray
    trial_type: TextArray
    phase: TextArray
    block: TextArray
    item: TextArray
    label: TextArray
    model_output: TextArray
    model_output_original: TextArray
    perturbation: TextArray
    response: TextArray
    correct: IntArray
    rating: FloatArray
    rt: FloatArray
    server_ms: FloatArray
    time_elapsed: FloatArray
    answered_at: NDArray[np.datetime64]
    painted_ms: FloatArray
    first_touch_ms: FloatArray
    chosen_ms: FloatArray
    changes: IntArray
    focus_lost: IntArray
    focus_lost_ms: FloatArray
    pastes: IntArray
    attempt: IntArray
    arrival: TextArray
    seen_before: IntArray
    shared_browser: IntArray
    score: FloatArray
    row: IntArray
    sha256: str

    def __len__(self) -> int:
        return len(self.row)

    @property
    def is_simulation(self) -> BoolArray:
        """Whether a row is a trial in which the participant predicts the model; shape (n_rows,)."""
        return np.isin(self.trial_type, SIMULATION_TYPES)

    def only(self, keep: BoolArray) -> "ResponseTable":
        """Return the rows where `keep` (shape (n_rows,)) holds, with their numbers."""
        chosen = {field.name: getattr(self, field.name)[keep] for field in fields(self) if field.name != "sha256"}
        return replace(self, **chosen)


def read_table(source: Path | str) -> ResponseTable:
    """Read a responses.csv; columns it has beside the known ones are left alone.

    Parameters
    ----------
    source : Path or str
        A path, or the CSV itself (a string with a line break).

    Returns
    -------
    ResponseTable

    Raises
    ------
    TableError
        Listing every missing column and every cell that cannot be read, by row and column.
    """
    is_text = isinstance(source, str) and "\n" in source
    raw = str(source).encode() if is_text else Path(source).read_bytes()
    try:
        rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError("responses.csv", [f"expected comma-separated text in UTF-8: {error}"]) from error
    return _table(_cells_by_column(rows), len(rows) - 1, hashlib.sha256(raw).hexdigest())


def table_of(rows: Sequence[Mapping[str, object]]) -> ResponseTable:
    """Read rows as if they had been written to a responses.csv; what a row does not have is empty.

    Parameters
    ----------
    rows : sequence of mapping of str to object
        Cells by column.

    Returns
    -------
    ResponseTable
        Without a hash, as there is no file.

    Raises
    ------
    TableError
        Listing every cell that cannot be read, by row and column.
    """
    held = {name for row in rows for name in row}
    empty = ("",) * len(rows)
    cells = {
        column.name: [str(row.get(column.name, "")) for row in rows] if column.name in held else empty
        for column in COLUMNS
    }
    return _table(cells, len(rows), "")


def table_of_columns(
    cells: Mapping[str, Sequence[str]], row: IntArray, sha256: str, *, what: str, names: Mapping[str, str]
) -> ResponseTable:
    """Read columns that came from another file than a responses.csv.

    Parameters
    ----------
    cells : mapping of str to sequence of str
        By our column, each of length n_rows; what is not in it is empty.
    row : int array, shape (n_rows,)
        The row of that file that each row came from.
    sha256 : str
        Of that file.
    what : str
        That file, as the reader calls it.
    names : mapping of str to str
        What that file calls a column, where it has another name.

    Returns
    -------
    ResponseTable

    Raises
    ------
    TableError
        Listing every cell that cannot be read, by that file's rows and columns.
    """
    problems: list[str] = []
    empty = ("",) * len(row)
    columns = {
        column.name: _parse(column, cells.get(column.name, empty), row, problems, names.get(column.name, ""))
        for column in COLUMNS
    }
    if problems:
        raise TableError(what, problems)
    return ResponseTable(**columns, row=row, sha256=sha256)  # type: ignore[arg-type]


def numbered(texts: TextArray) -> tuple[list[str], IntArray]:
    """Return the distinct texts, sorted, and for each text its number among them, shape (n,).

    As `numpy.unique` with its inverse, which would sort every single text instead of the few that there are.
    """
    listed = texts.tolist()
    distinct = sorted(set(listed))
    number = {text: place for place, text in enumerate(distinct)}
    return distinct, np.fromiter((number[text] for text in listed), dtype=np.int64, count=len(listed))


def _table(cells: Mapping[str, Sequence[str]], n_rows: int, sha256: str) -> ResponseTable:
    problems: list[str] = []
    numbers = np.arange(2, n_rows + 2, dtype=np.int64)
    columns = {column.name: _parse(column, cells[column.name], numbers, problems) for column in COLUMNS}
    if problems:
        raise TableError("responses.csv", problems)
    return ResponseTable(**columns, row=numbers, sha256=sha256)  # type: ignore[arg-type]


def _cells_by_column(rows: list[list[str]]) -> dict[str, Sequence[str]]:
    if not rows:
        raise TableError("responses.csv", ["expected a header row, found an empty file"])
    header = rows[0]
    absent = [column for column in COLUMNS if column.name not in header]
    problems = [f"column {column.name}: missing from the header" for column in absent if not column.optional]
    problems += [
        f"column {name}: is there twice" for name in sorted({name for name in header if header.count(name) > 1})
    ]
    problems += [
        f"row {number}: expected {len(header)} cells, found {len(row)}"
        for number, row in enumerate(rows[1:], start=2)
        if len(row) != len(header)
    ]
    if problems:
        raise TableError("responses.csv", problems)
    cells = zip(*rows[1:], strict=True) if len(rows) > 1 else [()] * len(header)
    found: dict[str, Sequence[str]] = dict(zip(header, cells, strict=True))
    return found | {column.name: ("",) * (len(rows) - 1) for column in absent}


def _parse(
    column: Column, cells: Sequence[str], numbers: IntArray, problems: list[str], name: str = ""
) -> NDArray[np.generic]:
    """Return a column as an array; what cannot be read goes to `problems` and stays empty in the array."""
    read, empty, dtype = READERS[column.kind]
    if not column.required and not any(cells):
        return np.array([empty] * len(cells), dtype=dtype)
    parsed: list[object] = []
    for place, cell in enumerate(cells):
        try:
            parsed.append(_checked(column, cell, read) if cell or column.required else empty)
        except ValueError as error:
            problems.append(f"row {numbers[place]}, column {name or column.name}: {error}, found {cell!r}")
            parsed.append(empty)
    return np.array(parsed, dtype=dtype)


def _checked(column: Column, cell: str, read: Callable[[str], object]) -> object:
    if not cell:
        raise ValueError("expected something")
    if column.values and cell not in column.values:
        raise ValueError(f"expected one of {', '.join(column.values)}")
    return read(cell)


def _integer(cell: str) -> int:
    if not cell.isascii() or not cell.isdigit():
        raise ValueError("expected a whole number, zero or more")
    return int(cell)


def _flag(cell: str) -> int:
    if cell not in ("0", "1"):
        raise ValueError("expected 0 or 1")
    return int(cell)


def _number(cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise ValueError("expected a number")
    return value


def _duration(cell: str) -> float:
    value = _number(cell)
    if value < 0:
        raise ValueError("expected milliseconds, zero or more")
    return value


def _time(cell: str) -> np.datetime64:
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        moment = datetime.min
    if moment.utcoffset() is None or moment.utcoffset():
        raise ValueError("expected a time in UTC such as 2026-01-31T09:30:00Z")
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


READERS: Final[dict[str, tuple[Callable[[str], object], object, str]]] = {
    "text": (str, "", "O"),
    "integer": (_integer, MISSING, "i8"),
    "flag": (_flag, MISSING, "i8"),
    "number": (_number, float("nan"), "f8"),
    "duration": (_duration, float("nan"), "f8"),
    "time": (_time, np.datetime64("NaT", "us"), "M8[us]"),
}

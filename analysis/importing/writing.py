"""A response table as responses.csv: what `analysis.table.read_table` reads back, cell for cell."""

import csv
from collections.abc import Callable
from typing import IO, Final

import numpy as np

from analysis.columns import COLUMNS
from analysis.table import MISSING, ResponseTable

ROWS_AT_ONCE: Final = 10_000


def write_table(table: ResponseTable, file: IO[str]) -> None:
    """Write a table under one header row.

    Parameters
    ----------
    table : ResponseTable
    file : text file
        Opened with ``newline=""``.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(column.name for column in COLUMNS)
    for start in range(0, len(table), ROWS_AT_ONCE):
        chunk = slice(start, start + ROWS_AT_ONCE)
        cells = [list(map(TEXTS[column.kind], getattr(table, column.name)[chunk].tolist())) for column in COLUMNS]
        writer.writerows(zip(*cells, strict=True))


def _whole(value: int) -> str:
    return "" if value == MISSING else str(value)


def _number(value: float) -> str:
    return "" if np.isnan(value) else repr(value).removesuffix(".0")


def _time(value: object) -> str:
    return "" if value is None else f"{value.isoformat()}Z"  # type: ignore[attr-defined]


TEXTS: Final[dict[str, Callable[..., str]]] = {
    "text": str,
    "integer": _whole,
    "flag": _whole,
    "number": _number,
    "duration": _number,
    "time": _time,
}

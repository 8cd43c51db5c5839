"""Tables of text: comma, semicolon or tab between the cells, one header row, UTF-8.

Read row by row and kept by column, equal cells once: a file of a million rows takes the memory of the columns that its
mapping asks for.
"""

import csv
import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from analysis.errors import ImportedFileError
from analysis.importing.records import Records

DELIMITERS: Final = (",", ";", "\t")
MOST_CHARACTERS: Final = 10_000_000  # of one cell: a mouse track may be long


def read_csv(path: Path, wanted: Collection[str] | None, *, drop_duplicates: bool = False) -> Records:
    """Read a table.

    Parameters
    ----------
    path : Path
    wanted : collection of str or None
        The columns to keep; None for all.
    drop_duplicates : bool
        Keep the first of rows that are alike in every cell, wanted or not.

    Returns
    -------
    Records

    Raises
    ------
    ImportedFileError
        When it is no such table, with the rows that have too few cells or too many.
    """
    with path.open("rb") as raw:
        sha256 = hashlib.file_digest(raw, "sha256").hexdigest()
    csv.field_size_limit(MOST_CHARACTERS)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = _delimiter(file.readline())
            file.seek(0)
            rows = csv.reader(file, delimiter=delimiter, strict=True)
            return _collect(path.name, rows, wanted, sha256, drop_duplicates=drop_duplicates)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ImportedFileError(path.name, [f"expected a table of text in UTF-8: {error}; save it as such"]) from error


def _delimiter(header: str) -> str:
    return max(DELIMITERS, key=header.count)


def _collect(
    name: str, rows: Iterator[list[str]], wanted: Collection[str] | None, sha256: str, *, drop_duplicates: bool
) -> Records:
    header = _header(name, rows)
    kept = [place for place, column in enumerate(header) if wanted is None or column in wanted]
    columns: list[list[str]] = [[] for _ in kept]
    pools: list[dict[str, str]] = [{} for _ in kept]
    numbers: list[int] = []
    problems: list[str] = []
    for number, row in _distinct(rows) if drop_duplicates else enumerate(rows, start=2):
        if len(row) != len(header):
            if row:  # an empty line, as some programs write at the end, is no row
                problems.append(f"row {number}: expected {len(header)} cells, found {len(row)}")
            continue
        numbers.append(number)
        for place, column, pool in zip(kept, columns, pools, strict=True):
            cell = row[place].strip()
            column.append(pool.setdefault(cell, cell))
    if problems:
        raise ImportedFileError(name, problems)
    found = {header[place]: column for place, column in zip(kept, columns, strict=True)}
    return Records(name, tuple(header), found, np.array(numbers, dtype=np.int64), sha256)


def _header(name: str, rows: Iterator[list[str]]) -> list[str]:
    header = [column.strip() for column in next(rows, [])]
    if not any(header):
        raise ImportedFileError(name, ["expected a header row, found an empty file"])
    twice = sorted({column for column in header if column and header.count(column) > 1})
    if twice:
        raise ImportedFileError(name, [f"column {column}: is there twice; rename one" for column in twice])
    return header


def _distinct(rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the first of equal rows, with its number; what was seen is kept as a digest, which is small."""
    seen: set[bytes] = set()
    for number, row in enumerate(rows, start=2):
        digest = hashlib.blake2b("\x1f".join(row).encode(), digest_size=16).digest()
        if digest not in seen:
            seen.add(digest)
            yield number, row

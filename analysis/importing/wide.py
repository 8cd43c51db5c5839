"""One row a person made long: columns that say in their names which trial they are of become rows of their own."""

import re

import numpy as np

from analysis.errors import MappingError
from analysis.importing.records import Records
from analysis.types import IntArray

FIELD = "field"


def lengthen(records: Records, pattern: str) -> Records:
    """Turn each person's row into one row a trial.

    Parameters
    ----------
    records : Records
        One row a person.
    pattern : str
        A regular expression for the names of the columns to be moved, such as ``q(?P<item>[0-9]+)_(?P<field>.+)``. Its
        part ``field`` says what a cell is, and names a column of the result; its other parts say which trial it is of,
        and are columns of the result too. Columns that the pattern does not fit stand on every row of their person.

    Returns
    -------
    Records
        Rows without anything in the columns moved are left out: that trial was not reached.

    Raises
    ------
    MappingError
        When the pattern is none, lacks the part `field`, or fits no column.
    """
    shape = _compiled(pattern)
    trials: dict[tuple[str, ...], dict[str, str]] = {}
    parts = [name for name in shape.groupindex if name != FIELD]
    moved = {name: found for name in records.header if (found := shape.fullmatch(name))}
    if not moved:
        raise MappingError("mapping", [f"wide: {pattern!r} fits no column of {records.name}"])
    for name, found in moved.items():
        trials.setdefault(tuple(found[part] or "" for part in parts), {})[found[FIELD]] = name
    fields = list(dict.fromkeys(found[FIELD] for found in moved.values()))
    fixed = [name for name in records.columns if name not in moved]
    return _stack(records, trials, parts, fields, fixed)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        shape = re.compile(pattern)
    except re.error as error:
        raise MappingError("mapping", [f"wide: {pattern!r} is no regular expression: {error}"]) from error
    if FIELD not in shape.groupindex:
        raise MappingError("mapping", [f"wide: {pattern!r} lacks the part (?P<field>…), which says what a cell is"])
    return shape


def _stack(
    records: Records,
    trials: dict[tuple[str, ...], dict[str, str]],
    parts: list[str],
    fields: list[str],
    fixed: list[str],
) -> Records:
    columns: dict[str, list[str]] = {name: [] for name in (*fixed, *parts, *fields)}
    numbers: list[IntArray] = []
    empty = ("",) * len(records)
    for key, names in trials.items():
        cells = {field: records.columns[names[field]] if field in names else empty for field in fields}
        reached = [i for i in range(len(records)) if any(column[i] for column in cells.values())]
        for field, column in cells.items():
            columns[field] += [column[i] for i in reached]
        for part, text in zip(parts, key, strict=True):
            columns[part] += [text] * len(reached)
        for name in fixed:
            columns[name] += [records.columns[name][i] for i in reached]
        numbers.append(records.row[reached])
    row = np.concatenate(numbers) if numbers else np.array([], dtype=np.int64)
    return Records(records.name, tuple(columns), columns, row, records.sha256, records.notes)

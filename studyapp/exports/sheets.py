"""Tables for spreadsheets, none of whose texts can run as a formula.

A spreadsheet takes a text that begins with `=`, `+`, `-` or `@` for a formula, whoever wrote it. Such a text gets an
apostrophe in front, which spreadsheets read as "this is text"; numbers stay numbers. The apostrophe can be taken off
again: exactly one is added, also where the text has some of its own. The bytes as they were stand in the .jsonl twin.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import IO

# After blanks and what is not seen at all; the full-width and small forms are read as the plain ones.
BLANK = r"[\s\x00\u200b-\u200f\u2060\ufeff]"
FORMULA = re.compile(rf"'*(?:{BLANK}*[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]|[\t\r\n\x00])")


def defused(cell: object) -> object:
    """The cell, a text that would run as a formula behind an apostrophe."""
    if isinstance(cell, str) and cell and not cell[0].isalnum() and FORMULA.match(cell):
        return "'" + cell
    return cell


def plain(cell: str) -> str:
    """The text that `defused` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def write_table(
    out: IO[str], columns: Sequence[str], rows: Iterable[Mapping[str, object]], twin: IO[str] | None = None
) -> None:
    """Write rows under a header as CSV and, into `twin`, the same as JSON Lines with every byte and type as it is."""

    def told() -> Iterator[list[object]]:
        for row in rows:
            if twin is not None:
                twin.write(json.dumps({c: row[c] for c in columns if c in row}, ensure_ascii=False) + "\n")
            yield [row.get(column, "") for column in columns]

    out.writelines(lines_of(columns, told()))


class _Echo:
    """A file that gives back what is written, for the csv module."""

    def write(self, text: str) -> str:
        return text


def lines_of(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The lines of a table one by one, under their header."""
    # The module quotes a text for the characters of its line end alone: told of \n it lets a lone \r end a row.
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    for row in chain([columns], rows):
        yield writer.writerow(map(defused, row)).removesuffix("\r\n") + "\n"

"""A file from elsewhere as columns of text, whatever its format was."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np

from analysis.errors import MappingError
from analysis.types import BoolArray, IntArray


@dataclass(frozen=True)
class Records:
    """Rows of one file; every column has shape (n_rows,).

    Parameters
    ----------
    name : str
        The file, as messages call it.
    header : tuple of str
        Every column the file has, in its order; `columns` holds those that were asked for.
    columns : mapping of str to sequence of str
        An empty cell is "".
    row : int array
        Where a row stands in the file: the row of a table, whose header is row 1, or the place of a trial in JSON.
    sha256 : str
        Of the file.
    notes : tuple of str
        What the reader of the format left out or took for granted, in sentences.
    """

    name: str
    header: tuple[str, ...]
    columns: Mapping[str, Sequence[str]]
    row: IntArray
    sha256: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.row)

    def column(self, name: str) -> Sequence[str]:
        """Return a column.

        Raises
        ------
        MappingError
            When the file has none of this name, with the names most like it.
        """
        if name in self.columns:
            return self.columns[name]
        alike = get_close_matches(name, self.header, n=3, cutoff=0.5) or self.header[:8]
        raise MappingError(
            "mapping", [f"column {name!r}: {self.name} has none of this name; it has {', '.join(map(repr, alike))}"]
        )

    def without(self, marks: Collection[str]) -> "Records":
        """Return the same with these texts, such as "NA", as empty cells."""
        if not marks:
            return self
        columns = {name: ["" if cell in marks else cell for cell in cells] for name, cells in self.columns.items()}
        return replace(self, columns=columns)

    def only(self, keep: BoolArray) -> "Records":
        """Return the rows where `keep` (shape (n_rows,)) holds."""
        if keep.all():
            return self
        chosen = np.flatnonzero(keep)
        places = chosen.tolist()
        columns = {name: [cells[i] for i in places] for name, cells in self.columns.items()}
        return replace(self, columns=columns, row=self.row[chosen])

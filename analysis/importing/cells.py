"""Where a cell of ours comes from: a column, a constant, several columns, or a comparison of two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from analysis.errors import ImportedFileError
from analysis.importing.records import Records
from analysis.importing.tree import Tree

UNITS: Final = {"ms": 1.0, "s": 1000.0}
KEYS: Final = ("column", "constant", "join", "with", "equals", "values", "otherwise", "unit")


@dataclass(frozen=True)
class Cell:
    """How a cell of ours is made.

    Parameters
    ----------
    columns : tuple of str
        That it is made of; none for a constant, two for a comparison.
    constant : str
        What it always is.
    separator : str
        Between the cells of several columns.
    is_comparison : bool
        "1" where both columns say the same, "0" where not, empty where the first is empty.
    values : mapping of str to str or None
        What each text in the file becomes; None where it stays. An empty cell that is not listed stays empty.
    otherwise : str or None
        What every other text becomes; None where there must be no other.
    unit : {"ms", "s", ""}
        Of a time; it becomes milliseconds.
    """

    columns: tuple[str, ...]
    constant: str = ""
    separator: str = " "
    is_comparison: bool = False
    values: Mapping[str, str] | None = None
    otherwise: str | None = None
    unit: str = ""

    @property
    def name(self) -> str:
        """The column, as messages call it; empty for what is made of none or several."""
        return self.columns[0] if len(self.columns) == 1 else ""

    def read(self, records: Records) -> Sequence[str]:
        """Make the cells of every row, each of length n_rows.

        Raises
        ------
        ImportedFileError
            Naming the row and column of every text that the mapping does not list.
        """
        if not self.columns:
            return (self.constant,) * len(records)
        parts = [records.column(name) for name in self.columns]
        if self.is_comparison:
            return [("" if not a else "1" if a == b else "0") for a, b in zip(*parts, strict=True)]
        cells = parts[0] if len(parts) == 1 else list(map(self.separator.join, zip(*parts, strict=True)))
        return self._translated(records, cells)

    def _translated(self, records: Records, cells: Sequence[str]) -> Sequence[str]:
        table = {cell: self._translate(cell) for cell in set(cells)}
        odd = {cell for cell, text in table.items() if text is None}
        if odd:
            known = ", ".join(map(repr, self.values or ()))
            what = f"expected one of {known}" if self.values is not None else "expected a number"
            where = self.name or " and ".join(self.columns)
            raise ImportedFileError(records.name, [
                f"row {records.row[i]}, column {where}: {what}, found {cell!r}"
                for i, cell in enumerate(cells) if cell in odd
            ])  # fmt: skip
        return [str(table[cell]) for cell in cells]

    def _translate(self, cell: str) -> str | None:
        if self.values is not None:
            cell_or_none = self.values.get(cell, "" if cell == "" and self.otherwise is None else self.otherwise)
            if cell_or_none is None:
                return None
            cell = cell_or_none
        if not self.unit or not cell:
            return cell
        try:
            return repr(round(float(cell) * UNITS[self.unit], 6))
        except ValueError:
            return None


def read_cell(tree: Tree) -> Cell:
    """Read a cell: the name of a column, or an object of `KEYS`."""
    if not tree.is_object:
        return Cell((tree.text(),))
    keys = tree.names(KEYS)
    sources = [key for key in ("column", "constant", "join", "equals") if key in keys]
    if len(sources) != 1:
        tree.problems.append(f"{tree.path}: expected one of column, constant, join, equals, found {len(sources)}")
        return Cell(())
    (source,) = sources
    if source == "constant":
        return Cell((), constant=tree.at("constant").text())
    columns = tree.at(source).texts()
    if source == "equals" and len(columns) != 2:
        tree.at("equals").complain("two columns")
    return Cell(
        columns,
        separator=tree.at("with").text(" "),
        is_comparison=source == "equals",
        values=tree.at("values").pairs() if "values" in keys else None,
        otherwise=tree.at("otherwise").text() if "otherwise" in keys else None,
        unit=tree.at("unit").choice(tuple(UNITS)) if "unit" in keys else "",
    )

"""Response files from elsewhere: read as a mapping says, without what tells who people are."""

from collections.abc import Mapping as Map
from dataclasses import dataclass
from pathlib import Path

from analysis.checks import check_table
from analysis.design import Design
from analysis.errors import ImportedFileError, TableError
from analysis.importing.build import build_table
from analysis.importing.conditions import matching
from analysis.importing.csv_file import read_csv
from analysis.importing.design_tree import checked_design, design_text
from analysis.importing.gorilla import read_gorilla
from analysis.importing.jspsych import read_jspsych
from analysis.importing.mapping import Mapping, read_mapping
from analysis.importing.otree import PATTERN, read_otree
from analysis.importing.people import LeftOut
from analysis.importing.privacy import telling_name
from analysis.importing.records import Records
from analysis.importing.whose import check_privacy, find_people
from analysis.importing.wide import lengthen
from analysis.table import ResponseTable


@dataclass(frozen=True)
class Imported:
    """A study that was run elsewhere, ready to be analysed.

    Parameters
    ----------
    table : ResponseTable
    design : Design
    design_text : str
        The design.json that `design` was read from.
    left_out : tuple of LeftOut
        Whom the mapping's rules leave out, by reason and arm.
    not_brought_in : tuple of str
        Columns of the file that by their names tell who people are; nothing of them is in the table.
    """

    table: ResponseTable
    design: Design
    design_text: str
    left_out: tuple[LeftOut, ...]
    not_brought_in: tuple[str, ...]


def import_study(
    file: Path | str, mapping: Path | str | Map[str, object], *, key: bytes | None = None, everybody: bool = False
) -> Imported:
    """Read a file from elsewhere as a mapping says.

    Parameters
    ----------
    file : Path or str
        Its path. Further files that the mapping names are looked for beside it.
    mapping : Path, str or mapping
        The path of a JSON or TOML file, or what was read from one.
    key : bytes, optional
        For hashing participants' names, where the mapping asks for it; at least 16 bytes, kept by the researcher.
    everybody : bool
        Leave nobody out, whatever the mapping's rules.

    Returns
    -------
    Imported
        The same for the same file, mapping and key.

    Raises
    ------
    MappingError
        Listing what is wrong with the mapping, by path.
    ImportedFileError, TableError
        Listing what is wrong with the file, by row and column, or what in it may not be brought in.
    """
    path, meant = Path(file), read_mapping(mapping)
    records = _read(path, meant)
    check_privacy(records, meant)
    others = {
        name: read_csv(path.parent / one.path, meant.columns(name), drop_duplicates=meant.drop_duplicates).without(
            meant.empty
        )
        for name, one in meant.files.items()
    }
    people = find_people(records, others, meant, key, everybody=everybody)
    text = design_text(records, people, meant)
    design = checked_design(text, meant)
    table = build_table(records, people, meant)
    try:
        check_table(table, design)
    except TableError as error:
        raise ImportedFileError(records.name, error.problems) from error
    telling = tuple(name for name in records.header if telling_name(name) and name not in meant.columns())
    return Imported(table, design, text, people.left_out, telling)


def import_responses(
    file: Path | str, mapping: Path | str | Map[str, object], *, key: bytes | None = None, everybody: bool = False
) -> tuple[ResponseTable, Design]:
    """Read a file from elsewhere as a mapping says; see `import_study`.

    Returns
    -------
    table : ResponseTable
    design : Design
        What `analyse` asks for.
    """
    found = import_study(file, mapping, key=key, everybody=everybody)
    return found.table, found.design


def _read(path: Path, mapping: Mapping) -> Records:
    """Read the first file, one row a trial, as far as the mapping keeps its rows."""
    if mapping.format == "jspsych":
        records = read_jspsych(path)
    elif mapping.format == "otree":
        records = read_otree(path)
    elif mapping.format == "gorilla":
        records = read_gorilla(path, mapping.columns())
    else:
        wanted = None if mapping.wide else mapping.columns()
        records = read_csv(path, wanted, drop_duplicates=mapping.drop_duplicates)
    records = records.without(mapping.empty)
    pattern = PATTERN if mapping.format == "otree" else mapping.wide
    if pattern:
        records = lengthen(records, pattern)
    return records.only(matching(records, mapping.keep))


__all__ = ["Imported", "LeftOut", "import_responses", "import_study"]

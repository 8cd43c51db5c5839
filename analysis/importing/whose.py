"""Whose the rows are: names and pseudonyms, everybody's one arm, and who is left out."""

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.errors import ImportedFileError
from analysis.importing.mapping import Mapping
from analysis.importing.people import LeftOut, leave_out
from analysis.importing.privacy import problems_in, pseudonyms, refuse
from analysis.importing.records import Records


@dataclass(frozen=True)
class People:
    """Who is in the table.

    Parameters
    ----------
    subject : sequence of str
        Whose each row of the first file is, shape (n_rows,); empty for nobody's.
    arm_of : mapping of str to str
        Of everybody who has an arm and is not left out, sorted.
    first_row : mapping of str to int
        Where each is first met in the file.
    n_without_arm : int
    left_out : tuple of LeftOut
    """

    subject: Sequence[str]
    arm_of: Map[str, str]
    first_row: Map[str, int]
    n_without_arm: int
    left_out: tuple[LeftOut, ...]


def check_privacy(records: Records, mapping: Mapping) -> None:
    """Refuse a file whose columns would bring in what tells who people are.

    Raises
    ------
    ImportedFileError
    """
    person = mapping.participant
    problems = []
    if person.column and not person.is_hashed:
        problems = problems_in(records, person.column, of_people=True, is_pseudonym=person.is_pseudonym)
    refuse(
        records, problems, f'let the mapping say "participant": {{"column": "{person.column}", "hash": true}} and '
        'give a key; where only the name misleads and the column holds pseudonyms, "is_pseudonym": true',
    )  # fmt: skip
    problems = [
        problem
        for column, of_people in mapping.imported_columns().items()
        if column != person.column
        for problem in problems_in(records, column, of_people=of_people)
    ]
    refuse(records, problems, "leave these rows out (keep) or take the column out of the mapping")


def find_people(
    records: Records, others: Map[str, Records], mapping: Mapping, key: bytes | None, *, everybody: bool
) -> People:
    """Say whose each row is, in which arm everybody is, and who is left out.

    Parameters
    ----------
    records : Records
        The first file.
    others : mapping of str to Records
        The other files, by their keys.
    mapping : Mapping
    key : bytes or None
        Of the participants' hash.
    everybody : bool
        Leave nobody out.

    Returns
    -------
    People

    Raises
    ------
    ImportedFileError
        When somebody has two arms.
    """
    names = {"": _names(records, mapping.participant.column, mapping, key)}
    names |= {file: _names(one, mapping.files[file].participant, mapping, key) for file, one in others.items()}
    files = {"": records, **others}
    arms = files[mapping.arm_file], names[mapping.arm_file]
    arm_of = _arms(*arms, mapping)
    without = len({subject for subject in names[""] if subject} - set(arm_of))
    # Who is in the file of the arms alone was allocated, and gave no answer.
    first = _first_rows(*arms) | _first_rows(records, names[""])
    gone: set[str] = set()
    counts: tuple[LeftOut, ...] = ()
    if not everybody:
        found = [*_incomplete(names, mapping)]
        found += [
            (rule.because, rule.people(files[rule.file], names[rule.file], sorted(arm_of))) for rule in mapping.rules
        ]
        gone, counts = leave_out(found, arm_of, [str(arm["key"]) for arm in mapping.arms])
    kept = {subject: arm_of[subject] for subject in sorted(arm_of) if subject not in gone}
    return People(names[""], kept, first, without, counts)


def _names(records: Records, column: str, mapping: Mapping, key: bytes | None) -> Sequence[str]:
    if not column:
        return [f"row-{row}" for row in records.row.tolist()]
    cells = records.column(column)
    return pseudonyms(cells, key) if mapping.participant.is_hashed else cells


def _first_rows(records: Records, names: Sequence[str]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for subject, row in zip(names, records.row.tolist(), strict=True):
        if subject:
            rows.setdefault(subject, row)
    return rows


def _arms(records: Records, names: Sequence[str], mapping: Mapping) -> dict[str, str]:
    """Everybody's one arm; files may say it on some of a person's rows alone."""
    cells = mapping.arm.read(records)
    arm_of: dict[str, str] = {}
    problems = []
    for i, (subject, arm) in enumerate(zip(names, cells, strict=True)):
        if subject and arm and arm_of.setdefault(subject, arm) != arm:
            problems.append(
                f"row {records.row[i]}, column {mapping.arm.name}: subject {subject} is in arm {arm!r} here and in "
                f"{arm_of[subject]!r} before; a participant has one"
            )
    if problems:
        raise ImportedFileError(records.name, problems)
    return arm_of


def _incomplete(names: Map[str, Sequence[str]], mapping: Mapping) -> list[tuple[str, set[str]]]:
    if not mapping.in_every_file:
        return []
    everybody: set[str] = set().union(*names.values())
    missing = {one for cells in names.values() for one in everybody - set(cells)}
    return [("not in every file of the study", missing)]

"""From a file's rows to the response table: allocations, trials in order, completions."""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from analysis.columns import SIMULATION_TYPES
from analysis.errors import ImportedFileError
from analysis.importing.conditions import matching
from analysis.importing.mapping import Mapping, Trials
from analysis.importing.records import Records
from analysis.importing.whose import People
from analysis.table import ResponseTable, numbered, table_of_columns
from analysis.types import BoolArray, IntArray

TRUTHS: Final = {"1": "1", "0": "0", "1.0": "1", "0.0": "0", "true": "1", "false": "0", "True": "1", "False": "0",
                 "TRUE": "1", "FALSE": "0", "": ""}  # fmt: skip
SECONDS_LOOK: Final = 60  # as in `analysis.checks`: a study whose every answer came within 60 ms was timed in seconds
AFTER_NUMBERED: Final = 1e12  # trials whose number is not known come after those whose number is


@dataclass
class _Stack:
    """Rows of ours under one another, column by column; a column that nobody gave anything is not there."""

    columns: dict[str, list[str]] = field(default_factory=dict)
    row: list[int] = field(default_factory=list)
    order: list[float] = field(default_factory=list)

    def add(self, rows: Sequence[int], order: Sequence[float], cells: Map[str, Sequence[str] | str]) -> None:
        """Put rows below; a text alone stands in each of them."""
        for name in cells:
            self.columns.setdefault(name, [""] * len(self.row))
        for name, column in self.columns.items():
            given = cells.get(name, "")
            column.extend([given] * len(rows) if isinstance(given, str) else given)
        self.row.extend(rows)
        self.order.extend(order)


def build_table(records: Records, people: People, mapping: Mapping) -> ResponseTable:
    """Make the response table: an allocation row for everybody, then their trials in order, then who completed.

    Parameters
    ----------
    records : Records
    people : People
    mapping : Mapping

    Returns
    -------
    ResponseTable
        Sorted by participant and trial; `row` is the row of the file.

    Raises
    ------
    ImportedFileError
        When nobody is left.
    TableError
        Listing every cell that cannot be read.
    """
    if not people.arm_of:
        raise ImportedFileError(
            records.name, ["nobody is left: no row has an arm, or every rule together leaves all out"]
        )
    stack = _Stack()
    _add_allocations(stack, records, people, mapping)
    belongs = np.fromiter((subject in people.arm_of for subject in people.subject), dtype=np.bool_)
    names: dict[str, str] = {}
    for part in mapping.trials:
        names |= {name: cell.name for name, cell in part.cells.items() if cell.name}
        _add_trials(stack, records, belongs & matching(records, part.where), part, people, mapping)
    _add_completions(stack, records, belongs, people, mapping)
    return _sorted(stack, records, names)


def _add_allocations(stack: _Stack, records: Records, people: People, mapping: Mapping) -> None:
    """One row a person: the place that the file gives, or, where it gives none, one order that says nothing."""
    subjects = list(people.arm_of)
    cells: dict[str, Sequence[str] | str] = {
        "subject_id": subjects, "arm": list(people.arm_of.values()), "trial_type": "allocation", "stratum": "all",
        "sequence": [str(i) for i in range(len(subjects))], "permuted_block": "0", "block_size": str(len(subjects)),
    }  # fmt: skip
    rows = [people.first_row[subject] for subject in subjects]
    if mapping.place:
        at = {subject: i for i, subject in reversed(list(enumerate(people.subject)))}
        for name, cell in mapping.place.items():
            told = cell.read(records)
            cells[name] = [told[at[subject]] for subject in subjects]
    stack.add(rows, [-1.0] * len(rows), cells | _everywhere(mapping))


def _everywhere(mapping: Mapping) -> dict[str, str]:
    return {"study_id": mapping.study_id, "stage": "main", "simulated": "0"}


def _add_trials(
    stack: _Stack, records: Records, rows: BoolArray, part: Trials, people: People, mapping: Mapping
) -> None:
    chosen = records.only(rows)
    subjects = [people.subject[i] for i in np.flatnonzero(rows).tolist()]
    cells: dict[str, Sequence[str] | str] = {name: cell.read(chosen) for name, cell in part.cells.items()}
    order = _order(chosen, part, np.flatnonzero(rows))
    cells.pop("trial_index", None)
    if part.type in SIMULATION_TYPES:
        cells["correct"] = _scored(chosen, part, cells)
    if part.type == "rating" and "item" not in cells:
        cells["item"] = "rating"
    _refuse_seconds(chosen, part, cells)
    cells |= {"subject_id": subjects, "arm": [people.arm_of[subject] for subject in subjects], "trial_type": part.type}
    stack.add(chosen.row.tolist(), order, cells | _everywhere(mapping))


def _order(records: Records, part: Trials, places: IntArray) -> list[float]:
    """By the trial's number where the mapping names it, and by the order of the file where not."""
    cell = part.cells.get("trial_index")
    if cell is None:
        return [AFTER_NUMBERED + place for place in places.tolist()]
    found, problems = [], []
    for row, text in zip(records.row, cell.read(records), strict=True):
        try:
            found.append(float(text))
        except ValueError:
            problems.append(f"row {row}, column {cell.name}: expected a trial's number, found {text!r}")
    if problems:
        raise ImportedFileError(records.name, problems)
    return found


def _scored(records: Records, part: Trials, cells: Map[str, Sequence[str] | str]) -> Sequence[str]:
    """Who was right: as the file says, or whether the answer is the model's."""
    if "correct" not in part.cells:
        pairs = zip(cells["response"], cells["model_output"], strict=True)
        return [("" if not response else "1" if response == output else "0") for response, output in pairs]
    found = [TRUTHS.get(cell) for cell in cells["correct"]]
    odd = [i for i, cell in enumerate(found) if cell is None]
    if odd:
        raise ImportedFileError(records.name, [
            f"row {records.row[i]}, column {part.cells['correct'].name}: expected 1 or 0, true or false, found "
            f"{cells['correct'][i]!r}; say with values what it means" for i in odd
        ])  # fmt: skip
    return [cell or "" for cell in found]


def _refuse_seconds(records: Records, part: Trials, cells: Map[str, Sequence[str] | str]) -> None:
    """Times without a unit are taken as milliseconds, unless nobody could be so quick."""
    cell = part.cells.get("rt")
    if cell is None or cell.unit:
        return
    try:
        longest = max((float(text) for text in set(cells["rt"]) if text), default=np.inf)
    except ValueError:
        return  # the table's own reader names the rows
    if longest < SECONDS_LOOK:
        raise ImportedFileError(records.name, [
            f"column {cell.name}: expected milliseconds, but no value reaches {SECONDS_LOOK}; this looks like seconds: "
            f'say {{"column": "{cell.name}", "unit": "s"}}, or "ms" if it is not'
        ])  # fmt: skip


def _add_completions(stack: _Stack, records: Records, belongs: BoolArray, people: People, mapping: Mapping) -> None:
    """Who completed: as the file says, or whoever has an answer after learning."""
    if mapping.completed is not None:
        rows = np.flatnonzero(belongs & matching(records, mapping.completed)).tolist()
        done = {people.subject[i] for i in rows}
    else:
        post = mapping.plan.get("post")
        pairs = zip(stack.columns["subject_id"], stack.columns.get("phase", ()), strict=False)
        done = {subject for subject, phase in pairs if phase == post}
    subjects = sorted(done)
    rows = [people.first_row[subject] for subject in subjects]
    cells = {"subject_id": subjects, "arm": [people.arm_of[one] for one in subjects], "trial_type": "completion"}
    stack.add(rows, [np.inf] * len(rows), cells | _everywhere(mapping))


def _taken(columns: dict[str, list[str]]) -> Iterator[tuple[str, list[str]]]:
    while columns:
        yield columns.popitem()


def _sorted(stack: _Stack, records: Records, names: Map[str, str]) -> ResponseTable:
    """Number everybody's screens from 0, in order."""
    subjects, person = numbered(np.array(stack.columns["subject_id"], dtype=object))
    order = np.lexsort((np.array(stack.order), person))
    sorted_person = person[order]
    starts = np.searchsorted(sorted_person, np.arange(len(subjects)))
    index = (np.arange(len(order)) - starts[sorted_person]).tolist()
    places = order.tolist()
    # Column by column, so that the whole is never there twice.
    columns = {name: [column[i] for i in places] for name, column in _taken(stack.columns)}
    columns["trial_index"] = list(map(str, index))
    row = np.array(stack.row, dtype=np.int64)[order]
    return table_of_columns(columns, row, records.sha256, what=records.name, names=names)

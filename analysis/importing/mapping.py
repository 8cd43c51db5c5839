"""The mapping: what a file from elsewhere means, written once by who knows the study.

JSON or TOML. `docs/importing.md` explains it by examples; here it is read, with every problem told by its path.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping as Map
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from analysis.columns import SIMULATION_TYPES
from analysis.design import Plan
from analysis.errors import MappingError
from analysis.importing.cells import Cell, read_cell
from analysis.importing.conditions import Where, columns_of, read_where
from analysis.importing.people import Rule, read_rule
from analysis.importing.tree import Tree

FORMATS: Final = ("csv", "jspsych", "otree", "gorilla")
TYPES: Final = (*SIMULATION_TYPES, "scored_task", "rating", "worked_example")
CELLS: Final = (
    "trial_index", "phase", "block", "item", "label", "model_output", "model_output_original", "perturbation",
    "response", "correct", "rating", "score", "rt", "time_elapsed", "answered_at",
)  # fmt: skip
OWN_WORDS: Final = (
    "phase",
    "block",
    "item",
    "label",
    "model_output",
    "model_output_original",
)  # the study's, not people's
PLACE: Final = ("stratum", "sequence", "permuted_block", "block_size")
KEYS: Final = (
    "format", "wide", "study_id", "title", "participant", "arm", "arms", "phases", "trials", "plan", "completed",
    "keep", "duplicate_rows", "empty", "files", "in_every_file", "leave_out", "allocation", "notes",
)  # fmt: skip
PLAN: Final = (*(part.name for part in fields(Plan)), "response_times", "looks")
NEEDED: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(SIMULATION_TYPES, ("phase", "item")),
    "scored_task": ("phase", "item", "score"),
    "rating": ("rating",),
    "worked_example": ("phase", "item"),
}


@dataclass(frozen=True)
class Participant:
    """Which column says whose a row is.

    Parameters
    ----------
    column : str
        Empty where every row of the file is a person, who then has the row's number for a name.
    is_hashed : bool
        Whether a keyed hash of it comes in instead.
    is_pseudonym : bool
        Whether it holds no panel's ids, though its name is like that of one that does.
    """

    column: str
    is_hashed: bool = False
    is_pseudonym: bool = False


@dataclass(frozen=True)
class File:
    """A further file of the study: where it lies beside the first, and which of its columns says whose a row is."""

    path: str
    participant: str


@dataclass(frozen=True)
class Trials:
    """Rows that are trials of one type, and where the cells of each come from, by our column."""

    type: str
    where: Where
    cells: Map[str, Cell]


@dataclass(frozen=True)
class Mapping:
    """A mapping that is well formed; what it says of columns is not yet held against a file.

    Parameters
    ----------
    name : str
        As messages call it.
    sha256 : str
        Of its text.
    format : {"csv", "jspsych", "otree", "gorilla"}
    wide : str
        Pattern of the columns that are trials; empty where rows are.
    study_id, title : str
    participant : Participant
    arm : Cell
        Gives the key of an arm.
    arm_file : str
        Key of the file that says it; empty for the first.
    arms, phases, plan
        As in design.json.
    trials : tuple of Trials
    completed : tuple of Condition or None
        Rows that only those have who completed the study; None where the file does not tell.
    keep : tuple of Condition
        Rows that are read at all.
    drop_duplicates, in_every_file : bool
    empty : tuple of str
        Texts that stand for an empty cell, such as "NA".
    files : mapping of str to File
        Further files beside the first, by key.
    rules : tuple of Rule
    place : mapping of str to Cell
        The allocation, where it is known.
    block_multiples : object
        Sizes of its permuted blocks, as in design.json.
    notes : tuple of str
        What else a reader must know.
    """

    name: str
    sha256: str
    format: str
    wide: str
    study_id: str
    title: str
    participant: Participant
    arm: Cell
    arm_file: str
    arms: list[dict[str, object]]
    phases: list[dict[str, object]]
    plan: dict[str, object]
    trials: tuple[Trials, ...]
    completed: Where | None
    keep: Where
    drop_duplicates: bool
    in_every_file: bool
    empty: tuple[str, ...]
    files: Map[str, File]
    rules: tuple[Rule, ...]
    place: Map[str, Cell]
    block_multiples: object
    notes: tuple[str, ...]

    def columns(self, file: str = "") -> set[str]:
        """Name the columns of a file that the mapping is about; the first file has the empty key."""
        found = {self.files[file].participant if file else self.participant.column} - {""}
        for rule in self.rules:
            found |= rule.columns() if rule.file == file else set()
        found |= set(self.arm.columns) if self.arm_file == file else set()
        if file:
            return found
        cells = [*self.place.values(), *(cell for part in self.trials for cell in part.cells.values())]
        wheres = [self.keep, self.completed or (), *(part.where for part in self.trials)]
        return found.union(*(cell.columns for cell in cells), *map(columns_of, wheres))

    def imported_columns(self) -> dict[str, bool]:
        """Name the columns of the first file whose cells come in, and say whether people may have written them."""
        named = [item for part in self.trials for item in part.cells.items()] + list(self.place.items())
        found: dict[str, bool] = {}
        for name, cell in named:
            if cell.values is None and not cell.is_comparison:
                found |= {column: found.get(column, False) or name not in OWN_WORDS for column in cell.columns}
        return found


def read_mapping(source: Path | str | Map[str, object]) -> Mapping:
    """Read a mapping.

    Parameters
    ----------
    source : Path, str or mapping
        A path to JSON or (named .toml) TOML, or what was read from one.

    Returns
    -------
    Mapping

    Raises
    ------
    MappingError
        Listing every path that is absent, not known or of the wrong kind.
    """
    name, raw, value = _load(source)
    problems: list[str] = []
    found = _mapping(Tree(value, "", problems), name, hashlib.sha256(raw).hexdigest())
    if problems:
        raise MappingError(name, list(dict.fromkeys(problems)))
    return found


def _load(source: Path | str | Map[str, object]) -> tuple[str, bytes, object]:
    if isinstance(source, Map):
        return "mapping", json.dumps(source, sort_keys=True).encode(), dict(source)
    path = Path(source)
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
        return path.name, raw, tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(path.name, [f"expected JSON, or TOML in a file named .toml: {error}"]) from error


def _mapping(tree: Tree, name: str, sha256: str) -> Mapping:
    tree.names(KEYS)
    return Mapping(
        name=name,
        sha256=sha256,
        format=tree.at("format").choice(FORMATS, "csv"),
        wide=tree.at("wide").text(""),
        study_id=tree.at("study_id").text(),
        title=tree.at("title").text(),
        participant=_participant(tree.at("participant")),
        arm=_arm(tree),
        arm_file=_arm_file(tree),
        arms=[_plain(part, ("key", "title", "role", "weight", "value")) for part in tree.at("arms").parts()],
        phases=[_plain(part, ("key", "title", "kind")) for part in tree.at("phases").parts()],
        plan={key: tree.at("plan").at(key).value for key in tree.at("plan").names(PLAN)},
        trials=_all_trials(tree.at("trials")),
        completed=read_where(tree.at("completed")) if tree.at("completed") else None,
        keep=read_where(tree.at("keep")),
        drop_duplicates=tree.at("duplicate_rows").choice(("keep", "drop"), "keep") == "drop",
        in_every_file=tree.at("in_every_file").flag(),
        empty=tree.at("empty").texts() if tree.at("empty") else (),
        files=_files(tree),
        rules=_rules(tree),
        place=_place(tree.at("allocation")),
        block_multiples=tree.at("allocation").at("block_multiples").value,
        notes=tuple(part.text() for part in tree.at("notes").parts()),
    )


def _participant(tree: Tree) -> Participant:
    if not tree.is_object:
        return Participant(tree.text())
    tree.names(("column", "hash", "is_pseudonym", "each_row"))
    if tree.at("each_row").flag():
        return Participant("")
    return Participant(tree.at("column").text(), tree.at("hash").flag(), tree.at("is_pseudonym").flag())


def _arm(tree: Tree) -> Cell:
    """Read which column says the arm; the texts it may hold stand with the arms."""
    arm = tree.at("arm")
    if arm.is_object and arm.at("file"):
        arm = Tree({key: arm.at(key).value for key in arm.names() if key != "file"}, arm.path, arm.problems)
    cell = read_cell(arm)
    values = {
        text: part.at("key").text()
        for part in tree.at("arms").parts()
        for text in (part.at("value").texts() if part.at("value") else (part.at("key").text(),))
    }
    return Cell(cell.columns, cell.constant, cell.separator, values={**values, **(cell.values or {})})


def _arm_file(tree: Tree) -> str:
    file = tree.at("arm").at("file")
    if not file:
        return ""
    if file.text() not in tree.at("files").names():
        tree.problems.append(f"{file.path}: {file.text()!r} is not in files")
        return ""
    if tree.at("allocation"):
        tree.problems.append("allocation: its columns are read from the first file, which must then say the arm too")
    return file.text()


def _plain(tree: Tree, known: tuple[str, ...]) -> dict[str, object]:
    """Return an object for design.json, whose own reader says what is wrong with its parts."""
    return {key: tree.at(key).value for key in tree.names(known) if key != "value"}


def _all_trials(tree: Tree) -> tuple[Trials, ...]:
    if not tree.parts():
        tree.complain("a list that is not empty")
    return tuple(_trials(part) for part in tree.parts())


def _trials(tree: Tree) -> Trials:
    keys = tree.names(("type", "where", *CELLS))
    kind = tree.at("type").choice(TYPES)
    cells = {key: read_cell(tree.at(key)) for key in keys if key in CELLS}
    for name in NEEDED.get(kind, ()):
        if name not in cells:
            tree.problems.append(f"{tree.path}.{name}: expected a column, found nothing; a {kind} needs it")
    if kind in SIMULATION_TYPES and "correct" not in cells and not {"response", "model_output"} <= set(cells):
        tree.problems.append(f"{tree.path}: expected response and model_output, or correct; found neither")
    return Trials(kind, read_where(tree.at("where")), cells)


def _files(tree: Tree) -> Map[str, File]:
    """Read the further files; they name the participant as the first does unless they say otherwise."""
    participant = tree.at("participant")
    usual = (participant.at("column") if participant.is_object else participant).text("")
    found = {}
    for key in tree.at("files").names():
        part = tree.at("files").at(key)
        if part.is_object:
            part.names(("path", "participant"))
            found[key] = File(part.at("path").text(), part.at("participant").text(usual))
        else:
            found[key] = File(part.text(), usual)
        if not found[key].participant:
            tree.problems.append(f"{part.path}: expected path and participant; the first file has no such column")
    return found


def _rules(tree: Tree) -> tuple[Rule, ...]:
    rules = tuple(read_rule(part) for part in tree.at("leave_out").parts())
    files = tree.at("files").names()
    tree.problems += [
        f"leave_out[{i}].file: {rule.file!r} is not in files ({', '.join(files) or 'which has none'})"
        for i, rule in enumerate(rules)
        if rule.file and rule.file not in files
    ]
    return rules


def _place(tree: Tree) -> Map[str, Cell]:
    keys = tree.names((*PLACE, "block_multiples"))
    cells = {key: read_cell(tree.at(key)) for key in keys if key in PLACE}
    if tree and set(cells) != set(PLACE):
        tree.problems.append(f"{tree.path}: expected {', '.join(PLACE)}, all or none; found {', '.join(cells)}")
    return cells

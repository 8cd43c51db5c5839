"""Who is left out, by rules over a person's rows in any of the study's files, and how many in which arm.

A past study's exclusions are part of what it published, and they are choices: each has its reason, the counts stand in
the report, and the same file can be read with everybody.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from analysis.importing.cells import Cell, read_cell
from analysis.importing.conditions import Where, columns_of, matching, read_where
from analysis.importing.records import Records
from analysis.importing.tree import Tree

KEYS: Final = ("because", "file", "where", "at_least", "every", "fewer_than", "same", "within", "rows")


@dataclass(frozen=True)
class Rule:
    """Whom to leave out.

    Parameters
    ----------
    because : str
        The reason, as the report gives it.
    file : str
        Key of the file whose rows are looked at; empty for the file of the answers.
    where : tuple of Condition
        Which of the person's rows count.
    at_least : int
        So many of them (or, with `same`, so many groups), or more.
    every : bool
        All of the person's rows instead.
    fewer_than : int or None
        Or fewer than this, none at all included.
    same : tuple of Cell
        Count groups of these rows instead: those that say the same in every row.
    within : tuple of str
        What makes a group; without, a person's rows are one.
    rows : int or None
        How many rows a group must have; None for any.
    """

    because: str
    file: str
    where: Where
    at_least: int = 1
    every: bool = False
    fewer_than: int | None = None
    same: tuple[Cell, ...] = ()
    within: tuple[str, ...] = ()
    rows: int | None = None

    def columns(self) -> set[str]:
        """Name the columns of the file that the rule is about."""
        return columns_of(self.where) | {name for cell in self.same for name in cell.columns} | set(self.within)

    def people(self, records: Records, subjects: Sequence[str], everybody: Sequence[str]) -> set[str]:
        """Return those whom it leaves out, of `everybody`; `subjects` says whose each row of the file is."""
        chosen = matching(records, self.where).tolist()
        if self.same:
            counts = self._alike(records, subjects, chosen)
        else:
            counts = Counter(subject for subject, counted in zip(subjects, chosen, strict=True) if counted)
        if self.every:
            totals = Counter(subjects)
            return {subject for subject in everybody if totals[subject] and counts[subject] == totals[subject]}
        if self.fewer_than is not None:
            return {subject for subject in everybody if counts[subject] < self.fewer_than}
        return {subject for subject in everybody if counts[subject] >= self.at_least}

    def _alike(self, records: Records, subjects: Sequence[str], chosen: Sequence[bool]) -> Counter[str]:
        """Count each person's groups whose rows all say the same."""
        within = [records.column(name) for name in self.within]
        told = [cell.read(records) for cell in self.same]
        groups: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
        for i, subject in enumerate(subjects):
            if chosen[i]:
                key = (subject, *(column[i] for column in within))
                groups.setdefault(key, []).append(tuple(column[i] for column in told))
        return Counter(
            key[0]
            for key, rows in groups.items()
            if len(set(rows)) == 1 and (self.rows is None or len(rows) == self.rows)
        )


@dataclass(frozen=True)
class LeftOut:
    """People left out by one rule and no earlier one.

    Parameters
    ----------
    because : str
    n : mapping of str to int
        By arm.
    """

    because: str
    n: Mapping[str, int]


def read_rule(tree: Tree) -> Rule:
    """Read a rule: an object of `KEYS`."""
    keys = tree.names(KEYS)
    counts = [key for key in ("at_least", "every", "fewer_than") if key in keys]
    if len(counts) > 1:
        tree.problems.append(f"{tree.path}: expected one of at_least, every, fewer_than, found {' and '.join(counts)}")
    if "same" not in keys:
        for key in ("within", "rows"):
            if key in keys:
                tree.problems.append(f"{tree.path}.{key}: goes with same, which is not there")
    return Rule(
        because=tree.at("because").text(),
        file=tree.at("file").text(""),
        where=read_where(tree.at("where")),
        at_least=tree.at("at_least").whole(1, low=1),
        every=tree.at("every").flag(),
        fewer_than=tree.at("fewer_than").whole(1, low=1) if "fewer_than" in keys else None,
        same=tuple(read_cell(part) for part in tree.at("same").parts()),
        within=tree.at("within").texts() if "within" in keys else (),
        rows=tree.at("rows").whole(1, low=1) if "rows" in keys else None,
    )


def leave_out(
    found: Sequence[tuple[str, set[str]]], arm_of: Mapping[str, str], arms: Sequence[str]
) -> tuple[set[str], tuple[LeftOut, ...]]:
    """Put rules together: who is left out, and by which rule first.

    Parameters
    ----------
    found : sequence of (str, set of str)
        A reason, and the people it is about.
    arm_of : mapping of str to str
    arms : sequence of str

    Returns
    -------
    gone : set of str
    counts : tuple of LeftOut
        One for each reason, in the order of the rules.
    """
    gone: set[str] = set()
    counts = []
    for because, people in found:
        new = Counter(arm_of[subject] for subject in people - gone if subject in arm_of)
        gone |= people
        counts.append(LeftOut(because, {arm: new[arm] for arm in arms}))
    return gone, tuple(counts)

"""Flags: the frozen rules applied to a table. One pure function, so that site, export and laptop agree."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.quality.base import Person, PlannedRule
from analysis.quality.registry import RULES
from analysis.table import MISSING, ResponseTable
from analysis.types import BoolArray, IntArray, TextArray


@dataclass(frozen=True)
class Flags:
    """Who was flagged by which rule.

    Parameters
    ----------
    subjects : tuple of str
        In the order asked for.
    rules : tuple of PlannedRule
    raised : bool array, shape (n_subjects, n_rules)
    """

    subjects: tuple[str, ...]
    rules: tuple[PlannedRule, ...]
    raised: BoolArray

    @property
    def of_anybody(self) -> BoolArray:
        """Whether any rule flags a person; shape (n_subjects,)."""
        found: BoolArray = np.asarray(self.raised.any(axis=1))
        return found

    def names(self, subject: str) -> tuple[str, ...]:
        """The rules that flag one of the subjects."""
        row = self.raised[self.subjects.index(subject)]
        return tuple(planned.rule for planned, is_raised in zip(self.rules, row, strict=True) if is_raised)


def raise_flags(table: ResponseTable, rules: Sequence[PlannedRule], subjects: Sequence[str]) -> Flags:
    """Apply a design's rules to participants, blind to their arms.

    Parameters
    ----------
    table : ResponseTable
        Rows of at least these participants. What it says of arms is never read.
    rules : sequence of PlannedRule
    subjects : sequence of str

    Returns
    -------
    Flags
        The same whatever the order of the table's rows.
    """
    blind = without_arms(table)
    answered = blind.is_simulation & (blind.response != "")
    rows = _rows_of(blind)
    raised = np.zeros((len(subjects), len(rules)), dtype=np.bool_)
    for number, subject in enumerate(subjects if rules else ()):
        person = _person(blind, rows.get(subject, np.array([], dtype=np.int64)), answered)
        raised[number] = [RULES[planned.rule].flags(person, planned.params) for planned in rules]
    return Flags(tuple(subjects), tuple(rules), raised)


def without_arms(table: ResponseTable) -> ResponseTable:
    """Return the table with every column of the allocation empty."""
    text: TextArray = np.full(len(table), "", dtype=object)
    number: IntArray = np.full(len(table), MISSING, dtype=np.int64)
    return replace(table, arm=text, stratum=text, sequence=number, permuted_block=number, block_size=number)


def _rows_of(table: ResponseTable) -> dict[str, IntArray]:
    """Return each participant's rows, in the order of the screens."""
    order = np.lexsort((table.attempt, table.trial_index, table.subject_id.astype(str)))
    subjects: TextArray = table.subject_id[order]
    if not len(subjects):
        return {}
    starts = np.flatnonzero(np.concatenate(([True], subjects[1:] != subjects[:-1])))
    return {subjects[i]: rows for i, rows in zip(starts, np.split(order, starts[1:]), strict=True)}


def _person(table: ResponseTable, rows: IntArray, answered_rows: BoolArray) -> Person:
    answered = rows[answered_rows[rows]]
    checks = rows[table.trial_type[rows] == "comprehension_check"]
    consent = rows[table.trial_type[rows] == "consent"]
    rating = table.rating[rows]
    return Person(
        is_simulated=bool((table.simulated[rows] == 1).any()),
        phases=table.phase[answered],
        items=table.item[answered],
        responses=table.response[answered],
        rt=table.rt[answered],
        server_ms=table.server_ms[answered],
        ratings=rating[~np.isnan(rating)],
        focus_lost=_total(table.focus_lost[rows]),
        pastes=_total(table.pastes[rows]),
        check_attempts=int(table.attempt[checks].max(initial=0)),
        arrival=str(table.arrival[consent][0]) if len(consent) else "",
        seen_before=_total(table.seen_before[consent]),
        shares_browser=bool((table.shared_browser[consent] == 1).any()),
    )


def _total(counts: IntArray) -> int:
    return int(counts[counts != MISSING].sum())

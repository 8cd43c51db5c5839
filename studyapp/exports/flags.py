"""Whom the frozen rules flag, from the rows that are downloaded: the analysis's own function on the same table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.quality.base import PlannedRule
from analysis.quality.flags import raise_flags
from analysis.table import table_of
from studyapp.design.schema import Design
from studyapp.exports.responses import Row

BATCH = 200  # participants whose rows are read as one table
# What the rules read; the arm and everything else is not even handed over.
USED = (
    *("study_id", "subject_id", "stage", "simulated", "trial_index", "trial_type", "phase", "item", "response"),
    *("rating", "rt", "server_ms", "focus_lost", "pastes", "attempt", "arrival", "seen_before", "shared_browser"),
)


def planned_rules(design: Design) -> tuple[PlannedRule, ...]:
    """The design's rules, as the analysis reads them from design.json."""
    return tuple(
        PlannedRule(planned.rule, {name: float(value) for name, value in planned.params.items()})
        for planned in design.quality.rules
    )


def flags_of(design: Design, people: Sequence[list[Row]]) -> Mapping[str, tuple[str, ...]]:
    """The rules that flag each of some participants, by subject id; their rows are those of the long table."""
    rules = planned_rules(design)
    subjects = [str(rows[0]["subject_id"]) for rows in people]
    if not rules or not subjects:
        return {}
    table = table_of([{name: row[name] for name in USED if name in row} for rows in people for row in rows])
    flags = raise_flags(table, rules, subjects)
    return {subject: flags.names(subject) for subject in subjects}

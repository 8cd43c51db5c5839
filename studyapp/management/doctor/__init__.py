"""What is wrong with this installation, in plain words, each with what to do about it.

An examination is a function that yields findings; it looks and changes nothing. Where the database does not answer,
only those that do without it are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from studyapp.management.doctor import data, database, processes, settings
from studyapp.management.doctor.finding import Finding

Examination = Callable[[], Iterator[Finding]]

SETTINGS: tuple[Examination, ...] = (settings.system_checks, settings.static_files, settings.disk)
BROKER: tuple[Examination, ...] = (processes.broker,)
DATABASE: tuple[Examination, ...] = (database.role, database.migrations, database.durability, database.clock)
PROCESSES: tuple[Examination, ...] = (processes.relay, processes.workers, processes.outbox, processes.parked)
DATA: tuple[Examination, ...] = (data.sealed, data.trail, data.weights)
UPKEEP: tuple[Examination, ...] = (data.backups,)

__all__ = ["DATA", "Finding", "examine", "examine_all"]


def examine(examinations: Iterable[Examination]) -> list[Finding]:
    """Make these examinations in order."""
    return [finding for examination in examinations for finding in examination()]


def examine_all() -> list[Finding]:
    """Everything, as far as the database answers."""
    answer = list(database.answers())
    with_database = (*DATABASE, *PROCESSES, *DATA, *UPKEEP)
    if any(finding.is_bad for finding in answer):
        return [*examine(SETTINGS), *answer, *examine(BROKER)]
    if missing := list(database.tables_missing()):
        return [*examine(SETTINGS), *answer, *missing, *examine(BROKER)]
    return [*examine(SETTINGS), *answer, *examine(BROKER), *examine(with_database)]

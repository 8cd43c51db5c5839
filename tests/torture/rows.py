"""What the database holds when a storm is over, as plain rows for the checkers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg2.extensions

Cursor = psycopg2.extensions.cursor


@dataclass(frozen=True)
class Enrolment:
    number: int
    study: int
    pseudonym: str
    state: str
    arm: str


@dataclass(frozen=True)
class Assignment:
    enrolment: int
    pseudonym: str
    study: int
    stratum: int
    sequence: int
    arm: str
    permuted_block: int
    block_size: int


@dataclass(frozen=True)
class Response:
    number: int  # the database's own count
    enrolment: int
    position: int
    attempt: int
    key: str
    answer: Mapping[str, object]
    body_sha256: str
    response_ms: int | None
    trail: Mapping[str, int]
    received_at: float


@dataclass(frozen=True)
class Explanation:
    key: str
    state: str
    form: str


@dataclass(frozen=True)
class Job:
    number: str
    kind: str
    state: str
    attempts: int
    error: str


@dataclass(frozen=True)
class Rows:
    """Everything that a checker may hold against the history."""

    enrolments: tuple[Enrolment, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    responses: tuple[Response, ...] = ()
    explanations: tuple[Explanation, ...] = ()
    jobs: tuple[Job, ...] = ()
    trail: tuple[str, ...] = ()  # what is wrong with the audit trail


QUERIES = {
    "enrolments": (
        Enrolment,
        "SELECT e.id, e.study_id, p.pseudonym, e.state, e.arm FROM studyapp_enrolment e"
        " JOIN studyapp_participant p ON p.id = e.participant_id ORDER BY e.id",
    ),
    "assignments": (
        Assignment,
        "SELECT a.enrolment_id, p.pseudonym, e.study_id, a.stratum_id, a.sequence, a.arm, a.permuted_block,"
        " a.block_size FROM studyapp_assignment a JOIN studyapp_enrolment e ON e.id = a.enrolment_id"
        " JOIN studyapp_participant p ON p.id = e.participant_id ORDER BY a.id",
    ),
    "responses": (
        Response,
        "SELECT id, enrolment_id, position, attempt, replace(key::text, '-', ''), answer, body_sha256, response_ms,"
        " trail, extract(epoch FROM received_at)::float FROM studyapp_response ORDER BY id",
    ),
    "explanations": (
        Explanation,
        # Those of the prepared studies were made by no job.
        "SELECT key, state, coalesce(form::text, '') FROM studyapp_explanation WHERE explainer = 'saliency'"
        " ORDER BY id",
    ),
    "jobs": (Job, "SELECT id::text, kind, state, attempts, error FROM studyapp_job ORDER BY created_at"),
}
BROKEN_CHAIN = """
SELECT 'entry ' || id || ': ' || CASE WHEN previous <> linked THEN 'does not follow the one before it'
    ELSE 'is not what was hashed' END
FROM (SELECT e.*, foretell_audit_text(e) AS text,
        coalesce(lag(entry_sha256) OVER (PARTITION BY coalesce(study_id, 0) ORDER BY id), '') AS linked
    FROM studyapp_auditentry e) AS chain
WHERE previous <> linked OR entry_sha256 <> encode(sha256(convert_to(text, 'UTF8')), 'hex')
"""


def read_rows(cursor: Cursor) -> Rows:
    """Every row in one snapshot."""
    with _snapshot(cursor):
        found = {name: tuple(_read(cursor, made, query)) for name, (made, query) in QUERIES.items()}
        cursor.execute(BROKEN_CHAIN)
        return Rows(**found, trail=tuple(text for (text,) in cursor.fetchall()))  # type: ignore[arg-type]


@contextmanager
def _snapshot(cursor: Cursor) -> Iterator[None]:
    cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    try:
        yield
    finally:
        cursor.execute("ROLLBACK")


def _read(cursor: Cursor, made: type, query: str) -> Iterator[object]:
    cursor.execute(query)
    return (made(*row) for row in cursor.fetchall())

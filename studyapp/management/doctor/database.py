"""Examinations of the database: does it answer, is it complete, does it keep what it acknowledges?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import ERROR
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from studyapp.checks import database_checks, is_local
from studyapp.management.doctor.finding import Finding, bad, note, ok
from studyapp.models.grants import excess_rights

SKEW_S = 2
TOLD_BY_ROLE = "foretell.E022"


def answers() -> Iterator[Finding]:
    try:
        (version,) = _row("SHOW server_version")
    except DatabaseError as error:
        where = urlsplit(settings.DATABASE_URL).hostname or "the socket that DATABASE_URL names"
        yield bad(
            "database",
            f"The database does not answer: {str(error).strip().splitlines()[0]}",
            f"Start Postgres at {where} (embedded: make services), or mend DATABASE_URL.",
        )
    else:
        yield ok("database", f"The database answers (Postgres {version}).")


def tables_missing() -> Iterator[Finding]:
    if "studyapp_study" not in connection.introspection.table_names():
        yield bad("migrations", "The database has no tables of Foretell.", "Run manage.py migrate.")


def role() -> Iterator[Finding]:
    reasons = excess_rights()
    if reasons:
        yield (note if is_local() else bad)(
            "role",
            f"Foretell's role in the database may do too much: {', '.join(reasons)}.",
            "Name the role that owns the tables in DATABASE_OWNER_URL and another in DATABASE_URL; manage.py migrate.",
        )
    else:
        yield ok("role", "Foretell's role in the database owns nothing and cannot touch the trail.")


def migrations() -> Iterator[Finding]:
    """Tables as this code expects them, with every trigger."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    unknown = sorted(set(executor.loader.applied_migrations) - set(executor.loader.graph.nodes))
    if missing:
        yield bad("migrations", f"{len(missing)} migrations are not applied.", "Run manage.py migrate.")
    if unknown:
        yield bad(
            "migrations",
            f"The database is newer than this code: it has {unknown[-1][0]}.{unknown[-1][1]}.",
            "Install the newer version again. To go back to an older one, restore a backup of it.",
        )
    if not missing and not unknown:
        yield ok("migrations", "Every migration of this version is applied.")
    wrong = [message for message in database_checks() if message.level >= ERROR and message.id != TOLD_BY_ROLE]
    for message in wrong:
        yield bad("guards", str(message.msg), message.hint or "Run manage.py check --database default.")
    if not wrong:
        yield ok("guards", "Every trigger that keeps frozen things frozen is there and on.")


def durability() -> Iterator[Finding]:
    """An acknowledged answer must survive a power cut."""
    off = [name for name in ("synchronous_commit", "fsync", "full_page_writes") if _row(f"SHOW {name}")[0] == "off"]
    if off:
        yield bad(
            "durability",
            f"Postgres runs with {', '.join(off)} off: acknowledged answers can be lost.",
            f"ALTER SYSTEM SET {off[0]} = on; then reload Postgres.",
        )
    else:
        yield ok("durability", "Postgres acknowledges an answer when it is on the disk.")


def clock() -> Iterator[Finding]:
    before = timezone.now()
    (there,) = _row("SELECT clock_timestamp()")
    after = timezone.now()
    assert isinstance(there, datetime)
    # Within the time that the question took, nobody can say more.
    skew = max((before - there).total_seconds(), (there - after).total_seconds(), 0.0)
    if skew > SKEW_S:
        yield note(
            "clock",
            f"The clocks of this machine and of the database differ by {skew:.0f} s.",
            "Let both follow a time server (chrony, systemd-timesyncd): times in exports come from both.",
        )
    else:
        yield ok("clock", "The clocks of this machine and of the database agree.")


def _row(query: str) -> tuple[object, ...]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        row: tuple[object, ...] = cursor.fetchone()
    return row

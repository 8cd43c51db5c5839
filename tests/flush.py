"""What empties the database after a transactional test: only what is filled, though the application may never empty it.

Django's own TRUNCATE of every table makes some four hundred new files each time, and what Django writes of its own
models after it (content types, permissions) is the same for every test.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql.operations import DatabaseOperations

FEW = 2_000  # rows of a table, beyond which its foreign keys take longer to ask than all tables to truncate
SAME_FOR_EVERY_TEST = {"django_content_type", "auth_permission"}

_truncate = DatabaseOperations.sql_flush


def sql_flush(self: DatabaseOperations, style: Any, tables: list[str], **options: Any) -> list[str]:
    """Statements of one transaction, in which the guards of the tables stand aside."""
    filled = _filled(self, [table for table in tables if table not in SAME_FOR_EVERY_TEST])
    if not filled:
        return []
    if max(filled.values()) > FEW:
        emptied = [table for table in tables if table not in SAME_FOR_EVERY_TEST]
        statements = _truncate(self, style, emptied, **options)
    else:
        emptied = list(filled)
        # One statement, at whose end no foreign key is hurt; asked at once, since no table may change while one pends.
        deletions = ", ".join(f"d{n} AS (DELETE FROM {self.quote_name(table)})" for n, table in enumerate(emptied))
        statements = [f"WITH {deletions} SELECT", "SET CONSTRAINTS ALL IMMEDIATE"]
    return [*_triggers(self, "DISABLE", emptied), *statements, *_triggers(self, "ENABLE", emptied)]


def _filled(operations: DatabaseOperations, tables: list[str]) -> dict[str, int]:
    """How many rows each table has that has any, counted no further than needed."""
    counts = (
        f"SELECT '{table}', count(*) FROM (SELECT FROM {operations.quote_name(table)} LIMIT {FEW + 1}) AS counted"
        for table in tables
    )
    with operations.connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(counts))
        return {table: rows for table, rows in cursor.fetchall() if rows}


def _triggers(operations: DatabaseOperations, verb: str, tables: list[str]) -> list[str]:
    return [f"ALTER TABLE {operations.quote_name(table)} {verb} TRIGGER USER" for table in tables]

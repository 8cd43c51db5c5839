"""The rows of the database as text that is the same on every server, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import IO

from django.db import connection
from psycopg2 import sql

# Made while the site runs and worth nothing elsewhere: a session in a backup would be a key to somebody's account.
LEFT_EMPTY = frozenset({"django_session", "studyapp_heartbeat"})

# COPY writes values as these settings say; a server's own would make equal rows look different.
FORMATS = {
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "client_encoding": "UTF8",
}

COLUMNS = """
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY c.relname, a.attnum
"""

KEYS = """
SELECT c.relname, a.attname FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS part(number, place)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = part.number
WHERE c.relnamespace = current_schema()::regnamespace AND i.indisprimary
ORDER BY c.relname, part.place
"""

# Foreign keys that are checked row by row, and not at the end of the transaction as Django's are.
STRICT = """
SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
WHERE contype = 'f' AND NOT condeferrable AND connamespace = current_schema()::regnamespace AND conrelid <> confrelid
"""

SEQUENCES = """
SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'S' ORDER BY relname
"""

Columns = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Content:
    """What a table holds: enough to say that two are equal."""

    rows: int
    sha256: str


class Counted:
    """Passes the text of COPY on and keeps its hash and its number of rows."""

    def __init__(self, out: IO[bytes] | None = None) -> None:
        self._out = out
        self._hash = hashlib.sha256()
        self._rows = 0

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self._rows += data.count(b"\n")  # a line break inside a value is written as \n, in two characters
        if self._out is not None:
            self._out.write(data)
        return len(data)

    def content(self) -> Content:
        return Content(self._rows, self._hash.hexdigest())


def columns() -> dict[str, list[str]]:
    """Every table of the database with its columns; a table comes after those that its rows must point to."""
    found = _grouped(COLUMNS)
    needed = _grouped(STRICT)
    order = TopologicalSorter({name: needed.get(name, ()) for name in found}).static_order()
    return {name: found[name] for name in order}


def use_fixed_formats() -> None:
    """Until the transaction ends, let every server write values alike."""
    with connection.cursor() as cursor:
        for name, value in FORMATS.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


def write_table(name: str, names: Sequence[str], out: IO[bytes] | None = None) -> Content:
    """Write the rows of a table in the order of its primary key; without `out` only hash them."""
    keys = _grouped(KEYS).get(name, names)
    query = sql.SQL("COPY (SELECT {columns} FROM {table} ORDER BY {keys}) TO STDOUT").format(
        columns=_list(names), table=sql.Identifier(name), keys=_list(keys)
    )
    counted = Counted(out)
    if name not in LEFT_EMPTY:
        with connection.cursor() as cursor:
            cursor.copy_expert(query, counted)
    return counted.content()


def read_table(name: str, names: Sequence[str], source: IO[bytes]) -> None:
    """Fill a table with rows that `write_table` wrote."""
    query = sql.SQL("COPY {table} ({columns}) FROM STDIN").format(table=sql.Identifier(name), columns=_list(names))
    with connection.cursor() as cursor:
        cursor.copy_expert(query, source)


def sequences() -> dict[str, tuple[int, bool]]:
    """Where every counter stands; read after the rows, so that none is behind them."""
    with connection.cursor() as cursor:
        cursor.execute(SEQUENCES)
        names = [name for (name,) in cursor.fetchall()]
        found = {}
        for name in names:
            cursor.execute(sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(name)))
            found[name] = cursor.fetchone()
    return found


def set_sequences(values: Mapping[str, tuple[int, bool]]) -> None:
    with connection.cursor() as cursor:
        for name, (last, is_called) in values.items():
            cursor.execute("SELECT setval(%s::regclass, %s, %s)", [name, last, is_called])


@contextmanager
def guards_down(tables: Iterable[str]) -> Iterator[None]:
    """Load rows as they were: without the triggers that refuse changes and chain the trail. Foreign keys stay on."""
    names = [sql.Identifier(name) for name in tables]
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name))
        cursor.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(names)))
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for name in names:
            cursor.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(name))


def _grouped(query: str) -> dict[str, list[str]]:
    """The second column of a query's rows, by the first."""
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(query)
        for first, second in cursor.fetchall():
            found.setdefault(first, []).append(second)
    return found


def _list(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))

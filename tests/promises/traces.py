"""Where a canary can still be found: every column of every table, the broker's memory, and every file of a folder."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import uuid
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import psycopg2
import psycopg2.extensions
import redis
from django.conf import settings
from django.db import connection

from studyapp.embedded.postgres import SUPERUSER

UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Canaries = Mapping[str, str]  # what it is, and its text


def spellings(canary: str) -> tuple[str, ...]:
    """A text as it may stand in a column: plain, as bytes in hex, and a UUID without its hyphens."""
    return (canary, canary.encode().hex(), *({canary.replace("-", "")} - {canary}))


def in_tables(canaries: Canaries) -> Counter[str]:
    """How many rows of which table hold which canary. A row is compared as text, so no column can be left out."""
    found: Counter[str] = Counter()
    spelled = [(name, text) for name, canary in canaries.items() for text in spellings(canary)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(
                f"SELECT name, count(*) FROM (SELECT lower(t::text) AS row FROM {table} AS t) AS r "
                "JOIN unnest(%s, %s) AS c (name, text) ON strpos(r.row, lower(c.text)) > 0 GROUP BY name",
                [[name for name, _ in spelled], [text for _, text in spelled]],
            )
            found.update({f"{name} in {table}": n for name, n in cursor.fetchall()})
    return found


def in_broker(canaries: Canaries) -> Counter[str]:
    """Every key of the broker with its value, as the broker itself would write them to a disk."""
    broker = redis.Redis.from_url(settings.REDIS_URL)
    held = [(key, broker.dump(key) or b"") for key in broker.scan_iter()]
    return _count(canaries, ((f"broker {key!r}", key + value) for key, value in held))


def in_files(folder: Path, canaries: Canaries, but: str = "") -> Counter[str]:
    """Every file below a folder, as bytes; without those below a folder of the name `but`."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    files = sorted(path for path in found if but not in path.relative_to(folder).parts)
    return _count(canaries, ((str(path.relative_to(folder)), _bytes(path)) for path in files))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # gone since it was listed
        return b""


def in_zip(content: bytes, canaries: Canaries) -> Counter[str]:
    """Every file of an archive, unpacked."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    return _count(canaries, ((name, archive.read(name)) for name in archive.namelist()))


def in_text(where: str, text: str, canaries: Canaries) -> Counter[str]:
    return _count(canaries, [(where, text.encode())])


def _count(canaries: Canaries, places: Iterable[tuple[str, bytes]]) -> Counter[str]:
    return Counter(f"{name} in {place}" for place, content in places for name in _held(canaries, content))


def _held(canaries: Canaries, content: bytes) -> Iterator[str]:
    for name, canary in canaries.items():
        if any(text in content for text in (*map(str.encode, spellings(canary)), *_raw(canary))):
            yield name


def _raw(canary: str) -> tuple[bytes, ...]:
    """A UUID as the database keeps it on the disk."""
    return (uuid.UUID(canary).bytes,) if UUID.fullmatch(canary) else ()


def as_superuser(*statements: str) -> list[tuple[object, ...]]:
    """What no role of the application may do: write memory to the files, or put a broken rule in place of ours."""
    return as_role(SUPERUSER, *statements)


def open_snapshots() -> list[tuple[object, ...]]:
    """Who keeps the database from forgetting dead rows, and since when."""
    return as_superuser(
        "SELECT pid, application_name, usename, state, backend_type, age(backend_xmin), now() - xact_start, query "
        "FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()"
    )


def as_role(role: str, *statements: str) -> list[tuple[object, ...]]:
    """Statements, each committed by itself; the rows of the last one come back."""
    to = connection.settings_dict
    known = psycopg2.connect(host=to["HOST"], port=to["PORT"] or None, dbname=to["NAME"], user=role)
    known.autocommit = True
    with contextlib.closing(known), known.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def transaction_of_another(statement: str) -> Iterator[psycopg2.extensions.connection]:
    """Somebody else's transaction, with a snapshot that lasts, until it is rolled back."""
    to = connection.settings_dict
    other = psycopg2.connect(host=to["HOST"], port=to["PORT"] or None, dbname=to["NAME"], user=SUPERUSER)
    other.set_session(isolation_level="REPEATABLE READ")
    with contextlib.closing(other), other.cursor() as cursor:
        cursor.execute(statement)
        yield other


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

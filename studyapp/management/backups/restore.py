"""Restoring a backup: checked from end to end first, then loaded in one transaction, then checked again."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.fernet import InvalidToken
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from studyapp.actions import audit
from studyapp.actions.sealing import unseal
from studyapp.management.backups import tables
from studyapp.management.backups.archive import FILES, TABLES, Header, KeptFile, Manifest, Part, Reader, reading
from studyapp.management.backups.backup import KEY_CHECK, PURPOSE, kept_files
from studyapp.management.backups.errors import BackupError

Say = Callable[[str], None]
COPY = 1 << 20


def verify(path: Path, passphrase: str) -> tuple[Header, Manifest]:
    """Read a whole backup and compare every hash; raises BackupError at the first that differs."""
    contents, files = {}, {}
    with reading(path, passphrase) as reader:
        for part in reader.parts():
            if part.kind == TABLES:
                counted = tables.Counted()
                _pour(part, counted.write)
                contents[part.name] = counted.content()
            else:
                files[part.name] = _hash(part)
        manifest = reader.manifest
        _compare("table", manifest.tables, {**_nothing(reader.header), **contents})
        _compare("file", manifest.files, files)
        return reader.header, manifest


def restore(
    path: Path, *, passphrase: str = "", erase: str = "", other_key: bool = False, say: Say = print
) -> Manifest:
    """Bring a backup back into this database and data folder, then up to this version's migrations.

    `erase` must be the database's name where it is not empty. Nothing is touched before the whole file is verified.
    """
    header, manifest = verify(path, passphrase)
    say(f"Backup of {header.made_at}, Foretell {header.foretell}: {manifest.rows:,} rows, {len(manifest.files)} files")
    _check_version(header)
    if not other_key:
        _check_key(header)
    _make_room(erase, manifest)
    _migrate_to(header)
    with reading(path, passphrase) as reader, transaction.atomic():
        _load(reader, settings.DATA_DIR)
        _compare("table", manifest.tables, _stored(reader.header))
    say("Rows and files are back, every hash equal.")
    upgrade()
    after = {"made_at": header.made_at, "rows": manifest.rows}
    audit.record("restored", "database and files", actor=audit.SYSTEM, after=after)
    return manifest


def upgrade() -> None:
    """Bring restored tables up to this version."""
    call_command("migrate", interactive=False, verbosity=0)


def what_is_here() -> dict[str, int]:
    """How many rows the main tables hold: what a restore into this database would destroy."""
    with connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
    found = {}
    for model in apps.get_app_config("studyapp").get_models():
        if model._meta.db_table in present and model._meta.db_table not in tables.LEFT_EMPTY:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608
                found[str(model._meta.verbose_name_plural)] = cursor.fetchone()[0]
    return {name: count for name, count in found.items() if count}


def _other_files(manifest: Manifest) -> dict[str, int]:
    """How many files of the data folder would be overwritten by others."""
    here = {name: path for name, path in kept_files(settings.DATA_DIR) if name in manifest.files}
    count = sum(hash_of(path) != manifest.files[name].sha256 for name, path in here.items())
    return {"files of predictors": count} if count else {}


def hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _nothing(header: Header) -> dict[str, tables.Content]:
    return {name: tables.Counted().content() for name in header.columns}


def _compare(what: str, expected: Mapping[str, object], found: Mapping[str, object]) -> None:
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise BackupError(
            f"The {what} {', '.join(wrong[:3])}{more} of this backup is not what its manifest says. "
            "The file was changed or damaged after it was written; use another one."
        )


def _check_version(header: Header) -> None:
    known = set(MigrationExecutor(connection).loader.graph.nodes)
    newer = sorted(f"{app}.{name}" for app, name in set(header.migrations) - known)
    if newer:
        raise BackupError(
            f"This backup was made by Foretell {header.foretell}, which is newer than this one: "
            f"it has the migrations {', '.join(newer[:5])}, unknown here. Install that version, then restore."
        )


def _check_key(header: Header) -> None:
    try:
        opened = unseal(header.key_check.encode("ascii"), PURPOSE)
    except InvalidToken:
        opened = b""
    if opened != KEY_CHECK:
        raise BackupError(
            "FORETELL_SECRET_KEY is not the one with which this backup was made, and a backup does not hold it. With "
            "another key open studies cannot allocate, sealed sequences and panel ids stay closed, and the links to "
            "runs in participants' browsers are void. Set the old key; if it is lost, restore with --other-key to "
            "keep the responses."
        )


def _make_room(erase: str, manifest: Manifest) -> None:
    """Refuse a database that holds something, or empty it where the operator named it."""
    here = {**what_is_here(), **_other_files(manifest)}
    name = connection.settings_dict["NAME"]
    if here and erase != name:
        counts = ", ".join(f"{count:,} {what}" for what, count in here.items())
        raise BackupError(
            f"The database {name!r} is not empty. A restore would destroy: {counts}. Restore into an empty database, "
            f"or give --erase {name} if all of that may be lost."
        )
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")


def _migrate_to(header: Header) -> None:
    """Make the tables as they were in the backup's version."""
    executor = MigrationExecutor(connection)
    applied = set(header.migrations)
    graph = executor.loader.graph
    last = [
        key
        for key in header.migrations
        if not any(child.key in applied and child.key[0] == key[0] for child in graph.node_map[key].children)
    ]
    executor.migrate(last)
    here = {name: tuple(names) for name, names in tables.columns().items()}
    if here != dict(header.columns):
        differ = sorted(
            name for name in here.keys() | header.columns.keys() if here.get(name) != header.columns.get(name)
        )
        raise BackupError(
            f"The tables {', '.join(differ[:5])} do not have the columns that they had in Foretell {header.foretell}: "
            "a migration of that version was changed since. Restore with that version, then upgrade."
        )


def _load(reader: Reader, data: Path) -> None:
    tables.use_fixed_formats()
    with tables.guards_down(reader.header.columns):
        for part in reader.parts():
            if part.kind == TABLES:
                tables.read_table(part.name, reader.header.columns[part.name], part.content)
            elif part.kind == FILES:
                _put_file(data, part, reader)
    tables.set_sequences(reader.manifest.sequences)


def _stored(header: Header) -> dict[str, tables.Content]:
    return {name: tables.write_table(name, names) for name, names in header.columns.items()}


def _put_file(data: Path, part: Part, reader: Reader) -> None:
    """Write beside and rename, so that no reader meets half a file."""
    target = data / part.name
    target.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(target.parent).free < COPY:
        raise BackupError(f"The disk that holds {data} is full. Free some space, then restore again.")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            _pour(part, file.write)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _hash(part: Part) -> KeptFile:
    hashed = hashlib.sha256()
    size = 0

    def take(data: bytes) -> None:
        nonlocal size
        size += len(data)
        hashed.update(data)

    _pour(part, take)
    return KeptFile(size, hashed.hexdigest())


def _pour(part: Part, take: Callable[[bytes], object]) -> None:
    while data := part.content.read(COPY):
        take(data)

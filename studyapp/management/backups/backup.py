"""Writing a backup: the database as it is at one moment, and the files that its rows point to."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from studyapp.actions.sealing import seal
from studyapp.management.backups import tables
from studyapp.management.backups.archive import FORMAT, Header, KeptFile, Manifest, Writer, writing
from studyapp.management.backups.errors import BackupError
from studyapp.models.snapshot import one_snapshot

# Folders of the data folder that rows point into. The rest of it is made again: static files, logs, the servers' own.
KEPT_FOLDERS = ("predictors",)
KEY_CHECK = b"this secret key opens what the backup holds sealed"
PURPOSE = "backup"


def write_backup(path: Path, passphrase: str = "") -> Manifest:
    """Write a backup while the site goes on; the file appears under its name when it is whole."""
    if connection.in_atomic_block:
        raise BackupError("A backup needs a transaction of its own.")
    with _new_file(path) as file, writing(file, passphrase) as writer, one_snapshot():
        tables.use_fixed_formats()
        header = _header()
        writer.document("backup.json", header)
        contents = {}
        for name, names in header.columns.items():
            with writer.table(name) as out:
                contents[name] = tables.write_table(name, names, out)
        manifest = Manifest(contents, tables.sequences(), _write_files(writer))
        writer.document("manifest.json", manifest)
    return manifest


def kept_files(data: Path) -> Iterator[tuple[str, Path]]:
    """The files that belong into a backup, by their names in it."""
    for folder in KEPT_FOLDERS:
        for path in sorted((data / folder).rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(data).as_posix(), path


def _header() -> Header:
    applied = MigrationRecorder(connection).applied_migrations()
    return Header(
        format=FORMAT,
        foretell=version("foretell"),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        migrations=tuple(sorted(applied)),
        columns={name: tuple(names) for name, names in tables.columns().items()},
        key_check=seal(KEY_CHECK, PURPOSE).decode("ascii"),
    )


def _write_files(writer: Writer) -> dict[str, KeptFile]:
    return {name: writer.file(name, path) for name, path in kept_files(settings.DATA_DIR)}


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file for its owner alone, which takes its name, and is on the disk, only when it is whole."""
    if path.exists():
        raise BackupError(f"{path} is there already. Name another file; a backup never overwrites one.")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BackupError(f"Cannot write {path}: {error.strerror}. Name a folder that this user may write.") from error
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise BackupError(f"Cannot write {path}: {error.strerror}. Free space or name another disk.") from error
    finally:
        temporary.unlink(missing_ok=True)


@transaction.atomic
def table_contents() -> dict[str, tables.Content]:
    """Rows and hash of every table now, as a backup would say them."""
    tables.use_fixed_formats()
    return {name: tables.write_table(name, names) for name, names in tables.columns().items()}

"""`manage.py backup FILE`: the database and the weights in one file, from one moment, while the site goes on."""

from __future__ import annotations

import os
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from studyapp.actions import audit
from studyapp.management.backups.backup import write_backup
from studyapp.management.backups.errors import BackupError
from studyapp.management.backups.restore import hash_of
from studyapp.models.upkeep import BACKED_UP

NOT_INSIDE = """\
Not inside: FORETELL_SECRET_KEY. Without it allocation keys and panel ids stay sealed for ever. Keep it apart from the
backups, where who finds one does not find the other."""


class Command(BaseCommand):
    help = "Writes a backup of the database and of the predictors' files; encrypted with FORETELL_BACKUP_PASSPHRASE."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a new file; keep a copy on another machine")

    def handle(self, *, file: Path, **options: object) -> None:
        passphrase = os.environ.get("FORETELL_BACKUP_PASSPHRASE", "")
        try:
            manifest = write_backup(file, passphrase)
        except BackupError as error:
            raise CommandError(str(error)) from error
        digest, size = hash_of(file), file.stat().st_size
        after = {"sha256": digest, "bytes": size, "rows": manifest.rows, "encrypted": bool(passphrase)}
        audit.record(BACKED_UP, "database and files", actor=audit.SYSTEM, after=after)
        self.stdout.write(
            f"{file}: {manifest.rows:,} rows, {len(manifest.files)} files, {size / 1e6:.1f} MB\nsha256 {digest}"
        )
        if not passphrase:
            self.stdout.write(
                "Not encrypted: it holds all answers. Set FORETELL_BACKUP_PASSPHRASE to encrypt the next."
            )
        self.stdout.write(NOT_INSIDE)

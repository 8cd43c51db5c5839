"""`manage.py restore FILE`: a backup back into an empty database; `--verify` only reads it, `--drill` only tries it."""

from __future__ import annotations

import os
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from studyapp.actions import audit
from studyapp.embedded import EmbeddedError
from studyapp.management import doctor
from studyapp.management.backups.drill import drill
from studyapp.management.backups.errors import BackupError
from studyapp.management.backups.restore import restore, verify
from studyapp.management.owner import as_owner
from studyapp.models.upkeep import TRIED_RESTORE


class Command(BaseCommand):
    help = "Restores a backup into an empty database and data folder, checks every hash, and upgrades it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--verify", action="store_true", help="only read the file and compare its hashes")
        parser.add_argument("--drill", action="store_true", help="restore beside the running site, check, take away")
        parser.add_argument("--erase", default="", metavar="DATABASE", help="name the database whose rows may be lost")
        parser.add_argument("--other-key", action="store_true", help="although FORETELL_SECRET_KEY is another one")

    def handle(self, *, file: Path, **options: object) -> None:
        passphrase = os.environ.get("FORETELL_BACKUP_PASSPHRASE", "")
        try:
            if options["verify"]:
                header, manifest = verify(file, passphrase)
                self.say(f"Whole: {manifest.rows:,} rows, {len(manifest.files)} files, made {header.made_at}.")
            elif options["drill"]:
                drill(file, passphrase=passphrase, say=self.say)
                audit.record(TRIED_RESTORE, file.name[:100], actor=audit.SYSTEM)
                self.say("The drill succeeded, and nothing of it is left.")
            else:
                self.restore(file, passphrase, erase=str(options["erase"]), other_key=bool(options["other_key"]))
        except (BackupError, EmbeddedError) as error:
            raise CommandError(str(error)) from error

    def restore(self, file: Path, passphrase: str, *, erase: str, other_key: bool) -> None:
        with as_owner():  # tables are made, guards let down and put up again
            restore(file, passphrase=passphrase, erase=erase, other_key=other_key, say=self.say)
        found = doctor.examine(doctor.DATA)
        for finding in found:
            self.say(finding.line())
        if any(finding.is_bad for finding in found) and not other_key:
            raise CommandError("The rows are back, but the site is not whole; see above.")

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

"""`manage.py reseal`: after FORETELL_SECRET_KEY was changed, seals under the new key what was sealed under the old."""

from __future__ import annotations

from cryptography.fernet import InvalidToken
from django.core.management.base import BaseCommand, CommandError

from studyapp.actions.resealing import reseal


class Command(BaseCommand):
    help = "Seals everything anew under the key in force. The old key must stand in FORETELL_SECRET_KEY_FALLBACKS."

    def handle(self, **options: object) -> None:
        try:
            done = reseal()
        except InvalidToken as error:
            raise CommandError(
                "Something sealed opens with no key we have. Put the key of before into FORETELL_SECRET_KEY_FALLBACKS."
            ) from error
        self.stdout.write(f"{done.renewed} seals are renewed.")
        if done.old_allocation_keys:
            self.stdout.write(
                f"{done.old_allocation_keys} allocation keys never change and need the old key: keep it in "
                "FORETELL_SECRET_KEY_FALLBACKS until those studies are unblinded."
            )
        self.stdout.write("Without the old key, earlier personal codes still work but are not shown again.")

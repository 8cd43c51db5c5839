"""`manage.py migrate`: Django's own, done as the tables' owner; then the application's role gets its rights.

A site under way is never made to wait for it. A change of a table needs its lock, and everybody who comes after waits
behind who waits for it. So a migration gives up after LOCK_WAIT, lets the others pass, and is tried again.
"""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connection
from psycopg2.errors import LockNotAvailable

from studyapp.management.owner import as_owner

LOCK_WAIT = "2s"
ATTEMPTS = 10
PAUSE_S = 3


class Command(migrate.Command):
    def get_check_kwargs(self, options: dict[str, Any]) -> dict[Any, Any]:
        # Without the checks of the database: what they look for is what this command makes.
        return {key: value for key, value in super().get_check_kwargs(options).items() if key != "databases"}

    def handle(self, *args: Any, **options: Any) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with as_owner():
                    self.migrate(*args, **options)
                break
            except OperationalError as error:
                if not isinstance(error.__cause__, LockNotAvailable):
                    raise
                self.stderr.write(f"A table is in use; attempt {attempt} of {ATTEMPTS} gave way.")
                time.sleep(PAUSE_S)
        else:
            raise CommandError(
                "The tables were in use all the time. Look for a long transaction (SELECT * FROM pg_stat_activity), "
                "or stop the web server and the workers, then run migrate again."
            )
        if settings.DATABASE_OWNER_URL and not options.get("plan") and not options.get("check_unapplied"):
            call_command("grant_rights", verbosity=options["verbosity"])

    def migrate(self, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_WAIT])
        try:
            super().handle(*args, **options)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")

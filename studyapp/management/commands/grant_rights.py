"""`manage.py grant_rights`: the application's role gets what it needs and nothing else. `migrate` does it by itself."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError

from studyapp.management.owner import as_owner, equip
from studyapp.settings import database


class Command(BaseCommand):
    help = "Makes the database role of DATABASE_URL, where it is missing, and gives it the application's rights."

    def handle(self, *, verbosity: int, **options: object) -> None:
        if not settings.DATABASE_OWNER_URL:
            raise CommandError(
                "DATABASE_OWNER_URL is not set: name the role that owns the tables there, and another one, for the "
                "application, in DATABASE_URL."
            )
        application = database(settings.DATABASE_URL)
        role, password = str(application["USER"]), str(application["PASSWORD"])
        if role == str(database(settings.DATABASE_OWNER_URL)["USER"]):
            raise CommandError(
                f"DATABASE_URL and DATABASE_OWNER_URL both name {role!r}; the application needs one of its own."
            )
        try:
            with as_owner():
                unlisted = equip(role, password)
        except ProgrammingError as error:
            raise CommandError(
                f"The rights could not be given: {str(error).strip()}. As an administrator of the server run "
                f"CREATE ROLE {role} LOGIN, set its password, then run this command again."
            ) from error
        for table in unlisted:
            self.stderr.write(f"{table}: no rights, because studyapp/models/grants.py does not list it.")
        if verbosity:
            self.stdout.write(f"The role {role} reads and writes rows and owns nothing.")

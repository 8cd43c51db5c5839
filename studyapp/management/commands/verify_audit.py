"""`manage.py verify_audit`: recomputes the chain of the audit trail and names the first entry tampered with."""

from __future__ import annotations

import hashlib

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

# The text that the trigger hashed, written by the database itself so that JSON and times read the same.
ENTRIES = """
SELECT e.id, coalesce(e.study_id, 0), e.previous, e.entry_sha256, foretell_audit_text(e)
FROM studyapp_auditentry e ORDER BY coalesce(e.study_id, 0), e.id
"""


class Command(BaseCommand):
    help = "Checks that no entry of the audit trail was changed, removed from the middle or slipped in."

    def handle(self, **options: object) -> None:
        count = 0
        last: dict[int, str] = {}
        with connection.cursor() as cursor:
            cursor.execute(ENTRIES)
            for number, study, previous, stored, text in cursor:
                count += 1
                if previous != last.get(study, ""):
                    raise CommandError(
                        f"entry {number}: it does not follow the entry before it; one was removed or slipped in"
                    )
                if hashlib.sha256(text.encode("utf-8")).hexdigest() != stored:
                    raise CommandError(f"entry {number}: its content is not what was hashed when it was written")
                last[study] = stored
        self.stdout.write(f"{count} entries in {len(last)} chains, all as they were written.")

"""`manage.py audit_allocation STUDY`: derives every allocation of a closed study again from its sealed key.

It names no arm, so it may run between closing and unblinding. Away from the server, the archive of an unblinded study
is checked by `python -m studyapp.design audit data.zip`.
"""

from __future__ import annotations

import uuid

from django.core.management.base import BaseCommand, CommandError, CommandParser

from studyapp.actions.sealing import unseal
from studyapp.design.auditor import check_allocation, check_frozen
from studyapp.exports.frozen import frozen_document, revealed_allocation
from studyapp.models import Study


class Command(BaseCommand):
    help = "Derives every allocation of a closed study again, and computes the hashes of what was frozen."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", type=uuid.UUID, help="the study's id, as in its address")

    def handle(self, *, study: uuid.UUID, **options: object) -> None:
        found = Study.objects.select_related("frozen", "seal").filter(public_id=study).first()
        if found is None:
            raise CommandError(f"There is no study {study}.")
        if not found.is_closed:
            raise CommandError("The study is not closed yet; its sequence is still in use.")
        revealed = revealed_allocation(found, unseal(bytes(found.seal.encrypted_key), "allocation"))
        findings = [*check_frozen(found.frozen.document, frozen_document(found.frozen)), *check_allocation(revealed)]
        for finding in findings:
            self.stdout.write(str(finding))
        wrong = sum(not finding.is_good for finding in findings)
        if wrong:
            raise CommandError(f"{wrong} of {len(findings)} checks failed.")

"""`manage.py doctor`: what is wrong with this installation, in plain words, and what to do."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from django.core.management.base import BaseCommand, CommandParser

from studyapp.management import doctor


class Command(BaseCommand):
    help = (
        "Looks at settings, database, broker, processes, sealed keys and backups. Exits with 1 when something is bad."
    )
    requires_system_checks: list[str] = []  # it says itself what they say

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for a monitor")

    def handle(self, **options: object) -> None:
        findings = doctor.examine_all()
        if options["json"]:
            self.stdout.write(as_json(findings))
        else:
            for finding in findings:
                self.stdout.write(finding.line())
            self.stdout.write(f"\n{summary(findings)}")
        if any(finding.is_bad for finding in findings):
            sys.exit(1)


def as_json(findings: list[doctor.Finding]) -> str:
    return json.dumps([asdict(finding) for finding in findings], indent=1, ensure_ascii=False)


def summary(findings: list[doctor.Finding]) -> str:
    n_bad = sum(finding.is_bad for finding in findings)
    n_notes = sum(finding.mark == "note" for finding in findings)
    if not n_bad and not n_notes:
        return "All is well."
    return f"{n_bad} things are wrong, {n_notes} are worth a look."

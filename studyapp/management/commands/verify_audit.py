"""`manage.py verify_audit`: recomputes the chains of the audit trail and names the first entry tampered with."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from studyapp.models import AuditHead

# The text that the trigger hashed, written by the database itself so that JSON and times read the same.
ENTRIES = """
SELECT e.id, coalesce(e.study_id, 0), e.previous, e.entry_sha256, foretell_audit_text(e)
FROM studyapp_auditentry e ORDER BY coalesce(e.study_id, 0), e.id
"""


@dataclass
class Chain:
    """A chain as far as it was read."""

    n_entries: int = 0
    last_entry: int = 0
    head_sha256: str = ""


class Command(BaseCommand):
    help = "Checks that no entry of the audit trail was changed, removed or slipped in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--against",
            type=Path,
            metavar="AUDIT.CSV",
            help="a trail that was downloaded earlier: every entry of it must still be there, in its order",
        )

    def handle(self, *, against: Path | None, **options: object) -> None:
        hashes: list[str] = []
        chains: dict[int, Chain] = {}
        for chain, stored in self.read(chains):
            if against is not None:
                hashes.append(stored)
            chains[chain].head_sha256 = stored
        self.check_ends(chains)
        if against is not None:
            self.check_against(against, hashes)
        count = sum(chain.n_entries for chain in chains.values())
        self.stdout.write(f"{count} entries in {len(chains)} chains, all as they were written.")

    def read(self, chains: dict[int, Chain]) -> Iterator[tuple[int, str]]:
        """Every entry in order, checked against the one before it and against its own hash."""
        with connection.chunked_cursor() as cursor:
            cursor.execute(ENTRIES)
            for number, study, previous, stored, text in cursor:
                chain = chains.setdefault(study, Chain())
                if previous != chain.head_sha256:
                    raise CommandError(
                        f"entry {number}: it does not follow the entry before it; one was removed or slipped in"
                    )
                if hashlib.sha256(text.encode("utf-8")).hexdigest() != stored:
                    raise CommandError(f"entry {number}: its content is not what was hashed when it was written")
                chain.n_entries, chain.last_entry = chain.n_entries + 1, number
                yield study, stored

    def check_ends(self, chains: dict[int, Chain]) -> None:
        """Each chain ends where the database noted its end, so that none was cut short."""
        for head in AuditHead.objects.order_by("chain"):
            found = chains.get(head.chain, Chain())
            if (found.n_entries, found.last_entry, found.head_sha256) != (
                head.n_entries,
                head.last_entry,
                head.head_sha256,
            ):
                raise CommandError(
                    f"entry {head.last_entry}: the chain of {_named(head.chain)} should end there with "
                    f"{head.n_entries} entries, but has {found.n_entries} and ends at entry {found.last_entry}"
                )
        if unknown := set(chains) - set(AuditHead.objects.values_list("chain", flat=True)):
            raise CommandError(f"the end of the chain of {_named(min(unknown))} was never noted, or was removed")

    def check_against(self, path: Path, hashes: list[str]) -> None:
        """Whoever owns the tables can write a new history; not one that agrees with a file taken away before."""
        try:
            with path.open(encoding="utf-8", newline="") as file:
                kept = [row["entry_sha256"] for row in csv.DictReader(file)]
        except (OSError, KeyError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} is no downloaded audit trail: {error!r}") from error
        start = hashes.index(kept[0]) if kept and kept[0] in hashes else 0
        for number, (then, now) in enumerate(zip(kept, [*hashes[start:], *[""] * len(kept)], strict=False), start=1):
            if then != now:
                raise CommandError(f"{path}, entry {number} of the file: the trail no longer holds it")
        self.stdout.write(f"All {len(kept)} entries of {path} are in the trail, in their order.")


def _named(chain: int) -> str:
    return f"study {chain}" if chain else "the labs"

"""The auditor's command finds what somebody who owns the tables did to the trail, and says where."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp.models import AuditEntry, AuditHead, Study
from tests import factories
from tests.promises.ledger import Reached, scale

pytestmark = pytest.mark.django_db

ROWS = scale(full=10_000, quick=1_000)
# A change of one byte in each column; the database would otherwise refuse half of them by their type.
FLIPS = {
    "id": "id + 1_000_000",
    "study_id": "NULL",
    "lab_id": "NULL",
    "at": "at + interval '1 microsecond'",
    "actor": "overlay(actor placing chr(ascii(actor) # 1) from 1)",
    "verb": "overlay(verb placing chr(ascii(verb) # 1) from 1)",
    "what": "overlay(what placing chr(ascii(what) # 1) from 1)",
    "before": "'0'::jsonb",
    "after": "jsonb_set(after, '{n}', '-1')",
    "previous": "overlay(previous placing chr(ascii(previous) # 1) from 1)",
    "entry_sha256": "overlay(entry_sha256 placing chr(ascii(entry_sha256) # 1) from 1)",
}


@pytest.fixture
def trail(db: None) -> Study:
    """A study whose trail has many entries more than its life left."""
    study = factories.make_draft()
    AuditEntry.objects.bulk_create(
        AuditEntry(study=study, lab=study.lab, at=timezone.now(), actor="user:1", verb="noted", what=f"entry {n}",
                   before={"n": n - 1}, after={"n": n})
        for n in range(ROWS)
    )  # fmt: skip
    return study


@contextmanager
def tampered(*statements: str) -> Iterator[None]:
    """As the owner of the table could, with the triggers off; undone at the end."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE studyapp_auditentry DISABLE TRIGGER USER")
        for statement in statements:
            cursor.execute(statement)
        yield
        transaction.set_rollback(True)


def found() -> str:
    """What the command says is wrong; empty when it finds nothing."""
    try:
        call_command("verify_audit", stdout=io.StringIO())
    except CommandError as error:
        return str(error)
    return ""


def entry(place: int) -> int:
    """The number of the entry at a place of the longest chain."""
    return AuditEntry.objects.filter(verb="noted").order_by("pk")[place].pk


@pytest.mark.promise(23)
def test_one_flipped_byte_in_any_column_of_many_rows_is_found(trail: Study, reached: Reached) -> None:
    row, after = entry(ROWS // 2), entry(ROWS // 2 + 1)
    assert found() == ""
    said = {}

    for column, value in FLIPS.items():
        with tampered(f"UPDATE studyapp_auditentry SET {column} = {value} WHERE id = {row}"):
            said[column] = found()

    assert set(said) == {field.column for field in AuditEntry._meta.concrete_fields}
    assert [column for column, text in said.items() if not text] == []
    named = [int(re.match(r"entry (\d+)", text).group(1)) for text in said.values()]  # type: ignore[union-attr]
    assert set(named) <= {row, after, row + 1_000_000}
    reached(f"{len(said)} of {len(FLIPS)} columns: one flip in {AuditEntry.objects.count():,} rows found, and where")


@pytest.mark.promise(23)
def test_an_entry_removed_slipped_in_moved_or_cut_off_the_end_is_found(trail: Study, reached: Reached) -> None:
    row, after, last = entry(ROWS // 2), entry(ROWS // 2 + 1), entry(ROWS - 1)
    copied = ", ".join(f.column for f in AuditEntry._meta.concrete_fields if f.column != "id")
    insert = f"INSERT INTO studyapp_auditentry (id, {copied}) SELECT {last + 1}, {copied} FROM studyapp_auditentry"
    deeds = {
        "removed": [f"DELETE FROM studyapp_auditentry WHERE id = {row}"],
        "slipped in": [f"{insert} WHERE id = {row}"],
        "changed places": [
            f"UPDATE studyapp_auditentry SET id = -1 WHERE id = {row}",
            f"UPDATE studyapp_auditentry SET id = {row} WHERE id = {after}",
            f"UPDATE studyapp_auditentry SET id = {after} WHERE id = -1",
        ],
        "cut off": [f"DELETE FROM studyapp_auditentry WHERE id > {entry(ROWS - 10)}"],
        "emptied": ["DELETE FROM studyapp_auditentry"],
    }
    said = {}

    for deed, statements in deeds.items():
        with tampered(*statements):
            said[deed] = found()

    assert [deed for deed, text in said.items() if not text.startswith("entry ")] == []
    assert f"ends at entry {entry(ROWS - 10)}" in said["cut off"]
    reached(f"{len(said)} of {len(deeds)} found: {', '.join(deeds)}")


def test_a_history_written_anew_from_end_to_end_does_not_agree_with_a_file_downloaded_before(
    trail: Study, tmp_path: Path
) -> None:
    client = Client()
    client.force_login(factories.owner_of(trail.lab))
    path = tmp_path / "audit.csv"
    path.write_bytes(b"".join(client.get(reverse("audit_csv", args=[trail.public_id])).streaming_content))
    call_command("verify_audit", against=path, stdout=io.StringIO())
    rows = list(AuditEntry.objects.filter(study=trail).order_by("pk"))

    with tampered("DELETE FROM studyapp_auditentry", "DELETE FROM studyapp_audithead"):
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE studyapp_auditentry ENABLE TRIGGER USER")
        rows[5].what = "something else"
        AuditEntry.objects.bulk_create(rows)
        assert found() == ""  # the chain by itself is whole again
        with pytest.raises(CommandError, match="entry 6 of the file"):
            call_command("verify_audit", against=path)

    assert sum(1 for _ in csv.DictReader(path.open())) == AuditEntry.objects.filter(study=trail).count()


@pytest.mark.control(23, "entries without the hash of the one before")
def test_hashes_that_are_not_chained_miss_a_removed_entry(trail: Study, reached: Reached) -> None:
    row = entry(ROWS // 2)

    def each_by_itself() -> bool:
        """The check of the command without the link between entries and without the ends."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM studyapp_auditentry e WHERE entry_sha256 <> "
                "encode(sha256(convert_to(foretell_audit_text(e), 'UTF8')), 'hex')"
            )
            return cursor.fetchone() == (0,)

    with tampered(f"DELETE FROM studyapp_auditentry WHERE id = {row}"):
        chained, alone = found(), each_by_itself()

    assert (chained != "", alone) == (True, True)
    reached("1 of 1 removed entries missed")


def test_the_ends_of_the_chains_are_those_of_the_entries(trail: Study) -> None:
    for head in AuditHead.objects.all():
        rows = AuditEntry.objects.filter(study=head.chain or None).order_by("pk")
        last = rows.last()
        assert (head.n_entries, head.last_entry, head.head_sha256) == (rows.count(), last.pk, last.entry_sha256)

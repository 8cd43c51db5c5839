"""The auditor's command finds what somebody with the database's keys did to the trail."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from studyapp.models import AuditEntry
from tests import factories
from tests.studyapp.actions.test_whole_run import arrive, run_through

pytestmark = pytest.mark.django_db


@pytest.fixture
def entries(db) -> list[AuditEntry]:
    study = factories.make_open()
    for n in range(3):
        run_through(arrive(study, f"pid-{n}"))
    return list(AuditEntry.objects.filter(study=study))


def tamper(statement: str, *values: object) -> None:
    """As the owner of the table could: with the triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE studyapp_auditentry DISABLE TRIGGER USER")
        cursor.execute(statement, values)
        cursor.execute("ALTER TABLE studyapp_auditentry ENABLE TRIGGER USER")


def test_an_untouched_trail_passes(entries, capsys):
    call_command("verify_audit")
    assert f"{AuditEntry.objects.count()} entries" in capsys.readouterr().out


def test_one_changed_letter_is_found(entries):
    tamper("UPDATE studyapp_auditentry SET what = replace(what, 'e', 'E') WHERE id = %s", entries[4].pk)
    with pytest.raises(CommandError, match=f"entry {entries[4].pk}: its content"):
        call_command("verify_audit")


def test_a_removed_entry_is_found(entries):
    tamper("DELETE FROM studyapp_auditentry WHERE id = %s", entries[4].pk)
    with pytest.raises(CommandError, match=f"entry {entries[5].pk}: it does not follow"):
        call_command("verify_audit")

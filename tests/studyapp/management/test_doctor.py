"""The doctor finds each fault when it is really made, and says what to do."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from studyapp import queue
from studyapp.actions import audit
from studyapp.embedded.accounts import account_for
from studyapp.embedded.binaries import binaries_for
from studyapp.embedded.ports import any_free_port, is_free
from studyapp.embedded.sessions import wait_until
from studyapp.management import doctor
from studyapp.management.doctor import data, database, processes
from studyapp.management.doctor import settings as of_settings
from studyapp.models import AuditEntry, Heartbeat, Job, Seal
from studyapp.models.heartbeat import beat
from studyapp.models.jobs import JobState
from studyapp.models.upkeep import BACKED_UP, TRIED_RESTORE
from tests import factories

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[3]


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement)


@pytest.fixture
def well(settings, tmp_path) -> None:
    """A site that lacks nothing: two processes alive, a backup and a drill of today, weights in their place."""
    settings.DATA_DIR = tmp_path
    factories.make_frozen()
    for row in data.Predictor.objects.all():
        folder = tmp_path / "predictors" / row.key
        folder.mkdir(parents=True)
        (folder / "card.json").write_text(json.dumps({"name": row.key, "weights_sha256": row.weights_sha256}))
    beat("relay@here:1", "relay")
    beat("celery@here", "analysis,explain")
    audit.record(BACKED_UP, "database", actor=audit.SYSTEM)
    audit.record(TRIED_RESTORE, "database", actor=audit.SYSTEM)


def found(name: str) -> doctor.Finding:
    """The worst finding about something."""
    about = [finding for finding in doctor.examine_all() if finding.name == name]
    return max(about, key=lambda finding: ["ok", "note", "bad"].index(finding.mark))


def late(verb: str) -> None:
    """Nothing newer than nine days."""
    sql("ALTER TABLE studyapp_auditentry DISABLE TRIGGER USER")
    AuditEntry.objects.filter(verb=verb).update(at=timezone.now() - timedelta(days=9))
    sql("ALTER TABLE studyapp_auditentry ENABLE TRIGGER USER")


def old_job() -> None:
    job = queue.enqueue("report", queue=queue.ANALYSIS, args={})
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(minutes=30))


def parked_job() -> None:
    job = queue.enqueue("report", queue=queue.ANALYSIS, args={})
    Job.objects.filter(pk=job.pk).update(state=JobState.FAILED, attempts=3, error="the disk was full")


def silent(kind: str) -> None:
    Heartbeat.objects.filter(kind__contains=kind).update(at=timezone.now() - timedelta(minutes=5))


FAULTS: dict[str, tuple[Callable[[], object], str, str, str]] = {
    # what is done, about what, what is said, what to do
    "a migration is missing": (
        lambda: sql("DELETE FROM django_migrations WHERE name = '0012_measures'"),
        "migrations", "1 migrations are not applied", "manage.py migrate",
    ),
    "the database is of a newer version": (
        lambda: sql("INSERT INTO django_migrations (app, name, applied) VALUES ('studyapp', '0999_later', now())"),
        "migrations", "newer than this code: it has studyapp.0999_later", "newer version",
    ),
    "a guard is switched off": (
        lambda: sql("ALTER TABLE studyapp_response DISABLE TRIGGER never_changed"),
        "guards", "never_changed on studyapp_response", "ENABLE TRIGGER",
    ),
    "commits are not awaited": (
        lambda: sql("SET LOCAL synchronous_commit = off"), "durability", "synchronous_commit off", "ALTER SYSTEM",
    ),
    "no relay": (lambda: Heartbeat.objects.filter(kind="relay").delete(), "relay", "No relay is running", "relay"),
    "a relay that has gone silent": (lambda: silent("relay"), "relay", "It was last seen at", "manage.py relay"),
    "no worker": (lambda: silent("analysis"), "workers", "No worker takes the jobs", "celery -A studyapp worker -Q"),
    "jobs that wait": (old_job, "outbox", "the oldest (report) for 30 minutes", "relay and workers"),
    "no backup": (
        lambda: AuditEntry.objects.exists() and sql(
            "ALTER TABLE studyapp_auditentry DISABLE TRIGGER USER;"
            "DELETE FROM studyapp_auditentry WHERE verb = 'backed up';"
            "ALTER TABLE studyapp_auditentry ENABLE TRIGGER USER"
        ),
        "backup", "There has never been a backup", "manage.py backup",
    ),
    "a backup nine days ago": (lambda: late(BACKED_UP), "backup", "9 days ago", "every night"),
    "a drill nine days ago": (lambda: late(TRIED_RESTORE), "drill", "9 days ago", "--drill"),
    "an entry of the trail changed": (
        lambda: sql(
            "ALTER TABLE studyapp_auditentry DISABLE TRIGGER USER;"
            "UPDATE studyapp_auditentry SET what = 'x' WHERE id = (SELECT min(id) FROM studyapp_auditentry);"
            "ALTER TABLE studyapp_auditentry ENABLE TRIGGER USER"
        ),
        "audit trail", "changed by somebody", "compare it with the last backup",
    ),
}  # fmt: skip


def test_a_site_that_lacks_nothing_has_no_bad_finding(well, settings):
    assert [finding for finding in doctor.examine_all() if finding.is_bad] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_with_what_to_do(well, fault):
    make, name, said, remedy = FAULTS[fault]
    assert not found(name).is_bad
    make()
    finding = found(name)
    assert finding.is_bad
    assert said in finding.sentence
    assert remedy in finding.remedy


def test_a_job_that_was_given_up_is_told_with_its_reason(well):
    parked_job()
    finding = found("parked jobs")
    assert finding.mark == "note"
    assert "after 3 attempts: the disk was full" in finding.sentence


def test_weights_that_are_gone_are_named(well, settings):
    shutil.rmtree(settings.DATA_DIR / "predictors" / "adult-senn")
    finding = found("weights")
    assert (finding.mark, "adult-senn" in finding.sentence) == ("note", True)


def test_another_secret_key_is_found_before_anybody_comes(well, settings):
    settings.SECRET_KEY = "another key than the one with which the studies were frozen, just as long"
    settings.SECRET_KEY_FALLBACKS = []
    finding = found("secret key")
    assert finding.is_bad
    assert f"of {Seal.objects.count()} studies" in finding.sentence


def test_clocks_that_differ_are_told(monkeypatch):
    real = timezone.now
    monkeypatch.setattr(database.timezone, "now", lambda: real() + timedelta(hours=1))
    (finding,) = database.clock()
    assert (finding.mark, "differ by 36" in finding.sentence) == ("note", True)


def test_a_disk_that_runs_full_is_told(monkeypatch):
    monkeypatch.setattr(of_settings, "TOO_LOW_BYTES", 10**18)
    (finding,) = of_settings.disk()
    assert finding.is_bad


def test_settings_of_a_public_site_are_told_with_their_fix(settings):
    settings.ALLOWED_HOSTS = ["study.example.org"]
    findings = list(of_settings.system_checks())
    assert any(
        "without encryption" in finding.sentence and "FORETELL_HTTPS=1" in finding.remedy for finding in findings
    )
    (static,) = of_settings.static_files()
    assert static.is_bad == (not (settings.STATIC_ROOT / "staticfiles.json").is_file())


# --- the broker --------------------------------------------------------------------------------------------------


@contextmanager
def without_password(folder: Path) -> Iterator[str]:
    """A Valkey that everybody may use."""
    program = binaries_for(account_for(folder), folder).valkey
    port = any_free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        url = f"redis://127.0.0.1:{port}/0"
        assert wait_until(lambda: not is_free(port), 15)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def test_a_broker_that_is_away_is_told(settings):
    settings.REDIS_URL = f"redis://:secret@127.0.0.1:{any_free_port()}/0"
    (finding,) = processes.broker()
    assert finding.is_bad
    assert "participants notice nothing" in finding.sentence
    assert "secret" not in finding.line()


def test_a_wrong_password_is_told(settings):
    parts = urlsplit(os.environ["REDIS_URL"])
    settings.REDIS_URL = f"redis://:wrong@{parts.hostname}:{parts.port}/0"
    (finding,) = processes.broker()
    assert finding.is_bad
    assert "refuses the password" in finding.sentence


def test_a_broker_without_a_password_is_told(settings, tmp_path):
    with without_password(tmp_path) as url:
        settings.REDIS_URL = url
        (finding,) = processes.broker()
    assert (finding.mark, "without a password" in finding.sentence) == ("note", True)


def test_a_good_broker_is_fine(settings):
    settings.REDIS_URL = os.environ["REDIS_URL"]
    (finding,) = processes.broker()
    assert finding.mark == "ok"


# --- the command -------------------------------------------------------------------------------------------------


def test_the_command_ends_with_one_when_something_is_bad(capsys):
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", stdout=out)
    assert ended.value.code == 1
    assert "✗ No relay is running" in out.getvalue()
    assert "    → Start it: manage.py relay" in out.getvalue()


def test_the_command_speaks_to_monitors():
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", "--json", stdout=out)
    findings = json.loads(out.getvalue())
    assert {"name", "mark", "sentence", "remedy"} == set(findings[0])


def test_a_database_that_is_away_is_one_sentence(tmp_path):
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgresql://foretell@/foretell?host={tmp_path}",
        "FORETELL_DATA": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "✗ The database does not answer" in done.stdout
    assert "→ Start Postgres" in done.stdout
    assert "Traceback" not in done.stderr

"""A backup written while people answer, restored on an empty server: nothing is missing, and the site goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from django.conf import settings
from django.db import connections

from studyapp.actions.respond import record_response
from studyapp.embedded.ports import any_free_port
from studyapp.embedded.postgres import APP_ROLE
from studyapp.management.backups import backup
from studyapp.management.backups.backup import kept_files, table_contents, write_backup
from studyapp.management.backups.restore import hash_of
from studyapp.models import AuditEntry, Enrolment, Response
from studyapp.models.frozen import frozen_study
from studyapp.rehearsal.browser import Browser
from tests import factories
from tests.journeys.processes import Processes, database_url, wait_until
from tests.journeys.walking import allocated
from tests.journeys.walking import arrive as walk_in
from tests.promises.ledger import FULL
from tests.releases.conftest import RELEASES
from tests.releases.scratch import ROOT, run, scratch_database
from tests.studyapp.actions.test_whole_run import answer_for, arrive, run_through, submission

pytestmark = pytest.mark.django_db(transaction=True)

PASSPHRASE = "a passphrase of this test"
PASSWORD = "correct horse battery staple"
MANAGE = [sys.executable, "manage.py"]


@pytest.fixture
def data(settings, tmp_path) -> Path:
    """A data folder with weights as training leaves them."""
    settings.DATA_DIR = tmp_path / "data"
    for number in range(3):
        folder = settings.DATA_DIR / "predictors" / f"predictor-{number}"
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(bytes(range(256)) * 4000 * (number + 1))
        (folder / "card.json").write_text(json.dumps({"name": folder.name}))
    (settings.DATA_DIR / "secret_key").write_text("never in a backup")
    return settings.DATA_DIR


@contextmanager
def answering(study, n_people: int) -> Iterator[list[str]]:
    """People who answer all the time; yields the keys that were acknowledged so far."""
    acknowledged: list[str] = []
    done = threading.Event()

    def answer(number: int) -> None:
        frozen = frozen_study(study.frozen.pk)
        try:
            for person in range(10_000):
                enrolment = arrive(study, f"under-load-{number}-{person}")
                for step in frozen.steps(enrolment.order_seed):
                    if done.is_set():
                        return
                    sent = submission(step.position, answer_for(frozen, step))
                    enrolment = record_response(enrolment_id=enrolment.pk, submission=sent)
                    acknowledged.append(str(sent.key))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=answer, args=(number,)) for number in range(n_people)]
    for thread in threads:
        thread.start()
    try:
        yield acknowledged
    finally:
        done.set()
        for thread in threads:
            thread.join()


def environment(url: str, folder: Path) -> dict[str, str]:
    owner = urlsplit(url)
    app = owner._replace(netloc=f"{APP_ROLE}@{owner.hostname or ''}")
    return {
        "DATABASE_URL": app.geturl(),
        "DATABASE_OWNER_URL": url,
        "REDIS_URL": "",
        "FORETELL_DATA": str(folder),
        "FORETELL_SECRET_KEY": settings.SECRET_KEY,
        "FORETELL_BACKUP_PASSPHRASE": PASSPHRASE,
        "PYTHONPATH": str(ROOT),
    }


def files_of(folder: Path) -> dict[str, str]:
    return {name: hash_of(path) for name, path in kept_files(folder)}


@pytest.mark.promise(30)
def test_a_backup_under_load_comes_back_whole_and_the_site_goes_on(data, tmp_path, reached):
    researcher = factories.make_user("researcher@example.org", PASSWORD)
    study = factories.make_open(factories.make_lab(researcher))
    for number in range(3):
        run_through(arrive(study, f"before-{number}"))
    person = walk_in(factories.main_link(study), "goes-on")
    person.walk(until=allocated)
    with answering(study, 2) as acknowledged:
        wait_until(lambda: len(acknowledged) > 20, what="the first answers", seconds=60)
        before = list(acknowledged)
        manifest = write_backup(tmp_path / "backup", PASSPHRASE)
        wait_until(lambda: len(acknowledged) > len(before) + 5, what="answers after the backup", seconds=60)
    assert manifest.tables["studyapp_response"].rows < Response.objects.count(), "nobody answered meanwhile"

    with scratch_database(settings.DATABASE_URL) as url:
        elsewhere = environment(url, tmp_path / "restored")
        said = run([*MANAGE, "restore", str(tmp_path / "backup")], elsewhere)
        assert "every hash equal" in said
        assert "The audit trail is untouched" in said
        assert "The secret key opens what is sealed" in said
        assert files_of(tmp_path / "restored") == files_of(data) != {}
        assert not (tmp_path / "restored" / "secret_key").exists()
        missing = set(before) - keys_in(url)
        assert missing == set()
        assert torn_runs(url) == 0
        goes_on(person, elsewhere, tmp_path)
    reached(
        f"{manifest.rows:,} rows in {len(manifest.tables)} tables and {len(manifest.files)} files equal by hash, of "
        f"one moment under load; pages, sign-in and trail answer"
    )


def keys_in(url: str) -> set[str]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT key::text FROM studyapp_response")
        return {key for (key,) in cursor.fetchall()}


def torn_runs(url: str) -> int:
    """Runs whose place is not where their responses end: rows of two moments."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM studyapp_enrolment e WHERE position <> (SELECT count(*) FROM studyapp_response r "
            "WHERE r.enrolment_id = e.id)"
        )
        (count,) = cursor.fetchone()
        return int(count)


def goes_on(person, elsewhere: dict[str, str], folder: Path) -> None:
    """The restored site: ready, a person's next answer is taken, a researcher signs in and sees the study."""
    base = f"http://127.0.0.1:{any_free_port()}"
    processes = Processes(folder)
    try:
        processes.start(
            "web", "-m", "gunicorn", "studyapp.wsgi:application", "-c", "docker/gunicorn.conf.py",
            **elsewhere, FORETELL_BIND=base.removeprefix("http://"), FORETELL_BASE_URL=base, WEB_CONCURRENCY="1",
        )  # fmt: skip
        wait_until(lambda: ready(base), what="the restored site", seconds=60)
        browser = Browser(cookies={name: morsel.value for name, morsel in person.client.cookies.items()})
        page = browser.get(base + person.run)
        form = page.form_with("stamp")
        assert form is not None, page.text
        reply = browser.send(page, form, {"answer": next(iter(form.offers.get("answer", [""])))})
        assert reply.status == 200
        with closing(psycopg2.connect(elsewhere["DATABASE_OWNER_URL"])) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT position FROM studyapp_enrolment WHERE id = %s", [person.enrolment_id])
            assert cursor.fetchone() == (person.enrolment().position + 1,)
        assert "Sign out" in sign_in(base)
    finally:
        processes.stop()


def ready(base: str) -> bool:
    try:
        return Browser().get(f"{base}/readyz").status == 200
    except Exception:
        return False


def sign_in(base: str) -> str:
    browser = Browser(scripts=False)
    page = browser.get(f"{base}/sign-in/")
    form = page.form_with("password")
    assert form is not None
    name = next(name for name in form.values if name in {"login", "email", "username"})
    return browser.send(page, form, {name: "researcher@example.org", "password": PASSWORD}).text


@pytest.mark.control(30, "a dump without the files")
def test_a_backup_without_the_files_is_found(data, tmp_path, monkeypatch, reached):
    monkeypatch.setattr(backup, "KEPT_FOLDERS", ())
    write_backup(tmp_path / "backup", PASSPHRASE)
    monkeypatch.undo()
    with scratch_database(settings.DATABASE_URL) as url:
        run([*MANAGE, "restore", str(tmp_path / "backup")], environment(url, tmp_path / "restored"))
    missing = files_of(data).keys() - files_of(tmp_path / "restored").keys()
    assert len(missing) == 6
    reached(f"{len(missing)} of {len(files_of(data))} files are missing after the restore")


@pytest.mark.control(30, "tables read one after the other, without a snapshot")
def test_a_backup_of_many_moments_is_torn(data, tmp_path, monkeypatch, reached):
    study = factories.make_open()

    @contextmanager
    def no_snapshot() -> Iterator[None]:
        from django.db import transaction

        with transaction.atomic():
            yield

    slowly = backup.tables.write_table

    def slow_table(name, *args):  # type: ignore[no-untyped-def]
        if name == "studyapp_response":
            time.sleep(1)  # as long as the large tables of a large site take
        return slowly(name, *args)

    monkeypatch.setattr(backup, "one_snapshot", no_snapshot)
    monkeypatch.setattr(backup.tables, "write_table", slow_table)
    with answering(study, 2) as acknowledged:
        wait_until(lambda: len(acknowledged) > 10, what="the first answers", seconds=60)
        write_backup(tmp_path / "backup", PASSPHRASE)
    with scratch_database(settings.DATABASE_URL) as url:
        everything = {**os.environ, **environment(url, tmp_path / "restored")}
        command = [*MANAGE, "restore", str(tmp_path / "backup")]
        done = subprocess.run(command, cwd=ROOT, env=everything, capture_output=True, text=True)
        refused = "violates foreign key" in done.stderr
        n_torn = 0 if refused else torn_runs(url)
    assert refused or n_torn > 0
    reached("refused: responses without their enrolment" if refused else f"{n_torn} runs torn")


@pytest.mark.promise(30)
def test_a_drill_beside_the_running_site_leaves_nothing_and_is_remembered(data, tmp_path, reached):
    study = factories.make_open()
    run_through(arrive(study))
    here = environment(owners_database_url(), data)
    before = databases()
    started = time.monotonic()
    run([*MANAGE, "backup", str(tmp_path / "backup")], here)
    said = run([*MANAGE, "restore", "--drill", str(tmp_path / "backup")], here)
    assert "is ready" in said
    assert databases() == before
    verbs = AuditEntry.objects.filter(study=None, lab=None).values_list("verb", flat=True)
    assert {"backed up", "tried a restore"} <= set(verbs)
    assert Enrolment.objects.count() == 1
    reached(f"backup and drill in {time.monotonic() - started:.0f} s, up to a web server that is ready")


def owners_database_url() -> str:
    return urlsplit(settings.DATABASE_URL)._replace(path=urlsplit(database_url()).path).geturl()


def databases() -> set[str]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'foretell_drill%'")
        return {name for (name,) in cursor.fetchall()}


# --- size --------------------------------------------------------------------------------------------------------

MANY = """
INSERT INTO studyapp_response
    (enrolment_id, position, attempt, key, answer, body_sha256, response_ms, server_ms, trail, received_at)
SELECT e.id, 100 + n %% 1000, 2 + n / 1000, gen_random_uuid(), '{"choice": "More than $50,000"}', md5(n::text) ||
    md5((n + 1)::text), 1000 + n %% 5000, 1100, '{"changes": 1, "painted_ms": 12, "chosen_ms": 900}', now()
FROM (SELECT min(id) AS id FROM studyapp_enrolment) e, generate_series(1, %s) n
"""
# The peak of this program alone; `getrusage` would count the process that it was forked from.
MEASURED = """
import re, sys
sys.argv = ["manage.py", *sys.argv[1:]]
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
print("peak", int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024)
"""


@pytest.mark.skipif(not FULL, reason="size is shown in a full run")
@pytest.mark.promise(30)
def test_a_large_site_is_backed_up_and_restored_in_little_memory(tmp_path, reached):
    rows = 1_000_000
    with scratch_database(settings.DATABASE_URL) as url, scratch_database(settings.DATABASE_URL) as other:
        here = environment(url, tmp_path / "data") | {"DJANGO_SETTINGS_MODULE": "studyapp.settings"}
        key = {"FORETELL_SECRET_KEY": "another"}  # of the release's fixture; its own is not needed
        run([*MANAGE, "restore", "--other-key", str(RELEASES[0].backup)], {**here, **key})
        with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(MANY, [rows])
        started = time.monotonic()
        wrote = run([sys.executable, "-c", MEASURED, "backup", str(tmp_path / "large")], here)
        restored = run(
            [sys.executable, "-c", MEASURED, "restore", "--other-key", str(tmp_path / "large")],
            {**here, **environment(other, tmp_path), "FORETELL_DATA": str(tmp_path / "restored")},
        )
        seconds = time.monotonic() - started
        assert counted(other) == counted(url)
    peak = max(int(said.rpartition("peak ")[2]) for said in (wrote, restored))
    assert peak < 300
    assert seconds < 600
    reached(f"{rows:,} responses backed up and restored in {seconds:.0f} s, at most {peak} MB of memory")


def counted(url: str) -> int:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM studyapp_response")
        (count,) = cursor.fetchone()
        return int(count)


def test_a_quiet_database_and_its_backup_say_the_same(data, tmp_path):
    run_through(arrive(factories.make_open()))
    manifest = write_backup(tmp_path / "backup", PASSPHRASE)
    assert dict(manifest.tables) == table_contents()

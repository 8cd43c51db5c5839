"""Every released version's data, as its own code wrote them, mean the same after today's migrations."""

from __future__ import annotations

import json
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import psycopg2
import pytest
from django.conf import settings

from studyapp.embedded.ports import any_free_port
from tests.journeys.processes import Processes, wait_until
from tests.promises.ledger import scale
from tests.releases.conftest import RELEASES, Release, Site
from tests.releases.scratch import ROOT, run, scratch_database

MEANING = [sys.executable, str(ROOT / "tests" / "releases" / "meaning.py")]
MANAGE = [sys.executable, "manage.py"]
LONGEST_LOCK_S = 2.0


def differences(old: object, new: object, path: str = "") -> Iterator[str]:
    """Where the new does not say what the old said. What a later version says besides is no difference."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key, value in old.items():
            yield from differences(value, new.get(key), f"{path}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (left, right) in enumerate(zip(old, new, strict=True)):
            yield from differences(left, right, f"{path}[{number}]")
    elif old != new:
        yield f"{path}: {old!r} became {new!r}"


def said_by(meaning: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in meaning.items() if key not in {"runs", "version"}}


@pytest.mark.promise(31)
def test_the_rows_of_a_release_mean_the_same_after_the_upgrade(release, upgraded, reached):
    meaning = json.loads(run(MEANING, upgraded.environment))
    found = list(differences(said_by(release.meaning), meaning))
    assert found == []
    rows = sum(meaning["counts"].values())
    chain = run([*MANAGE, "verify_audit"], upgraded.environment).strip()
    assert "entries" in chain
    reached(f"{release.version}: {rows} rows, 0 changed in meaning; {chain}")


def test_there_is_a_fixture_of_every_release():
    """0.1.0 is the first; `make release-fixture` adds one at each release."""
    assert RELEASES[0].version == "0.1.0"
    assert all(release.meaning["version"] == release.version for release in RELEASES)


@pytest.mark.django_db  # to ask which roles the server has
@pytest.mark.promise(31)
def test_people_of_a_release_go_on_where_they_were(release, upgraded, tmp_path, reached):
    """With the cookies that the old version gave them."""
    processes = Processes(tmp_path)
    base = f"http://127.0.0.1:{any_free_port()}"
    try:
        processes.start(
            "web", "-m", "gunicorn", "studyapp.wsgi:application", "-c", "docker/gunicorn.conf.py",
            FORETELL_BIND=base.removeprefix("http://"), FORETELL_BASE_URL=base, WEB_CONCURRENCY="1",
            **upgraded.environment,
        )  # fmt: skip
        wait_until(lambda: _status(f"{base}/readyz") == 200, what="the upgraded site", seconds=60)
        runs = release.meaning["runs"]
        pages = [_page(base + run["address"], run["cookie"]) for run in runs]
        assert [page.count('name="stamp"') for page in pages] == [1] * len(runs)
    finally:
        processes.stop()
    reached(f"{release.version}: {len(runs)} of {len(runs)} people go on")


def _status(address: str) -> int:
    try:
        return int(urllib.request.urlopen(address, timeout=10).status)
    except OSError:
        return 0


def _page(address: str, cookie: list[str]) -> str:
    request = urllib.request.Request(address, headers={"Cookie": f"{cookie[0]}={cookie[1]}"})
    return urllib.request.urlopen(request, timeout=20).read().decode()


@pytest.mark.promise(31)
def test_models_and_migrations_agree(reached):
    said = run([*MANAGE, "makemigrations", "--check", "--dry-run"], {"PYTHONPATH": str(ROOT)})
    reached(f"makemigrations --check: {said.strip()}")


@pytest.mark.control(31, "a migration that changes what a row means")
def test_a_row_that_changed_its_meaning_is_found(release, upgraded, tmp_path, reached):
    name = urlsplit(upgraded.database_url).path.lstrip("/")
    with scratch_database(settings.DATABASE_URL, template=name) as url:
        with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute("ALTER TABLE studyapp_response DISABLE TRIGGER USER")
            cursor.execute("""UPDATE studyapp_response SET answer = '{"choice": "Negative"}' WHERE id IN (
                SELECT id FROM studyapp_response WHERE answer->>'choice' = 'Positive' ORDER BY id LIMIT 1)""")
            assert cursor.rowcount == 1
        meaning = json.loads(run(MEANING, Site(url, tmp_path).environment))
    found = list(differences(said_by(release.meaning), meaning))
    assert len(found) > 0
    reached(f"1 answer changed of {meaning['counts']['Response']}: seen, {found[0][:80]}")


# --- locks -----------------------------------------------------------------------------------------------------

MANY = """
INSERT INTO studyapp_response
    (enrolment_id, position, attempt, key, answer, body_sha256, response_ms, server_ms, trail, received_at)
SELECT e.id, 100 + n %% 100, 2 + n / 100, gen_random_uuid(), '{"choice": "read"}', repeat('0', 64), 1, 1, '{}', now()
FROM (SELECT min(id) AS id FROM studyapp_enrolment) e, generate_series(1, %s) n
"""
INSERT = """
INSERT INTO studyapp_decline (stage_id, declined_at) SELECT min(id), now() FROM studyapp_stage
"""


@pytest.mark.promise(31)
def test_an_upgrade_never_holds_the_responses_for_long(site, reached):
    """While today's migrations run over many rows of the oldest release, somebody reads and writes all the time."""
    rows = scale(full=100_000, quick=5_000)
    _at_release(RELEASES[0], site)
    with closing(psycopg2.connect(site.database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(MANY, [rows])
    longest, count = _waits_while(site, [*MANAGE, "migrate", "--noinput"])
    assert count > 10
    assert longest <= LONGEST_LOCK_S
    reached(f"{rows:,} rows: the longest of {count} reads and writes took {longest:.2f} s")


@pytest.mark.control(31, "a migration that rewrites the hot table under its lock")
def test_a_lock_held_over_the_responses_is_seen(site, reached):
    _at_release(RELEASES[0], site)
    hold = "ALTER TABLE studyapp_response ADD COLUMN extra int NOT NULL DEFAULT 0; SELECT pg_sleep(3)"
    program = "import os, psycopg2; psycopg2.connect(os.environ['DATABASE_URL']).cursor().execute(os.environ['HOLD'])"
    longest, _ = _waits_while(site, [sys.executable, "-c", program], HOLD=hold)
    assert longest > LONGEST_LOCK_S
    reached(f"the longest wait was {longest:.1f} s")


def _at_release(release: Release, site: Site) -> None:
    """The release's tables and rows, before today's migrations."""
    program = (
        "import django; django.setup(); from pathlib import Path; import sys\n"
        "from studyapp.management.backups import restore\n"
        "restore.upgrade = lambda: None\n"
        "restore.restore(Path(sys.argv[1]))"
    )
    environment = {**site.environment, "DJANGO_SETTINGS_MODULE": "studyapp.settings"}
    run([sys.executable, "-c", program, str(release.backup)], environment)


def _waits_while(site: Site, command: list[str], **environment: str) -> tuple[float, int]:
    """The longest wait of a reader and writer while a command runs, and how often it asked."""
    done = threading.Event()
    waits: list[float] = []

    def ask() -> None:
        with closing(psycopg2.connect(site.database_url)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            while not done.is_set():
                started = time.monotonic()
                cursor.execute("SELECT max(id) FROM studyapp_response")
                cursor.execute(INSERT)
                waits.append(time.monotonic() - started)
                time.sleep(0.01)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        run(command, {**site.environment, **environment})
    finally:
        done.set()
        thread.join()
    return max(waits), len(waits)

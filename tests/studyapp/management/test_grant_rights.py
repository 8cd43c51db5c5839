"""The application's role: every table listed, its rights given by `migrate`, and refused where it may do too much."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from studyapp import checks
from studyapp.embedded.postgres import APP_ROLE
from studyapp.models import grants
from tests.journeys.processes import database_url

ROOT = Path(__file__).resolve().parents[3]


def test_every_table_says_what_the_application_may_do_with_it() -> None:
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)} | {"django_migrations"}

    assert tables == set(grants.RIGHTS)


@pytest.mark.django_db
def test_the_owner_of_the_tables_may_do_too_much_and_a_public_site_does_not_start_so(settings) -> None:  # type: ignore[no-untyped-def]
    assert grants.excess_rights() == ["tables belong to it", "it may rewrite the audit trail"]
    assert "foretell.E022" not in [message.id for message in checks.database_checks()]

    settings.ALLOWED_HOSTS = ["study.example.org"]

    assert "foretell.E022" in [message.id for message in checks.database_checks()]


@pytest.mark.django_db
def test_the_applications_role_may_do_nothing_too_much() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM pg_class WHERE relowner = '{APP_ROLE}'::regrole")
        assert cursor.fetchone() == (0,)
    link = psycopg2.connect(database_url())
    with link.cursor() as cursor:
        cursor.execute(grants.EXCESS)
        assert cursor.fetchone() == (None, None, None, None)
    link.close()


def manage(*command: str, database: str) -> subprocess.CompletedProcess[str]:
    to = connection.settings_dict
    url = "postgresql://{}@/{}?host={}".format("{}", database, to["HOST"].replace("/", "%2F"))
    roles = {"DATABASE_URL": url.format(APP_ROLE), "DATABASE_OWNER_URL": url.format(to["USER"])}
    return subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, env={**os.environ, **roles}, capture_output=True, text=True
    )


@pytest.mark.django_db
def test_migrate_works_as_the_owner_and_leaves_the_application_its_rights() -> None:
    name = f"foretell_roles_{secrets.token_hex(4)}"
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        migrated = manage("migrate", database=name)
        again = manage("grant_rights", database=name)
        checked = manage("verify_audit", database=name)
        assert (migrated.returncode, again.returncode, checked.returncode) == (0, 0, 0), migrated.stderr + again.stderr
        assert f"The role {APP_ROLE} reads and writes rows and owns nothing." in migrated.stdout
        assert again.stderr == ""
    finally:
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_one_role_for_everything_is_refused_by_grant_rights_in_words() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "grant_rights"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "DATABASE_URL": settings.DATABASE_URL, "DATABASE_OWNER_URL": settings.DATABASE_URL},
    )  # fmt: skip
    assert done.returncode == 1
    assert "the application needs one of its own" in done.stderr

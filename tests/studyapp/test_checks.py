"""Unsafe settings do not start, and the message names the fix."""

from __future__ import annotations

import copy

import pytest
from django.conf import settings as real
from django.core.checks import ERROR, CheckMessage, Warning
from django.db import connection

from studyapp import checks
from studyapp.checks import database_checks, expected_triggers, refuse_unsafe_settings, refuse_unsafe_start
from tests.studyapp.unsafe import PUBLIC, UNSAFE, Unsafe


def ids() -> list[str]:
    return [message.id for message in refuse_unsafe_settings()]


def serious() -> dict[str, CheckMessage]:
    """What keeps a process from starting, but for the database's guards, by id."""
    return {message.id: message for message in checks.at_start() if message.level >= ERROR}


def lay_over(settings, *changes) -> None:  # type: ignore[no-untyped-def]
    for mapping in changes:
        for name, value in mapping.items():
            setattr(settings, name, value)


def test_the_settings_of_a_first_try_are_fine():
    assert ids() == []


def test_fewer_rows_than_any_explanation_can_do_with_are_refused(settings):
    settings.EXPLAIN_ROWS = 64
    assert ids() == []
    settings.EXPLAIN_ROWS = 63
    assert ids() == ["foretell.E023"]


def test_the_settings_of_a_public_site_are_fine(settings, monkeypatch):
    monkeypatch.setattr(checks, "database_checks", list)
    lay_over(settings, PUBLIC)
    assert serious() == {}


@pytest.mark.parametrize("unsafe", UNSAFE, ids=lambda unsafe: unsafe.name)
def test_each_unsafe_setting_of_a_public_site_is_refused(settings, monkeypatch, unsafe: Unsafe):
    monkeypatch.setattr(checks, "database_checks", list)
    lay_over(settings, PUBLIC, unsafe.changes)
    assert unsafe.refused_by in serious()


def does_not_start() -> bool:
    try:
        refuse_unsafe_start()
    except SystemExit:
        return True
    return False


def refused(settings) -> list[str]:  # type: ignore[no-untyped-def]
    """The names of the unsafe settings with which a process ends itself, and says how to mend it."""
    found = []
    for unsafe in UNSAFE:
        lay_over(settings, PUBLIC, {"DEBUG": False, "CACHES": real.CACHES, "USE_X_FORWARDED_HOST": False})
        before = {name: getattr(settings, name, None) for name in unsafe.changes}
        lay_over(settings, unsafe.changes)
        if does_not_start():
            found.append(unsafe.name)
        lay_over(settings, before)
    return found


@pytest.mark.promise(41)
def test_all_of_them_are_refused_with_the_fix_named(settings, monkeypatch, capsys, reached):
    monkeypatch.setattr(checks, "database_checks", list)
    names = refused(settings)
    said = capsys.readouterr().err
    assert names == [unsafe.name for unsafe in UNSAFE]
    assert said.count("      → ") >= len(UNSAFE)
    assert "→ None" not in said
    reached(f"{len(names)} of {len(UNSAFE)} unsafe settings end the process, each with what to do")


@pytest.mark.control(41, "checks that only warn")
def test_checks_that_only_warn_stop_nothing(settings, monkeypatch, reached):
    monkeypatch.setattr(checks, "database_checks", list)
    monkeypatch.setattr(checks, "Error", Warning)
    names = refused(settings)
    assert names == []
    reached(f"{len(names)} of {len(UNSAFE)} refused")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("ENGINE", "django.db.backends.sqlite3", "foretell.E004"),
        ("OPTIONS", {}, "foretell.E005"),
        ("ATOMIC_REQUESTS", True, "foretell.E006"),
    ],
)
@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_an_unsafe_database_is_refused(settings, key, value, expected):
    settings.DATABASES = copy.deepcopy({"default": {**real.DATABASES["default"], key: value}})
    assert ids() == [expected]


def test_http_is_taken_upon_oneself_in_words(settings, monkeypatch):
    monkeypatch.setattr(checks, "database_checks", list)
    http = {
        "HTTPS": False,
        "ALLOW_HTTP": True,
        "BASE_URL": "http://study.example.org",
        "SECURE_PROXY_SSL_HEADER": None,
        "SESSION_COOKIE_SECURE": False,
        "CSRF_COOKIE_SECURE": False,
        "SECURE_SSL_REDIRECT": False,
        "SECURE_HSTS_SECONDS": 0,
    }
    lay_over(settings, PUBLIC, http)
    assert serious() == {}
    assert ids() == ["foretell.W001"]


# --- what the database says ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_every_trigger_of_the_migrations_is_in_the_database():
    assert len(expected_triggers()) > 20
    assert ("never_changed", "studyapp_response") in expected_triggers()
    assert database_checks() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE studyapp_response DISABLE TRIGGER never_changed",
        "DROP TRIGGER never_changed ON studyapp_response",
    ],
)
def test_a_guard_that_is_off_or_gone_is_refused(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
    (found,) = database_checks()
    assert found.id == "foretell.E020"
    assert "never_changed on studyapp_response" in found.msg


@pytest.mark.django_db
def test_the_owner_of_the_tables_is_no_role_for_a_public_site(settings):
    lay_over(settings, PUBLIC)
    assert [message.id for message in database_checks()] == ["foretell.E022"]

"""The two questions of whoever runs the server."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection
from django.test import Client

from studyapp.views import health


def test_alive_asks_no_database(client: Client) -> None:
    # Without the mark django_db any query would fail this test.
    assert client.get("/livez").content == b"alive\n"


@pytest.mark.django_db
def test_ready_when_the_database_answers_with_every_migration(client: Client) -> None:
    health._require_migrations.cache_clear()

    response = client.get("/readyz")

    assert (response.status_code, response.content) == (200, b"ready\n")


@pytest.mark.django_db
def test_not_ready_while_a_migration_is_missing(client: Client) -> None:
    health._require_migrations.cache_clear()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'studyapp'")

    response = client.get("/readyz")

    assert response.status_code == 503
    assert b"migrations are not applied" in response.content


@pytest.mark.django_db
def test_not_ready_when_the_database_does_not_answer(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", refuse)

    assert client.get("/readyz").status_code == 503

"""The two questions of whoever runs the server."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from studyapp import queue
from studyapp.models import Job
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


@pytest.mark.django_db
def test_a_queue_that_stands_still_is_told_and_keeps_nobody_out(client: Client) -> None:
    job = queue.enqueue("report", queue=queue.ANALYSIS, args={})
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(hours=1))

    response = client.get("/readyz")

    assert response.status_code == 200
    assert b"but jobs wait: the oldest for 36" in response.content


@pytest.mark.django_db(transaction=True)
def test_while_the_database_is_away_people_are_asked_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(raise_request_exception=False)
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        patch.setitem(connection.settings_dict, "PORT", "1")  # nobody listens there
        away = client.get("/join/canary/")
        connection.close()

    assert (away.status_code, away["Retry-After"]) == (503, "10")
    assert "What you answered before is saved" in away.content.decode()
    assert client.get("/join/canary/").status_code == 404

"""Two questions of whoever runs the server: is the process alive, and can it serve participants?"""

from __future__ import annotations

from functools import lru_cache

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from studyapp.models.workings import oldest_due
from studyapp.views.doors import anyone

OLD_JOB_S = 300


@anyone("GET")
def livez(request: HttpRequest) -> HttpResponse:
    """The process answers. No database: a slow one must not make a supervisor kill healthy processes."""
    return _plain("alive")


@anyone("GET")
def readyz(request: HttpRequest) -> HttpResponse:
    """The database answers, takes writes and has every migration of this code.

    Jobs that wait too long are told in a second line and do not make it unready: participants need no worker, and a
    balancer that took every web process away for a stuck queue would lose them all. /metrics and doctor raise that
    alarm.
    """
    try:
        _require_writes()
        _require_migrations()
        oldest = max(oldest_due(timezone.now()).values(), default=0)
    except DatabaseError:
        return _plain("not ready: the database does not answer", status=503)
    except LookupError as error:
        return _plain(f"not ready: {error}", status=503)
    return _plain("ready" if oldest < OLD_JOB_S else f"ready\nbut jobs wait: the oldest for {int(oldest)} s")


def _require_writes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        if cursor.fetchone() == (True,):
            raise LookupError("the database is a standby and takes no answers")


@lru_cache(maxsize=1)
def _require_migrations() -> None:
    """Raise LookupError while migrations are missing. Once all are there they stay, so a yes is remembered."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise LookupError(f"{len(missing)} migrations are not applied")


def _plain(text: str, status: int = 200) -> HttpResponse:
    response = HttpResponse(text + "\n", content_type="text/plain; charset=utf-8", status=status)
    response["Cache-Control"] = "no-store"
    return response

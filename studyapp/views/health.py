"""Two questions of whoever runs the server: is the process alive, and can it do its work?"""

from __future__ import annotations

from functools import lru_cache

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse

from studyapp.views.doors import anyone


@anyone("GET")
def livez(request: HttpRequest) -> HttpResponse:
    """The process answers. No database: a slow one must not make a supervisor kill healthy processes."""
    return _plain("alive")


@anyone("GET")
def readyz(request: HttpRequest) -> HttpResponse:
    """The database answers and has every migration of this code."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        _require_migrations()
    except DatabaseError:
        return _plain("not ready: the database does not answer", status=503)
    except LookupError as error:
        return _plain(f"not ready: {error}", status=503)
    return _plain("ready")


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

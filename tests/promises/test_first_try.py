"""Promise 42: what a first try runs on is the real thing. There is one database everywhere, so every other test of
a promise is a test of the first try too; here stands what could still differ: its settings, and a burst on it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from django.conf import settings
from django.db import connection

from studyapp import embedded
from studyapp.models import Assignment
from tests import factories
from tests.journeys.arrivals import arrive_at_once, faults, percentile, tabs_of
from tests.journeys.conftest import web, web_address  # noqa: F401 (fixtures)
from tests.promises.ledger import Reached

DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "transaction_isolation": "read committed",
}


@pytest.fixture
def hasty() -> Iterator[str]:
    """An embedded server that was told to be quick instead of safe."""
    folder = Path(tempfile.mkdtemp(prefix="ft-", dir="/tmp"))
    folder.chmod(0o711)
    yield embedded.start(folder / "data", valkey=False, durable=False).database_url
    embedded.erase(folder / "data")
    shutil.rmtree(folder)


def unsafe(ask: Callable[[str], str]) -> dict[str, str]:
    """Settings of a server under which a promise would be an empty one."""
    found = {name: ask(name) for name in DURABLE}
    return {name: value for name, value in found.items() if value != DURABLE[name]}


def here(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return str(cursor.fetchone()[0])


@pytest.mark.promise(42)
def test_the_embedded_servers_keep_the_promises_for_fifty_at_once(web: str, reached: Reached) -> None:  # noqa: F811
    if "host=" not in os.environ["DATABASE_URL"]:
        pytest.skip("DATABASE_URL names a server of your own: these tests do not run on the embedded one")
    people = 25
    study = factories.make_open(document=factories.small_document(allocation={"capacity": people}))

    burst = arrive_at_once(tabs_of(factories.main_link(study), people))

    assert burst.errors == []
    assert faults(study, people, people) == []
    assert Assignment.objects.count() == people
    assert unsafe(here) == {}
    assert settings.DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql"
    waited = percentile(burst.allocations, 0.95)
    reached(f"{2 * people} tabs at once: 0 faults, p95 {waited:.1f} s; {', '.join(sorted(DURABLE))} as in production")


@pytest.mark.control(42, "a server that is quick instead of safe")
def test_an_embedded_server_that_is_not_durable_is_seen(hasty: str, reached: Reached) -> None:
    with closing(psycopg2.connect(hasty)) as connected, connected.cursor() as cursor:

        def ask(name: str) -> str:
            cursor.execute(f"SHOW {name}")
            return str(cursor.fetchone()[0])

        found = unsafe(ask)
    assert "fsync" in found
    reached(f"seen: {found}")

"""Journeys cross process borders: the tests' database, real web processes, relay and workers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.processes import Processes


@pytest.fixture(scope="session")
def web_address(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory, django_db_blocker) -> Iterator[str]:  # type: ignore[no-untyped-def]
    """Two gunicorn processes on the tests' database, for all journeys."""
    processes = Processes(tmp_path_factory.mktemp("web"))
    try:
        with django_db_blocker.unblock():
            base = processes.web()
        yield base
    finally:
        processes.stop()


@pytest.fixture
def web(transactional_db: None, web_address: str, settings) -> str:  # type: ignore[no-untyped-def]
    """The address at which the pages are served; links made here lead there."""
    settings.BASE_URL = web_address
    return web_address


@pytest.fixture
def processes(transactional_db: None, tmp_path) -> Iterator[Processes]:  # type: ignore[no-untyped-def]
    """Relay and workers of this test alone, whose lease runs out in seconds."""
    made = Processes(tmp_path, {"DJANGO_SETTINGS_MODULE": "tests.journeys.quick_settings"})
    try:
        yield made
    finally:
        made.stop()

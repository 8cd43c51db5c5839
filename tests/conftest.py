"""Fixtures of every test. The servers are started by studyapp/embedded/for_tests.py."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests import order
from tests.promises import ledger, recorder

pytest_collection_modifyitems = order.pytest_collection_modifyitems
pytest_configure = recorder.pytest_configure
pytest_runtest_makereport = recorder.pytest_runtest_makereport
pytest_runtest_logreport = recorder.pytest_runtest_logreport
pytest_sessionfinish = recorder.pytest_sessionfinish
pytest_terminal_summary = recorder.pytest_terminal_summary

# No example is too slow: machines are shared, and speed belongs in a benchmark.
settings.register_profile("foretell", deadline=None)
settings.load_profile("foretell")


@pytest.fixture
def reached(request: pytest.FixtureRequest) -> ledger.Reached:
    """Tells what a test of a promise reached: `reached("0 of 500 lost, 12 kills")`."""
    return recorder.reached_of(request.node)


@pytest.fixture(autouse=True)
def _fresh_process_memory() -> None:
    """What a process keeps of frozen studies belongs to rows that the last test rolled back."""
    from studyapp.models import frozen

    for kept in (frozen.frozen_study, frozen._design_id, frozen._steps, frozen.arm_explanations):
        kept.cache_clear()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker) -> None:  # type: ignore[no-untyped-def]
    """The tests' own process is the tables' owner; processes that it starts are the application, with its rights."""
    from studyapp.embedded.postgres import APP_ROLE
    from studyapp.models import grants

    with django_db_blocker.unblock():
        if grants.role_exists(APP_ROLE):
            grants.grant_rights(APP_ROLE)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Let the flush between transactional tests empty tables that the application never may."""
    from django.db.backends.postgresql.operations import DatabaseOperations

    from tests.flush import sql_flush

    DatabaseOperations.sql_flush = sql_flush

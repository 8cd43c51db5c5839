"""Fixtures of every test. The servers are started by studyapp/embedded/for_tests.py."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _fresh_process_memory() -> None:
    """What a process keeps of frozen studies belongs to rows that the last test rolled back."""
    from studyapp.models import frozen

    for kept in (frozen.frozen_study, frozen._design_id, frozen._steps, frozen.arm_explanations):
        kept.cache_clear()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Let the flush between transactional tests empty tables that the application never may."""
    from django.db.backends.postgresql.operations import DatabaseOperations

    plain = DatabaseOperations.sql_flush

    def sql_flush(self, style, tables, **options):  # type: ignore[no-untyped-def]
        def all_triggers(verb: str) -> list[str]:
            return [f"ALTER TABLE {self.quote_name(table)} {verb} TRIGGER USER" for table in tables]

        return [*all_triggers("DISABLE"), *plain(self, style, tables, **options), *all_triggers("ENABLE")]

    DatabaseOperations.sql_flush = sql_flush


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """When two processes share the tests: what shares costly fixtures, or the one Valkey, stays in one of them."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(Path(nodeid.partition("::")[0]))

    return ByGroup(config, log)


def group_of(path: Path) -> str:
    """The name of the tests that must run in the same process as those of this file."""
    if "journeys" in path.parts or "rehearsal" in path.parts:
        return "journeys"
    return next((part for part in path.parts if part in {"analysis", "contracts", "explainers"}), str(path))

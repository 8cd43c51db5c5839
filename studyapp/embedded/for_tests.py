"""A pytest plugin: the embedded servers run before Django reads its settings, unless DATABASE_URL names others.

Named in `addopts`, since a conftest is read after pytest-django has read the settings.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from studyapp.embedded import start, stop

ROOT = Path(__file__).resolve().parents[2]
_started: list[Path] = []


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """Start the servers in a folder of the tests' own, so that a demo beside them keeps its data."""
    if "DATABASE_URL" not in os.environ:
        data = Path(os.environ.get("FORETELL_TEST_DATA", ROOT / ".foretell" / "tests")).absolute()
        data.mkdir(parents=True, exist_ok=True)
        services = start(data)
        if services.started_here:
            _started.append(data)
        os.environ["DATABASE_URL"] = services.database_url
        os.environ["REDIS_URL"] = services.redis_url or ""
        os.environ["FORETELL_DATA"] = str(data)
        os.environ["FORETELL_SECRET_KEY"] = "a secret of the tests alone, long enough to be one"  # noqa: S105
    return (yield)


def pytest_unconfigure() -> None:
    """Stop what this run started."""
    while _started:
        stop(_started.pop())

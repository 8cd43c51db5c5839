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
# Where several processes test at once (pytest -n), each is told its name and has servers of its own.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
OURS = "FORETELL_TEST_SERVERS"  # set for the processes that we start: the servers in their environment are not a wish
_started: list[Path] = []


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """Start servers in a folder of the tests' own, so that a demo beside them keeps its data, and so does a process."""
    if "DATABASE_URL" not in os.environ or (WORKER and OURS in os.environ):
        data = Path(os.environ.get("FORETELL_TEST_DATA", ROOT / ".foretell" / "tests")).absolute() / WORKER
        data.mkdir(parents=True, exist_ok=True)
        services = start(data)
        if services.started_here:
            _started.append(data)
        os.environ[OURS] = "1"
        os.environ["DATABASE_URL"] = services.database_url
        os.environ["REDIS_URL"] = services.redis_url or ""
        os.environ["FORETELL_DATA"] = str(data)
        os.environ["FORETELL_SECRET_KEY"] = "a secret of the tests alone, long enough to be one"  # noqa: S105
    return (yield)


def pytest_unconfigure() -> None:
    """Stop what this run started."""
    while _started:
        stop(_started.pop())

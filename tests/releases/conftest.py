"""Released versions and the servers that their fixtures are restored on."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.releases.scratch import ROOT, SECRET, run, scratch_database

FIXTURES = ROOT / "tests" / "fixtures" / "releases"


@dataclass(frozen=True)
class Release:
    """A released version: a backup of what its own code wrote, and what that meant to it."""

    version: str
    backup: Path

    @property
    def meaning(self) -> dict[str, Any]:
        with gzip.open(self.backup.with_suffix(".meaning.json.gz"), "rt", encoding="utf-8") as file:
            document: dict[str, Any] = json.load(file)
        return document


RELEASES = [Release(path.stem, path) for path in sorted(FIXTURES.glob("*.backup"))]


@dataclass
class Site:
    """A database and a data folder of a test's own."""

    database_url: str
    folder: Path
    environment: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.environment = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": "",
            "FORETELL_DATA": str(self.folder),
            "FORETELL_SECRET_KEY": SECRET,
            "PYTHONPATH": str(ROOT),
        }


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Empty."""
    with scratch_database(settings.DATABASE_URL) as url:
        yield Site(url, tmp_path / "data")


@pytest.fixture(params=RELEASES, ids=lambda release: release.version, scope="module")
def release(request: pytest.FixtureRequest) -> Release:
    found: Release = request.param
    return found


@pytest.fixture(scope="module")
def upgraded(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A release's rows after today's migrations; to be read, not changed."""
    with scratch_database(settings.DATABASE_URL) as url:
        site = Site(url, tmp_path_factory.mktemp("upgraded"))
        run([sys.executable, "manage.py", "restore", str(release.backup)], site.environment)
        yield site

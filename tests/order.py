"""The order of files where several processes test side by side: what waits beside what computes, and nothing long last.

A file goes whole to the process that is free next (`--dist loadfile --no-loadscope-reorder`). In the order of their
names the suites that start processes come last and together: first nobody waits and then everybody does, and at the end
one process runs a file of minutes while the others have nothing left.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WAITING = ("tests/torture/", "tests/journeys/", "tests/hostile/", "tests/promises/", "tests/releases/")
# What others use: the demo takes over the predictors that are trained there.
FIRST = "tests/explainers/test_demo_predictors.py"
# Of those that wait the ones of a minute and more, the longest first. A file that is missing here costs time alone.
LONGEST = (
    "tests/torture/test_storm.py",
    "tests/torture/test_jobs.py",
    "tests/journeys/test_participant_run.py",
    "tests/journeys/test_demo.py",
    "tests/torture/test_deploys.py",
    "tests/torture/test_clocks.py",
    "tests/journeys/test_researcher_pages.py",
    "tests/journeys/test_participant_network.py",
    "tests/journeys/test_participant_offline.py",
    "tests/journeys/test_researcher_run.py",
    "tests/hostile/test_stored_scripts.py",
    "tests/hostile/test_fuzz.py",
    "tests/torture/test_answers.py",
    "tests/journeys/test_backup.py",
    "tests/promises/test_blindness.py",
    "tests/journeys/test_whole_path.py",
)


@pytest.hookimpl(trylast=True)  # after pytest-django, whose order within a file stays
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not hasattr(config, "workerinput"):
        return
    files = [item.path.relative_to(ROOT).as_posix() for item in items]
    place = {name: place for place, name in enumerate(side_by_side(list(dict.fromkeys(files))))}
    items[:] = [item for _, item in sorted(zip(files, items, strict=True), key=lambda pair: place[pair[0]])]


def side_by_side(files: Sequence[str]) -> list[str]:
    """The files that wait, the longest first, spread evenly among those that compute, after FIRST."""
    waiting = sorted((name for name in files if name.startswith(WAITING)), key=_length)
    computing = [name for name in files if not name.startswith(WAITING) and name != FIRST]
    places = {name: (place + 0.5) / len(some) for some in (waiting, computing) for place, name in enumerate(some)}
    return [name for name in files if name == FIRST] + sorted(places, key=lambda name: places[name])


def _length(name: str) -> int:
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)

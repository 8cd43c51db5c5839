"""pytest hooks that note what each test of a promise showed; a full run writes the page of docs/."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.promises.ledger import MODE, Reached, Run, Shown, read_run, shown_from
from tests.promises.page import render

ROOT = Path(__file__).resolve().parents[2]
PAGE, RECORD = ROOT / "docs" / "promises.md", ROOT / "docs" / "promises.json"

SAID = pytest.StashKey[list[tuple[str, int | None]]]()
PROPERTY = "promise"  # of a test's report, which reaches the process that writes the page from wherever it ran
shown: list[Shown] = []


def pytest_configure(config: pytest.Config) -> None:
    shown.clear()


def reached_of(node: pytest.Item) -> Reached:
    said = node.stash.setdefault(SAID, [])

    def reached(text: str, promise: int | None = None) -> None:
        said.append((text, promise))

    return reached


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    marks = [mark for mark in item.iter_markers() if mark.name in {"promise", "control"}]
    decided = report.when == "call" or report.outcome != "passed"
    for mark in marks if decided else ():
        entry = Shown(
            number=mark.args[0],
            kind=mark.name,
            test=item.nodeid,
            broken=mark.args[1] if mark.name == "control" else "",
            reached=tuple(text for text, only in item.stash.get(SAID, []) if only in {None, mark.args[0]}),
            outcome=report.outcome,
            seconds=round(report.duration, 1),
            scale=MODE,
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            commit=_commit(),
        )
        report.user_properties.append((PROPERTY, asdict(entry)))
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    shown.extend(shown_from(said) for name, said in report.user_properties if name == PROPERTY)


def pytest_sessionfinish(session: pytest.Session) -> None:
    is_one_of_several = hasattr(session.config, "workerinput")
    if not MODE or not shown or is_one_of_several:
        return
    before = read_run(json.loads(RECORD.read_text())) if RECORD.exists() else Run("", "", ())
    run = Run(version("foretell"), _machine(), before.with_newer(shown))
    RECORD.write_text(json.dumps(run.document(), indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(render(run))


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:  # type: ignore[no-untyped-def]
    told = [entry for entry in shown if entry.reached]
    if told:
        terminalreporter.section("promises: what was reached")
        for entry in sorted(told, key=lambda entry: (entry.number, entry.kind)):
            terminalreporter.line(f"{entry.number:>2} {entry.kind:<8} {entry.outcome:<7} {'; '.join(entry.reached)}")


@lru_cache
def _commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return found.stdout.strip() or "unknown"


def _machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"

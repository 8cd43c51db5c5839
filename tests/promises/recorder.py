"""pytest hooks that note what each test of a promise showed; a full run writes the page of docs/."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.promises.ledger import FULL, Reached, Run, Shown, render

ROOT = Path(__file__).resolve().parents[2]
PAGE, RECORD = ROOT / "docs" / "promises.md", ROOT / "docs" / "promises.json"

SAID = pytest.StashKey[list[str]]()
SHOWN = pytest.StashKey[list[Shown]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SHOWN] = []


def reached_of(node: pytest.Item) -> Reached:
    said = node.stash.setdefault(SAID, [])
    return said.append


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    marks = [mark for mark in item.iter_markers() if mark.name in {"promise", "control"}]
    decided = report.when == "call" or report.outcome != "passed"
    for mark in marks if decided else ():
        item.config.stash[SHOWN].append(
            Shown(
                number=mark.args[0],
                kind=mark.name,
                test=item.nodeid,
                broken=mark.args[1] if mark.name == "control" else "",
                reached=tuple(item.stash.get(SAID, [])),
                outcome=report.outcome,
                seconds=round(report.duration, 1),
            )
        )
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    shown = session.config.stash[SHOWN]
    if not FULL or not shown:
        return
    run = Run(
        version=version("foretell"),
        commit=_commit(),
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        machine=_machine(),
        shown=tuple(sorted(shown, key=lambda entry: (entry.number, entry.kind, entry.test))),
    )
    RECORD.write_text(json.dumps(run.document(), indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(render(run))


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:  # type: ignore[no-untyped-def]
    shown = [entry for entry in config.stash[SHOWN] if entry.reached]
    if shown:
        terminalreporter.section("promises: what was reached")
        for entry in sorted(shown, key=lambda entry: (entry.number, entry.kind)):
            terminalreporter.line(f"{entry.number:>2} {entry.kind:<8} {entry.outcome:<7} {'; '.join(entry.reached)}")


def _commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return found.stdout.strip() or "unknown"


def _machine() -> str:
    import os

    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"

"""The ledger itself: no promise without a test and a control, and a page that is what the runs wrote."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.promises.ledger import PROMISES, Promise, Run, Shown, read_run
from tests.promises.page import render
from tests.promises.recorder import PAGE, RECORD, ROOT

MARK = re.compile(r"pytest\.mark\.(promise|control)\((\d+)")


def marked(kind: str, sources: list[Path]) -> Counter[int]:
    """How often each promise is marked with a kind in the sources."""
    found = (match for source in sources for match in MARK.finditer(source.read_text()))
    return Counter(int(match[2]) for match in found if match[1] == kind)


@pytest.mark.parametrize("kind", ["promise", "control"])
def test_every_promise_has_a_test_and_a_control(kind: str) -> None:
    sources = [path for path in (ROOT / "tests").rglob("test_*.py") if path.name != "test_ledger.py"]
    assert sorted(marked(kind, sources)) == [promise.number for promise in PROMISES]


def test_promises_are_numbered_from_one() -> None:
    assert [promise.number for promise in PROMISES] == list(range(1, 43))


def test_the_page_is_the_record_of_the_last_runs() -> None:
    run = read_run(json.loads(RECORD.read_text()))
    assert PAGE.read_text() == render(run)
    assert {entry.number for entry in run.shown} <= {promise.number for promise in PROMISES}


def test_the_record_names_only_tests_that_are_there() -> None:
    run = read_run(json.loads(RECORD.read_text()))
    gone = [entry.test for entry in run.shown if not is_there(entry.test)]
    assert gone == []


def is_there(test: str) -> bool:
    path, _, name = test.partition("::")
    source = ROOT / path
    return source.exists() and f"def {name.partition('[')[0].rpartition('::')[2]}(" in source.read_text()


def test_a_run_of_one_promise_leaves_the_rows_of_the_others() -> None:
    old, other = Shown(1, "promise", "a", outcome="failed"), Shown(2, "promise", "b", outcome="passed")
    new = Shown(1, "promise", "a", outcome="passed")
    assert Run("1", "here", (old, other)).with_newer([new]) == (new, other)


def test_smaller_numbers_never_take_the_place_of_the_promised_ones() -> None:
    full = Shown(1, "promise", "a", outcome="passed", scale="full")
    small = Shown(1, "promise", "a", outcome="passed", scale="quick")
    assert Run("1", "here", (full,)).with_newer([small]) == (full,)
    assert Run("1", "here", (small,)).with_newer([full]) == (full,)


def entry(number: int, kind: str, test: str, outcome: str = "passed", **more: object) -> Shown:
    return Shown(number, kind, f"tests/test_a.py::{test}", outcome=outcome, date="today", commit="abc", **more)  # type: ignore[arg-type]


def test_a_promise_without_a_test_and_a_control_that_stayed_green_are_named() -> None:
    promises = (Promise(1, "Kept.", "all"), Promise(2, "Forgotten.", "all"), Promise(3, "Sound.", "all"))
    shown = (
        entry(1, "promise", "test_kept", reached=("10 of 10",)),
        entry(1, "control", "test_broken", "failed", broken="no lock"),
        entry(3, "promise", "test_sound", reached=("5 of 5",), scale="quick"),
        entry(3, "control", "test_unsound", broken="no key", reached=("2 lost",)),
    )
    page = render(Run("1", "here", shown), promises)
    assert "| [1](#1) | Kept. | **no** | 1 | 0 of 1 |" in page
    assert "| [2](#2) | Forgotten. | **not shown** | 0 | 0 of 0 |" in page
    assert "| [3](#3) | Sound. | yes *(smaller numbers)* | 1 | 1 of 1 |" in page
    assert "- 10 of 10\n- Broken on purpose: no lock: **failed**\n" in page
    assert "- 5 of 5 *(smaller numbers)*\n- Broken on purpose: no key: turned red (2 lost)\n" in page
    assert "`test_a.py::test_kept` passed (today abc)" in page


def test_many_cases_of_one_test_are_told_by_one_of_them_and_their_outcomes() -> None:
    outcomes = ("passed", "passed", "failed", "passed")
    cases = [entry(1, "promise", f"test_all[{n}]", out, reached=(f"case {n}",)) for n, out in enumerate(outcomes)]
    page = render(Run("1", "here", tuple(cases)), [Promise(1, "Kept.", "all")])
    assert "- 4 cases, such as: case 0\n" in page
    assert "`test_a.py::test_all` 1 failed, 3 passed (today abc)" in page

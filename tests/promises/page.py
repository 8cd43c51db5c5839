"""docs/promises.md: what a site reads, checks, repeats and signs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.promises.ledger import PROMISES, Promise, Run, Shown

MANY = 4  # cases of one test that are told one by one; of more, the first stands for all
SIGNED = "Checked at this site by ______________________   on ______________   signature ______________________"


@dataclass(frozen=True)
class Group:
    """What the cases of one test showed, a parametrized test having many."""

    test: str
    broken: str
    cases: tuple[Shown, ...]

    @property
    def is_kept(self) -> bool:
        return all(case.outcome == "passed" for case in self.cases)

    @property
    def is_small(self) -> bool:
        return any(case.scale == "quick" for case in self.cases)

    @property
    def outcome(self) -> str:
        counted = Counter(case.outcome for case in self.cases)
        if len(self.cases) == 1:
            return self.cases[0].outcome
        return ", ".join(f"{n} {outcome}" for outcome, n in sorted(counted.items()))

    @property
    def reached(self) -> tuple[str, ...]:
        said = tuple(dict.fromkeys(text for case in self.cases for text in case.reached))
        if len(self.cases) < MANY or not said:
            return said
        return (f"{len(self.cases)} cases, such as: {said[0]}",)

    @property
    def when(self) -> str:
        return ", ".join(sorted({f"{case.date} {case.commit}" for case in self.cases}))


def render(run: Run, promises: Sequence[Promise] = PROMISES) -> str:
    """The page: an overview, then each promise with its numbers, tests and controls."""
    overview = [_row(promise, run) for promise in promises]
    parts = [line for promise in promises for line in _part(promise, run)]
    lines = [
        "# Promises, and what shows them",
        "",
        f"Foretell {run.version}, {run.machine}. Made by `make promises`, which runs every test below at its full"
        " number and writes this page; it is not edited by hand. A control breaks the rule on purpose; it counts only"
        " when the check of the promise then fails. *(smaller numbers)*: the last run of this test was one of"
        " `make test`'s size, not of the promised one.",
        "",
        "| # | promise | kept | tests | controls that turned red |",
        "|--:|---|---|--:|--:|",
        *overview,
        "",
        *parts,
        SIGNED,
        "",
    ]
    return "\n".join(lines)


def groups(run: Run, number: int, kind: str) -> list[Group]:
    """The tests of a promise, the cases of each together, in the order of the record."""
    found: dict[tuple[str, str], list[Shown]] = {}
    for entry in run.shown:
        if (entry.number, entry.kind) == (number, kind):
            name = entry.test.removeprefix("tests/").partition("[")[0]
            found.setdefault((name, entry.broken), []).append(entry)
    return [Group(test, broken, tuple(cases)) for (test, broken), cases in found.items()]


def _row(promise: Promise, run: Run) -> str:
    tests, controls = (groups(run, promise.number, kind) for kind in ("promise", "control"))
    cells = (
        f"[{promise.number}](#{promise.number})",
        promise.text,
        _kept(tests, controls),
        str(sum(len(group.cases) for group in tests)),
        f"{sum(case.outcome == 'passed' for group in controls for case in group.cases)}"
        f" of {sum(len(group.cases) for group in controls)}",
    )
    return "| " + " | ".join(cells) + " |"


def _kept(tests: Sequence[Group], controls: Sequence[Group]) -> str:
    if not tests or not controls:
        return "**not shown**"
    if not all(group.is_kept for group in (*tests, *controls)):
        return "**no**"
    return "yes *(smaller numbers)*" if any(group.is_small for group in tests) else "yes"


def _part(promise: Promise, run: Run) -> Iterable[str]:
    tests, controls = (groups(run, promise.number, kind) for kind in ("promise", "control"))
    yield f'<h2 id="{promise.number}">{promise.number}. {promise.text}</h2>'
    yield ""
    yield f"Target: {promise.target}"
    yield ""
    yield from (f"- {line}" for group in tests for line in _reached(group))
    yield from (f"- Broken on purpose: {_control(group)}" for group in controls)
    if not tests or not controls:
        yield "- **Without a test or a control.**"
    yield ""
    yield from (f"`{group.test}` {group.outcome} ({group.when})  " for group in (*tests, *controls))
    yield ""


def _reached(group: Group) -> Iterable[str]:
    small = " *(smaller numbers)*" if group.is_small else ""
    return (f"{text}{small}" for text in group.reached)


def _control(group: Group) -> str:
    said = f" ({'; '.join(group.reached)})" if group.reached else ""
    return f"{group.broken}: {'turned red' if group.is_kept else f'**{group.outcome}**'}{said}"

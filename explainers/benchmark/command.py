"""`python -m explainers bench`: explanations a second beside what the bare passes would allow."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from explainers.benchmark.limits import BARE_PASSES, MOST_ITEMS, WORKS, Row, Subject, limit_row, measured
from explainers.commands.options import Commands, Trained, add_command, find_trained, names
from explainers.errors import ArtifactError
from explainers.folders import write_whole
from explainers.predictors import PREDICTORS
from explainers.predictors.fit import single_thread
from explainers.types import ItemRequest

NAME = "bench"
HEADING = f"{'case':12} {'what':40} {'ours':>10} {'theirs':>10} {'ratio':>7}  against, unit"
_DESCRIPTION = """\
Time methods on held-out items, on one thread, beside the passes through the predictor that they cannot do without:
a ratio of 1 is the floor. Predictors that are missing are trained first, and a line on stderr says so. All methods on
all predictors take some minutes. A file that is there keeps its other lines."""
_EXAMPLES = """\
examples:
  python -m explainers bench --out bench/explainers.json
  python -m explainers bench --method lime --method saliency --predictor adult-mlp"""


def add_parser(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    command = add_command(
        commands,
        NAME,
        text="time methods beside the passes through the predictor that they need",
        description=_DESCRIPTION,
        below=[names("methods", WORKS), _EXAMPLES],
    )
    text = "as often as you like; all unless given"
    command.add_argument("--method", action="append", choices=WORKS, metavar="NAME", help=f"one of those below, {text}")
    command.add_argument("--predictor", action="append", metavar="NAME", help=f"a name, a material or a folder, {text}")
    command.add_argument("--out", type=Path, metavar="FILE", help="write the lines as JSON too")


def run(options: argparse.Namespace) -> None:
    """Measure, print each line as it comes, write the file; raises ExplainerError or OSError."""
    found = []
    with single_thread():
        print(HEADING, flush=True)
        for name in options.predictor or PREDICTORS:
            for row in limit_rows(subject(name), options.method):
                found.append(row)
                print(line(row), flush=True)
    if options.out is not None:
        written(options.out, found, keep=True)


def subject(name: str) -> Subject:
    """The trained predictor, trained now if need be, with held-out items."""
    print(f"{name} ...", file=sys.stderr, flush=True)
    trained = find_trained(name)
    return Subject(trained.card.name, trained.predictor, _requests(trained))


def _requests(trained: Trained) -> tuple[ItemRequest, ...]:
    return tuple(ItemRequest(item, seed=place) for place, item in enumerate(trained.held_out()[:MOST_ITEMS]))


def limit_rows(subject: Subject, methods: Sequence[str] | None = None) -> Iterator[Row]:
    """A line for each method that explains this predictor."""
    for method in measured(subject, methods or tuple(WORKS)):
        yield limit_row(subject, method)


def line(row: Row) -> str:
    """A row as a line under `HEADING`."""
    numbers = f"{row.ours:10.3g} {row.theirs:10.3g} {row.ratio:7.2f}"
    return f"{row.case:12} {row.what:40} {numbers}  {row.peer}, {row.unit}"


def written(path: Path, new: Sequence[Row], *, keep: bool = False) -> None:
    """Write the rows, with the file's rows that were not measured again if asked to keep them.

    Raises
    ------
    ArtifactError
        When the file there is of another kind.
    """
    rows = [*(_stay(path, new) if keep else []), *new]
    order = {name: place for place, name in enumerate(PREDICTORS)}
    rows.sort(key=lambda row: order.get(row.case, len(order)))
    write_whole(path, (json.dumps([asdict(row) for row in rows], indent=1) + "\n").encode())


def _stay(path: Path, new: Sequence[Row]) -> list[Row]:
    again = {_measured_as(row) for row in new}
    try:
        before = [Row(**row) for row in json.loads(path.read_text("utf-8"))] if path.exists() else []
    except (ValueError, TypeError) as error:
        raise ArtifactError(f"{path}: lines of this command were expected ({error}); name another file") from error
    return [row for row in before if row.peer != BARE_PASSES or _measured_as(row) not in again]


def _measured_as(row: Row) -> tuple[str, str]:
    method, *rest = row.what.split(", ")
    return row.case, ", ".join([method, *(part for part in rest if part.endswith("a call"))])

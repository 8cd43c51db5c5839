"""The table of rates, as JSON and as a page."""

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scipy import stats

from bench.calibration.checks import Check, Group, Kind
from bench.calibration.groups import GROUPS
from bench.calibration.run import ROOT, Columns, fingerprint

COMMAND = "make calibration"
ALONE = "python -m bench.calibration --only GROUP --seed SEED"
TITLES: Mapping[Kind, tuple[str, str]] = {
    "size": (
        "Tests where nothing is to be found",
        "The share of studies in which a test at 5 % rejects what is true (two-sided, where it has two sides). "
        "Expected: 0.035 to 0.065; a test that is marked conservative may be below.",
    ),
    "coverage": (
        "Intervals",
        "The share of 95 % intervals that hold the truth. Expected: 0.935 to 0.965; one that is marked conservative "
        "may be above.",
    ),
    "power": ("Power", "The share of studies in which the effect that is there is found, all by the same studies."),
    "control": (
        "Wrong on purpose",
        "Tests that are known to be wrong; the bench must see it: expected above 0.065.",
    ),
}


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Parameters
    ----------
    group, key, title, kind, is_conservative
        What was tried; see `Check`.
    n_studies : int
    n_without : int
        Studies in which there was no answer, such as a model without a maximum. They count as no rejection; an
        interval that is not there is not counted.
    rate : float
    low, high : float
        95 % interval of the rate for the number of studies (Clopper & Pearson 1934, Biometrika 26).
    is_kept : bool
        Whether the rate is as expected.
    """

    group: str
    key: str
    title: str
    kind: Kind
    is_conservative: bool
    n_studies: int
    n_without: int
    rate: float
    low: float
    high: float
    is_kept: bool


def rows_of(group: Group, columns: Columns) -> list[Row]:
    """Return a group's lines."""
    return [_row(group, key, check, columns[key]) for key, check in group.checks.items()]


def _row(group: Group, key: str, check: Check, answers: Sequence[bool | None]) -> Row:
    hits, without = sum(answer is True for answer in answers), sum(answer is None for answer in answers)
    of = len(answers) - (without if check.kind == "coverage" else 0)
    rate, interval = hits / max(of, 1), stats.binomtest(hits, max(of, 1)).proportion_ci(0.95, method="exact")
    return Row(
        group.key,
        key,
        check.title,
        check.kind,
        check.is_conservative,
        len(answers),
        without,
        rate,
        float(interval.low),
        float(interval.high),
        check.is_kept(rate),
    )


@dataclass(frozen=True)
class Stamp:
    """What a group's lines were made by.

    Parameters
    ----------
    process : str
        How the studies came about, in words.
    seed : int
    commit, code : str
        Of the repository, and of the files that the answers come from.
    foretell, python, numpy, scipy : str
        Versions.
    """

    process: str
    seed: int
    commit: str
    code: str
    foretell: str
    python: str
    numpy: str
    scipy: str


def stamp(group: Group, seed: int, commit: str) -> Stamp:
    """Return what a group's lines are being made by."""
    versions = [version("foretell"), platform.python_version(), version("numpy"), version("scipy")]
    return Stamp(group.process, seed, commit, fingerprint(group.key), *versions)


@dataclass(frozen=True)
class Table:
    """Everything that was found.

    Parameters
    ----------
    rows : tuple of Row
    stamps : mapping of str to Stamp
        By group.
    """

    rows: tuple[Row, ...]
    stamps: Mapping[str, Stamp]

    def with_newer(self, newer: "Table") -> "Table":
        """Return the table with the groups of a newer one in place of its own, in the order of `GROUPS`."""
        old = [row for row in self.rows if row.group not in newer.stamps]
        stamps = {**self.stamps, **newer.stamps}
        known = [key for key in GROUPS if key in stamps]
        rows = [row for key in known for row in (*old, *newer.rows) if row.group == key]
        return Table(tuple(rows), {key: stamps[key] for key in known})


def to_json(table: Table) -> dict[str, object]:
    """Return the table as JSON data."""
    stamps = {key: asdict(one) for key, one in table.stamps.items()}
    return {"made_by": COMMAND, "groups": stamps, "rows": [asdict(row) for row in table.rows]}


def from_json(tree: dict[str, Any]) -> Table:
    """Return the table that `to_json` wrote."""
    stamps = {key: Stamp(**one) for key, one in tree["groups"].items()}
    return Table(tuple(Row(**row) for row in tree["rows"]), stamps)


def to_page(table: Table) -> str:
    """Return the page."""
    largest = max((row.n_studies for row in table.rows), default=0)
    parts = [
        "# Calibration of the analysis",
        f"Each test of `analysis/` on up to {largest:,} simulated studies, by the functions that the report calls. "
        f"{_verdict(table.rows)} Beside each rate stands its 95 % interval for the number of studies (Clopper and "
        "Pearson).",
        f"Made by `{COMMAND}`; the same seed gives the same studies and the same rates. This page is not edited by "
        "hand; `calibration.json` beside it holds the figures.",
    ]
    for kind, (title, text) in TITLES.items():
        chosen = [row for row in table.rows if row.kind == kind]
        if chosen:
            parts += [f"## {title}", text, *_tables(chosen)]
    how = f"Each group by the code of its own commit; alone it is made again by `{ALONE}` there."
    return "\n\n".join([*parts, "## Made by", how, _made_by(table.stamps)]) + "\n"


def _verdict(rows: Sequence[Row]) -> str:
    off = [row.title for row in rows if not row.is_kept]
    if not off:
        return "Every line is as expected."
    return f"{len(off)} of {len(rows)} lines are not as expected: {'; '.join(off)}."


def _made_by(stamps: Mapping[str, Stamp]) -> str:
    lines = ["| studies | seed | commit | code | versions |", "|---|--:|---|---|---|"]
    lines += [
        f"| {key} | {one.seed} | {one.commit} | {one.code} | Foretell {one.foretell}, Python {one.python}, "
        f"numpy {one.numpy}, scipy {one.scipy} |"
        for key, one in stamps.items()
    ]
    return "\n".join(lines)


def _tables(rows: Sequence[Row]) -> list[str]:
    parts = []
    for key in dict.fromkeys(row.group for row in rows):
        process = GROUPS[key].process
        own = [row for row in rows if row.group == key]
        lines = ["| test | rate | its 95 % interval | studies | without an answer | as expected |"]
        lines += ["|---|--:|:-:|--:|--:|---|", *map(_line, own)]
        parts += [f"{process[0].upper()}{process[1:]} (`{key}`):", "\n".join(lines)]
    return parts


def _line(row: Row) -> str:
    said = "" if row.kind == "power" else "yes" if row.is_kept else "**no**"
    marked = ", conservative" if row.is_conservative and said else ""
    return (
        f"| {row.title} | {row.rate:.4f} | {row.low:.4f} to {row.high:.4f} | {row.n_studies:,} | "
        f"{row.n_without or ''} | {said}{marked} |"
    )


def write(found: Table, docs: Path) -> None:
    """Keep a table and its page; groups that were not tried again keep their lines."""
    kept = docs / "calibration.json"
    table = from_json(json.loads(kept.read_text())).with_newer(found) if kept.exists() else found
    kept.write_text(json.dumps(to_json(table), indent=1) + "\n")
    (docs / "calibration.md").write_text(to_page(table))


def commit_now() -> str:
    """Return the commit that the code is at, marked where it was changed since; "unknown" outside a repository."""
    asked = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    found = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  (our own words)
    return found.stdout.strip() or "unknown"

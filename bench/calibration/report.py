"""The table of rates, as JSON and as a page."""

import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version

from scipy import stats

from bench.calibration.checks import Check, Group, Kind
from bench.calibration.groups import GROUPS
from bench.calibration.run import ROOT, Columns, fingerprint

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


def as_json(rows: Sequence[Row], seed: int, command: str, commit: str) -> dict[str, object]:
    """Return everything, with what it was made by."""
    return {
        "made_by": command,
        "seed": seed,
        "versions": {name: version(name) for name in ("foretell", "numpy", "scipy")}
        | {"python": platform.python_version(), "commit": commit, "code": fingerprint()},
        "processes": {key: GROUPS[key].process for key in dict.fromkeys(row.group for row in rows)},
        "rows": [asdict(row) for row in rows],
    }


def as_page(rows: Sequence[Row], seed: int, command: str, commit: str) -> str:
    """Return the page."""
    off = [row for row in rows if not row.is_kept]
    largest = max((row.n_studies for row in rows), default=0)
    verdict = (
        "Every line is as expected."
        if not off
        else f"{len(off)} of {len(rows)} lines are not as expected: " + "; ".join(row.title for row in off) + "."
    )
    parts = [
        "# Calibration of the analysis",
        f"Each test of `analysis/` on up to {largest:,} simulated studies of crossed people and items, as planned and "
        f"through the functions that the report calls. {verdict} Beside each rate stands its 95 % interval for the "
        "number of studies (Clopper and Pearson).",
        f"Made by `{command}` with seed {seed}; Foretell {version('foretell')} at {commit}, Python "
        f"{platform.python_version()}, numpy {version('numpy')}, scipy {version('scipy')}. The same seed gives the "
        "same studies and the same rates. This page is not edited by hand; `calibration.json` beside it holds the "
        "figures.",
    ]
    for kind, (title, text) in TITLES.items():
        chosen = [row for row in rows if row.kind == kind]
        if chosen:
            parts += [f"## {title}", text, *_tables(chosen)]
    return "\n\n".join(parts) + "\n"


def _tables(rows: Sequence[Row]) -> list[str]:
    parts = []
    for key in dict.fromkeys(row.group for row in rows):
        process = GROUPS[key].process
        own = [row for row in rows if row.group == key]
        lines = ["| test | rate | its 95 % interval | studies | without an answer | as expected |"]
        lines += ["|---|--:|:-:|--:|--:|---|", *map(_line, own)]
        parts += [f"{process[0].upper()}{process[1:]}:", "\n".join(lines)]
    return parts


def _line(row: Row) -> str:
    said = "" if row.kind == "power" else "yes" if row.is_kept else "**no**"
    marked = ", conservative" if row.is_conservative and said else ""
    return (
        f"| {row.title} | {row.rate:.4f} | {row.low:.4f} to {row.high:.4f} | {row.n_studies:,} | "
        f"{row.n_without or ''} | {said}{marked} |"
    )


def commit_now() -> str:
    """Return the commit that the code is at, marked where it was changed since; "unknown" outside a repository."""
    asked = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    found = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  (our own words)
    return found.stdout.strip() or "unknown"

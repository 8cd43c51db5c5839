"""Promise 40: the same data give the same report, in another process set up in another way."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis import estimation
from analysis.api import analyse
from tests.analysis.conftest import FOUR_ARMS, simulate_study
from tests.promises.ledger import Reached, scale

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-9
RULES = [{"rule": "fast_trials", "params": {"ms": 2000, "share": 0.3}}, {"rule": "flat_times", "params": {"cv": 0.3}}]
# Threads of the linear algebra, the order of sets, how numbers and times are written, where "here" is.
SETTINGS = (
    {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"},
    {
        "OPENBLAS_NUM_THREADS": "2",
        "OMP_NUM_THREADS": "2",
        "PYTHONHASHSEED": "4242",
        "LC_ALL": "C.UTF-8",
        "TZ": "Asia/Kathmandu",
    },
    {
        "OPENBLAS_NUM_THREADS": "1",
        "OPENBLAS_CORETYPE": "Prescott",
        "PYTHONHASHSEED": "1",
        "LANG": "tr_TR.UTF-8",
        "TZ": "Pacific/Apia",
    },
)


@pytest.fixture(scope="module")
def study():
    n = scale(full=600, quick=120)
    study = simulate_study(
        n, arms=FOUR_ARMS, gain={"lime": 0.12, "senn": 0.1}, dropout=0.1, seed=40, strata=("old", "young"),
        multiples=(1, 2), left_early=9, draws=scale(full=10_000, quick=1_000),
        bootstrap_draws=scale(full=2_000, quick=300),
    )  # fmt: skip
    study.tree["quality"] = {"rules": RULES}
    return study


# As `python -m analysis` does, without drawing.
COMMAND = """
from pathlib import Path
from analysis.api import analyse, read_design, read_table
report = analyse(read_table(Path("responses.csv")), read_design(Path("design.json")))
Path("report.json").write_text(report.to_json(), encoding="utf-8")
"""


def report_elsewhere(study, folder: Path, settings: dict[str, str]) -> object:
    """What the analysis makes of the two files in a process of its own."""
    folder.mkdir()
    (folder / "responses.csv").write_text(study.csv, encoding="utf-8")
    (folder / "design.json").write_text(study.json, encoding="utf-8")
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings}
    subprocess.run([sys.executable, "-c", COMMAND], cwd=folder, env=env, check=True, capture_output=True, timeout=300)
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def pairs(first: object, second: object, path: str = "") -> Iterator[tuple[str, object, object]]:
    """Every plain value of two reports at the same place."""
    if isinstance(first, dict) and isinstance(second, dict) and list(first) == list(second):
        for key in first:
            yield from pairs(first[key], second[key], f"{path}.{key}")
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for n, (one, other) in enumerate(zip(first, second, strict=True)):
            yield from pairs(one, other, f"{path}[{n}]")
    else:
        yield path, first, second


def largest_difference(first: object, second: object) -> tuple[float, int]:
    """Between two reports, over all their numbers; infinite where anything that is no number differs."""
    largest, n = 0.0, 0
    for _, one, other in pairs(first, second):
        if isinstance(one, float) and isinstance(other, float):
            largest, n = max(largest, abs(one - other)), n + 1
        elif one != other:
            return float("inf"), n
    return largest, n


@pytest.mark.promise(40)
def test_another_process_with_other_settings_gives_the_same_report(study, tmp_path: Path, reached: Reached) -> None:
    here = json.loads(analyse(study.table, study.design).to_json())

    differences = [
        largest_difference(here, report_elsewhere(study, tmp_path / str(n), settings))
        for n, settings in enumerate(SETTINGS)
    ]

    largest, numbers = max(largest for largest, _ in differences), differences[0][1]
    reached(f"{numbers} numbers × {len(SETTINGS)} processes (threads, hash seed, locale, zone): off by {largest:.1g}")
    assert numbers > 200
    assert largest <= TOLERANCE


@pytest.mark.promise(40)
def test_a_report_names_every_seed_and_version(study, reached: Reached) -> None:
    made = json.loads(analyse(study.table, study.design).to_json())["provenance"]

    assert set(made["seeds"]) == {"plan", "permutation", "bootstrap"}
    assert {"analysis", "python", "numpy", "scipy", "responses_sha256", "design_sha256"} <= set(made)
    reached(f"{len(made['seeds'])} seeds, 4 versions and 2 hashes in the report")


@pytest.mark.control(40, "a bootstrap without a seed")
def test_a_bootstrap_without_a_seed_gives_another_report(study, monkeypatch, reached: Reached) -> None:
    seeded = estimation.crossed_intervals

    def unseeded(*args, seed: int, **options):
        return seeded(*args, seed=secrets.randbits(32), **options)

    monkeypatch.setattr(estimation, "crossed_intervals", unseeded)
    first, second = (json.loads(analyse(study.table, study.design).to_json()) for _ in range(2))

    largest, _ = largest_difference(first, second)
    reached(f"off by {largest:.1g}")
    assert largest > TOLERANCE

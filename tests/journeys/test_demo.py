"""`make demo`, as a newcomer sees it: from nothing to a report, again with the same data, and stopped by Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest

from explainers.cards import CARD_FILE
from explainers.predictors import PREDICTORS
from explainers.train import predictor_folder
from studyapp.embedded import erase, running, start, stop

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 900  # a bound, not a measure: a noisy machine takes what it takes


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder of the demo's own. What the tests of the predictors trained is not trained a second time; the
    digits' predictors, which take seconds, are left for the demo to train."""
    folder = tmp_path_factory.mktemp("demo")
    for name, entry in PREDICTORS.items():
        if entry.material != "digits" and (found := trained(name)):
            shutil.copytree(found, folder / "predictors" / name)
    yield folder
    erase(folder)


def trained(name: str) -> Path | None:
    """Where a predictor is kept whole: in this process's data folder, or in that of one that tests beside it."""
    own = predictor_folder(name)
    beside = own.parents[2].glob(f"gw*/predictors/{name}") if "PYTEST_XDIST_WORKER" in os.environ else ()
    return next((folder for folder in (own, *sorted(beside)) if (folder / CARD_FILE).exists()), None)


def command(data: Path, *arguments: str) -> subprocess.Popen[str]:
    """The command that the Makefile runs, without what the tests' own environment says."""
    ours = {"DATABASE_URL", "REDIS_URL", "FORETELL_SECRET_KEY", "FORETELL_BASE_URL", "DJANGO_SETTINGS_MODULE"}
    env = {key: value for key, value in os.environ.items() if key not in ours}
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--participants", "24", *arguments],
        cwd=ROOT,
        env={**env, "FORETELL_DATA": str(data), "FORETELL_PORT": "8600", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def output_of(process: subprocess.Popen[str]) -> str:
    text, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, text
    return text


def test_a_first_start_ends_with_the_estimate_beside_the_planted_effect_and_a_second_finds_it(data):
    first = output_of(command(data, "--once"))
    folder = data / "demo"
    report = json.loads((folder / "report.json").read_text())

    assert "trained in" in first
    assert re.search(r"LIME minus No explanation +\+15\.0", first)
    assert report["flow"]["allocated"] == 24
    assert report["is_simulated"] is True
    with zipfile.ZipFile(folder / "exports.zip") as archive:
        assert {"responses.csv", "design.json", "report.json", "codebook.csv"} <= set(archive.namelist())
    assert running(data) is None, "the servers that it started still run"

    second = output_of(command(data, "--once"))
    assert "trained in" not in second
    assert "Rehearsal," not in second, "a rehearsal that is there was done again"
    assert json.loads((folder / "report.json").read_text()) == report


def test_a_report_of_an_older_analysis_is_computed_again(data):
    folder = data / "demo"
    report = json.loads((folder / "report.json").read_text())
    with closing(psycopg2.connect(start(data).database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("UPDATE studyapp_report SET document = jsonb_set(document, '{schema_version}', '2')")
        assert cursor.rowcount == 1
    stop(data)

    again = output_of(command(data, "--once"))

    assert "by another version of the analysis; computed again" in again
    assert json.loads((folder / "report.json").read_text()) == report


def test_it_serves_the_console_and_ctrl_c_stops_everything_it_started(data):
    process = command(data)
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C stops everything" in line:
            break
    family = psutil.Process(process.pid).children(recursive=True)
    try:
        addresses = re.findall(r"http://127\.0\.0\.1:\d+/\S+", "".join(lines))
        assert len(addresses) == 4, lines
        for address in addresses:
            with urllib.request.urlopen(address, timeout=30) as page:
                assert page.status == 200
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=120)
    finally:
        process.kill()

    assert process.returncode == 0, rest
    assert "Your data stays in" in rest
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert running(data) is None

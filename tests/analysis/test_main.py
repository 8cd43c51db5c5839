import os
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.__main__ import main
from analysis.api import analyse, report_from_json
from analysis.numbers import decimals, points

ROOT = Path(__file__).parents[2]


@pytest.fixture
def files(simulate, tmp_path):
    study = simulate(24, n_items=6, gain={"lime": 0.2}, seed=2, left_early=3, draws=200, bootstrap_draws=50)
    (tmp_path / "responses.csv").write_text(study.csv, encoding="utf-8")
    (tmp_path / "design.json").write_text(study.json, encoding="utf-8")
    return study, [str(tmp_path / "responses.csv"), str(tmp_path / "design.json")]


def test_the_command_prints_the_table_and_writes_a_report_that_can_be_read_back(files, tmp_path, capsys):
    study, paths = files
    expected = analyse(study.table, study.design)

    code = main([*paths, "--out", str(tmp_path / "out")])

    out = capsys.readouterr().out
    report = report_from_json((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert code == 0
    assert report == expected
    row = next(line.split() for line in out.splitlines() if line.startswith("LIME minus No explanation  "))
    assert row[4] == points(report.primary[0].value, decimals(report.primary[0].interval))
    assert "Flow: 27 arrived, 1 declined, 1 failed the check, 1 left before allocation, 24 allocated" in out
    assert (tmp_path / "out" / "report.txt").read_text(encoding="utf-8") == out
    assert sorted(path.name for path in (tmp_path / "out" / "figures").iterdir()) == [
        "accuracy.svg", "effects.svg", "flow.svg", "items.svg", "learning.svg", "model_right.svg", "sensitivity.svg",
    ]  # fmt: skip


def test_twice_written_is_byte_for_byte_the_same(files, tmp_path):
    _, paths = files

    for name in ("a", "b"):
        assert main([*paths, "--out", str(tmp_path / name)]) == 0

    written = {path.relative_to(tmp_path / "a"): path.read_bytes() for path in (tmp_path / "a").rglob("*.*")}
    again = {path.relative_to(tmp_path / "b"): path.read_bytes() for path in (tmp_path / "b").rglob("*.*")}
    assert written == again
    assert len(written) == 9


def test_a_table_to_mend_exits_with_2_and_says_what_to_mend(files, capsys):
    study, paths = files
    Path(paths[0]).write_text(study.csv.replace(",rt,", ",time,"), encoding="utf-8")

    assert main(paths) == 2
    assert capsys.readouterr().err == "responses.csv: 1 problem to mend\n  column rt: missing from the header\n"


def test_a_missing_file_exits_with_2(files, tmp_path, capsys):
    assert main([str(tmp_path / "absent.csv"), files[1][1]]) == 2
    assert "absent.csv" in capsys.readouterr().err


def test_another_stage_and_fewer_draws_can_be_asked_for(files, capsys):
    assert main([*files[1], "--draws", "20", "--stage", "main"]) == 0
    assert "- Re-draws of the allocation: 20; planned: 200." in capsys.readouterr().out
    assert main([*files[1], "--stage", "pilot"]) == 2
    assert "nobody was allocated in the stages analysed (pilot)" in capsys.readouterr().err


def test_a_console_that_cannot_show_every_sign_still_gets_its_table(files):
    done = subprocess.run(
        [sys.executable, "-m", "analysis", *files[1]], cwd=ROOT, env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True, text=True, encoding="ascii", timeout=60, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert "LIME minus No explanation" in done.stdout


def test_the_schema_in_the_docs_is_the_schema_in_force(capsys):
    """Refresh it with `python -m analysis schema > docs/report.schema.json`."""
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == (ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("draws", ["0", "-5", "many"])
def test_a_senseless_number_of_draws_is_refused(files, draws, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([*files[1], "--draws", draws])
    assert "expected a whole number above 0" in capsys.readouterr().err


def test_the_module_runs_alone_without_django_or_torch(files):
    # A child process in which both are impossible to import: a researcher's laptop.
    code = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('django', 'torch', 'studyapp', 'explainers', 'pandas', 'altair'):\n"
        "            raise AssertionError(f'{name} was imported')\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "from analysis.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *files[1]], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Do explanations of income predictions help?")

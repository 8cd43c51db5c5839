"""`python -m analysis import`: from a file to the two files that the report is made from."""

import json

import numpy as np
import pytest

from analysis.__main__ import main
from analysis.api import analyse, import_responses, read_design, read_table
from analysis.columns import COLUMNS

GAME = "who,group,n,points,when,email\n" + "".join(
    f"{who},{arm},{n},{5 * n + k + (arm == 'e')},2026-01-31T09:0{n}:00Z,{who}@example.org\n"
    for k, (who, arm) in enumerate([("ann", "c"), ("bob", "c"), ("cyd", "e"), ("dot", "e"), ("eve", "e")])
    for n in range(3)
)
MAPPING = {
    "study_id": "game", "title": "A game", "participant": "who", "arm": "group",
    "arms": [{"key": "none", "role": "control", "value": "c"}, {"key": "rule", "role": "explained", "value": "e"}],
    "phases": [{"key": "game", "title": "Game"}],
    "trials": [{"type": "scored_task", "phase": {"constant": "game"}, "item": "n", "score": "points",
                "answered_at": "when"}],
    "plan": {"estimand": "score", "post": "game", "control": "none", "smallest_effect": 1, "draws": 99,
             "bootstrap_draws": 20},
    "leave_out": [{"because": "an early start", "where": {"points": {"below": 1}}}],
}  # fmt: skip


@pytest.fixture
def run(tmp_path):
    (tmp_path / "game.csv").write_text(GAME)

    def command(*more, **changes):
        (tmp_path / "mapping.json").write_text(json.dumps(MAPPING | changes))
        paths = [str(tmp_path / name) for name in ("game.csv", "mapping.json", "out")]
        return main(["import", paths[0], "--mapping", paths[1], "--out", paths[2], *more])

    return command


def test_what_is_written_is_read_as_what_was_imported_and_is_analysed_alike(run, tmp_path, capsys):
    assert run() == 0

    written, design = read_table(tmp_path / "out" / "responses.csv"), read_design(tmp_path / "out" / "design.json")
    table, its_design = import_responses(tmp_path / "game.csv", tmp_path / "mapping.json")
    for column in COLUMNS:
        np.testing.assert_array_equal(getattr(written, column.name), getattr(table, column.name), err_msg=column.name)
    assert design == its_design
    report, other = analyse(written, design), analyse(table, its_design)
    assert report.estimates == other.estimates
    # bob, whose points are 1, 6 and 11, and the others', by hand: means 6, and 5 + (2, 3, 4) + 1.
    assert report.primary[0].value == pytest.approx(9 - 6)
    out = capsys.readouterr().out
    assert out.startswith(f"4 people (1 in none, 3 in rule) and 12 trials are in {tmp_path / 'out' / 'responses.csv'}.")
    assert "- Left out, 1 person (1 in none, 0 in rule): an early start." in out
    assert "- Not brought in, as it tells who people are: email." in out


def test_twice_imported_is_byte_for_byte_the_same(run, tmp_path):
    files = []
    for _ in range(2):
        assert run() == 0
        files.append([(tmp_path / "out" / name).read_bytes() for name in ("responses.csv", "design.json")])

    assert files[0] == files[1]


def test_nothing_that_tells_who_people_are_is_written(run, tmp_path):
    (tmp_path / "key").write_text("a secret of the researcher's\n")

    code = run("--key-file", str(tmp_path / "key"), participant={"column": "email", "hash": True})

    assert code == 0
    written = "".join((tmp_path / "out" / name).read_text() for name in ("responses.csv", "design.json"))
    assert "ann" not in written
    assert "example.org" not in written
    assert len(set(read_table(tmp_path / "out" / "responses.csv").subject_id.tolist())) == 4


def test_everybody_can_be_asked_for(run, tmp_path, capsys):
    assert run("--everybody") == 0
    assert capsys.readouterr().out.startswith("5 people (2 in none, 3 in rule)")


def test_what_is_to_be_mended_is_told_and_nothing_is_written(run, tmp_path, capsys):
    assert run(participant="email") == 2

    assert "column email: by its name holds an e-mail address" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_missing_file_is_told(run, capsys):
    assert run("--key-file", "/no/such/key") == 2
    assert "/no/such/key" in capsys.readouterr().err

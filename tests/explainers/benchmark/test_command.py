"""`python -m explainers bench` on a tiny predictor. What is fast is the machine's affair: no number is judged here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from explainers.__main__ import main
from explainers.benchmark.limits import WITHOUT_LIMIT, WORKS
from explainers.registry import EXPLAINERS

RUN = ["bench", "--predictor", "adult-mlp"]
pytestmark = pytest.mark.usefixtures("registered")


def test_lines_of_other_methods_and_peers_stay_in_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rows.json"
    captum = {"case": "adult-mlp", "what": "saliency", "ours": 1.0, "peer": "captum, one batch", "theirs": 2.0}
    captum |= {"ratio": 2.0, "unit": "ms an item"}
    old = captum | {"peer": "bare passes", "what": "saliency"}
    other = old | {"case": "digits-cnn"}
    out.write_text(json.dumps([old, captum, other]))

    assert main([*RUN, "--method", "saliency", "--method", "occlusion", "--out", str(out)]) == 0

    rows = json.loads(out.read_text("utf-8"))
    assert [(row["case"], row["what"], row["peer"]) for row in rows] == [
        ("adult-mlp", "saliency", "captum, one batch"),
        ("adult-mlp", "saliency", "bare passes"),
        ("adult-mlp", "occlusion, 4 rows an item", "bare passes"),
        ("digits-cnn", "saliency", "bare passes"),
    ]
    assert rows[1] != old
    said = capsys.readouterr()
    assert "adult-mlp: trained in " in said.err
    assert len(said.out.splitlines()) == 3


def test_ratio_is_the_limit_over_ours(tmp_path: Path) -> None:
    assert main([*RUN, "--method", "saliency", "--out", str(tmp_path / "rows.json")]) == 0

    (row,) = json.loads((tmp_path / "rows.json").read_text("utf-8"))
    assert row["ratio"] == pytest.approx(row["theirs"] / row["ours"])


def test_file_of_another_kind_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "notes.json"
    out.write_text('{"my": "notes"}')

    assert main([*RUN, "--method", "saliency", "--out", str(out)]) == 1
    assert f"{out}: lines of this command were expected" in capsys.readouterr().err
    assert out.read_text() == '{"my": "notes"}'


def test_every_registered_method_has_a_limit_or_a_reason_why_not() -> None:
    assert sorted([*WORKS, *WITHOUT_LIMIT]) == sorted(EXPLAINERS)

from __future__ import annotations

import json
from pathlib import Path

import pytest

from explainers.__main__ import main
from explainers.imports.reading import read_import
from explainers.registry import EXPLAINERS
from tests.explainers.imports.conftest import SOUND, each, header, line, text

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def explained(registered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Explanations of a tiny predictor that was really trained, in the format."""
    out = tmp_path / "e.jsonl"
    run = ["explain", "--predictor", "adult", "--method", "saliency", "--items", "0:6", "--out", str(out)]
    assert main(run) == 0
    capsys.readouterr()
    return out


def test_what_explain_writes_is_sound_by_itself_and_beside_the_predictor(
    explained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for more in ([], ["--predictor", "adult"]):
        assert main(["check-import", str(explained), *more]) == 0
        said = capsys.readouterr().out.splitlines()
        assert said[0] == (
            "6 explanations of adult-mlp by Gradient saliency (feature_weights, not signed): all is well"
        )
        assert said[1].startswith("SHA-256 of the file: ")
    found = read_import(explained.read_bytes())
    assert found.header.reference == EXPLAINERS["saliency"].reference


def test_items_by_their_sha256_are_found_among_the_held_out_ones(
    explained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = read_import(explained.read_bytes())
    head, *lines = map(json.loads, explained.read_text("utf-8").splitlines())
    short = [own | {"item": one.item} for own, one in zip(lines, found.items, strict=True)]
    explained.write_bytes(text(head, *short))

    assert main(["check-import", str(explained)]) == 0
    assert "6 items are named by their SHA-256 alone; --predictor holds them" in capsys.readouterr().out
    assert main(["check-import", str(explained), "--predictor", "adult"]) == 0

    short[2]["explained_class"] = 1 - short[2]["explained_class"]
    short[3]["explanation"]["features"][0][1] = "huge"
    explained.write_bytes(text(head, *short))
    capsys.readouterr()
    assert main(["check-import", str(explained), "--predictor", "adult"]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("explainers: line 4: explained_class: the predictor's output is class ")
    assert second.startswith("line 5: explanation.features[0]: the item has ('Size', ")


def test_explanations_of_another_predictor_are_refused(explained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, *lines = map(json.loads, explained.read_text("utf-8").splitlines())
    head["predictor"]["weights_sha256"] = "0" * 64
    explained.write_bytes(text(head, *lines))

    assert main(["check-import", str(explained), "--predictor", "adult"]) == 1
    assert "line 1: header.predictor: adult-mlp " in (said := capsys.readouterr().err)
    assert said.endswith("was expected, adult-mlp 000000000000 came\n")


def test_a_broken_file_is_answered_with_every_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_bytes(text(header("heatmap"), {}, line(*SOUND["heatmap"]), []))

    assert main(["check-import", str(file)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "explainers: line 2: entry: the key 'item' is missing",
        "line 4: entry: an object was expected, [] came",
    ]


def test_every_form_is_checked_against_items_that_stand_in_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for form in SOUND:
        (tmp_path / form).write_bytes(each(form))
        assert main(["check-import", str(tmp_path / form)]) == 0
    wrong = line(SOUND["heatmap"][0], SOUND["token_weights"][1])
    (tmp_path / "wrong").write_bytes(text(header("token_weights"), wrong))

    assert main(["check-import", str(tmp_path / "wrong")]) == 1
    assert "explanation.tokens: the item is of another modality" in capsys.readouterr().err


def test_the_published_schema_is_the_one_that_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-import", "--schema"]) == 0

    assert capsys.readouterr().out == (ROOT / "docs" / "explanations.schema.json").read_text("utf-8")

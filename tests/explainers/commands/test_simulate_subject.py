"""`python -m explainers simulate` on a tiny predictor that was really trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from explainers.__main__ import main
from explainers.material import MATERIAL
from explainers.predictors import PREDICTORS
from explainers.registry import EXPLAINERS
from explainers.simulated.types import Simulation
from tests.explainers.tiny import tiny

ITEMS = ["--learning", "0:24", "--items", "24:48", "--shown", "8", "--seeds", "2"]


@pytest.fixture
def arguments(registered: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name movies-gru is a tiny predictor of texts: tiny rows are too few that differ."""
    one = tiny("text", "senn")
    monkeypatch.setitem(MATERIAL, "movies", replace(one.material, name="movies"))  # type: ignore[arg-type]
    monkeypatch.setitem(PREDICTORS, "movies-gru", replace(one.entry, material="movies"))  # type: ignore[arg-type]
    assert main(["train", "movies-gru"]) == 0
    return ["simulate", "--predictor", "movies-gru", *ITEMS]


def test_table_has_the_control_arm_and_a_line_for_every_method(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    methods = ["--method", "senn", "--method", "placebo_uniform", "--method", "nearest_examples"]
    assert main([*arguments, *methods, "--task", "counterfactual"]) == 0

    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0] == "Simulated subject on movies-gru, counterfactual simulation: no person has answered this"
    assert lines[1].startswith("2 learners, each sees 8 of 24 items and answers ")
    assert [line[:44].rstrip() for line in lines[4:]] == [
        "No explanation",
        *(EXPLAINERS[name].title for name in ("senn", "placebo_uniform", "nearest_examples")),
    ]
    assert lines[-1].endswith("so no study may show it in a counterfactual test.")
    assert said.err.endswith("3 of 3 arms\n")


def test_file_holds_the_simulation_and_the_same_seed_gives_the_same_bytes(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = [*arguments, "--method", "gradient_x_input", "--method", "placebo_other_item"]
    run += ["--param", "placebo_other_item.method=gradient_x_input"]
    assert main([*run, "--out", str(tmp_path / "a.json")]) == 0
    capsys.readouterr()
    assert main([*run, "--json"]) == 0

    text = (tmp_path / "a.json").read_text("utf-8")
    assert text == capsys.readouterr().out.removesuffix("\n")
    found = Simulation.from_json(json.loads(text))
    assert (found.task, found.n_questions, found.n_learners, found.n_shown) == ("forward", 24, 2, 8)
    assert [arm.explainer and arm.explainer.name for arm in found.arms] == [
        None,
        "gradient_x_input",
        "placebo_other_item",
    ]


def test_bad_options_are_answered_with_what_was_expected(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    one_of = "METHOD.NAME=VALUE with one of"
    cases = (
        (["--method", "lime"], "--method: each method once was expected"),
        (["--param", "senn.n=3"], f"--param senn: {one_of} lime was expected"),
        (["--method", "senn", "--param", "n_samples=200"], f"--param NAME=VALUE: {one_of} lime, senn was expected"),
        (["--param", "n_samples=1"], "explainer.params.n_samples: 1 is below 100"),
        (["--shown", "2"], "n_shown: 2 is below 4"),
        (["--items", "20:40"], "test: an item is among the learning items"),
    )
    capsys.readouterr()
    for options, message in cases:
        assert main([*arguments, "--method", "lime", *options]) == 1
        assert capsys.readouterr().err.startswith(f"explainers: {message}")

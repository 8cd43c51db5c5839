"""`python -m explainers metrics` on a tiny predictor that was really trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from explainers.__main__ import main
from explainers.material import MATERIAL
from explainers.metrics.registry import METRICS
from explainers.metrics.types import Measurement
from tests.explainers.tiny import Tiny, tiny


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, Path]:
    one, folder = tiny("tabular", "mlp"), tmp_path_factory.mktemp("predictor")
    one.train(folder)
    return one, folder


@pytest.fixture
def arguments(trained: tuple[Tiny, Path], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    one, folder = trained
    monkeypatch.setitem(MATERIAL, one.material.name, one.material)  # type: ignore[arg-type]
    return ["metrics", "--predictor", str(folder), "--items", "2:8"]


def test_table_has_a_line_for_every_metric(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--method", "saliency"]) == 0

    said = capsys.readouterr().out
    assert said.startswith("Gradient saliency on tiny-tabular-mlp, 6 held-out items\n")
    for found in METRICS.values():
        assert f"\n{found.title} " in said
    assert "does not apply. Gradient saliency gives sizes without direction" in said


def test_file_holds_every_item_and_the_same_seed_gives_the_same_bytes(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = [*arguments, "--method", "lime", "--metric", "deletion", "--metric", "infidelity"]
    run += ["--param", "n_samples=200", "--param", "infidelity.n_samples=30", "--param", "infidelity.scaling=none"]
    assert main([*run, "--out", str(tmp_path / "a.json")]) == 0
    assert main([*run, "--out", str(tmp_path / "b.json")]) == 0
    assert main([*run, "--seed", "1", "--out", str(tmp_path / "c.json")]) == 0
    capsys.readouterr()
    assert main([*run, "--json"]) == 0

    first, again, other = ((tmp_path / f"{name}.json").read_text("utf-8") for name in "abc")
    found = [Measurement.from_json(data) for data in json.loads(first)["measurements"]]
    assert first == again == capsys.readouterr().out.removesuffix("\n")
    assert first != other
    assert [(m.metric.name, len(m.items), m.explainer.params["n_samples"]) for m in found] == [
        ("deletion", 6, 200),
        ("infidelity", 6, 200),
    ]
    assert found[1].metric.params == {"answer": "probability", "n_samples": 30, "scaling": "none", "cells": 7}


def test_an_items_numbers_do_not_depend_on_the_slice(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run = [*arguments, "--method", "lime", "--param", "n_samples=200", "--metric", "insertion", "--json"]
    assert main(run) == 0
    whole = json.loads(capsys.readouterr().out)["measurements"][0]["items"]
    assert main([*run, "--items", "4:6"]) == 0

    assert json.loads(capsys.readouterr().out)["measurements"][0]["items"] == whole[2:4]


def test_placebo_of_another_item_finds_donors(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run = [*arguments, "--method", "placebo_other_item", "--param", "method=gradient_x_input"]

    assert main([*run, "--metric", "rank_agreement", "--against", "gradient_x_input", "--json"]) == 0
    found = Measurement.from_json(json.loads(capsys.readouterr().out)["measurements"][0])
    assert found.summary.n_items == 6
    assert found.summary.mean < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--items", "8:2"], "--items 8:2: FROM:TO with FROM below TO was expected, such as 0:64"),
        (["--items", "0:900"], "--items 0:900: there are "),
        (["--param", "n_samples"], "--param n_samples: NAME=VALUE or METRIC.NAME=VALUE was expected"),
        (["--param", "deletion.cells=3"], "--param deletion: no such metric is computed; name it with --metric"),
        (["--param", "sparsity.cells=3"], "metric.params.cells: sparsity has no such parameter"),
        (["--level", "2"], "level: 2.0 is not between 0 and 1"),
    ],
)
def test_bad_options_are_answered_with_what_was_expected(
    options: list[str], message: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--method", "saliency", "--metric", "sparsity", *options]) == 1
    assert capsys.readouterr().err.startswith(f"explainers: {message}")


def test_help_names_every_metric_with_its_direction(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["metrics", "--help"])

    said = capsys.readouterr().out
    for name, found in METRICS.items():
        assert f"{name} ({found.better} is better)" in said
    assert "python -m explainers metrics --predictor adult-mlp --method lime --items 0:64" in said

"""`python -m explainers explain` on a tiny predictor that was really trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from explainers.__main__ import main
from explainers.artifacts import load_predictor
from explainers.cards import read_card
from explainers.commands.options import find_requests, find_trained
from explainers.explain import explain
from explainers.types import ExplainerSpec, form_from_json, input_from_json

LIME = ["--method", "lime", "--items", "2:8", "--param", "n_samples=200"]


@pytest.fixture
def folder(registered: Path) -> Path:
    assert main(["train", "adult-mlp"]) == 0
    return registered / "predictors" / "adult-mlp"


def test_file_holds_what_the_python_api_gives(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "e.json"
    assert main(["explain", "--predictor", "adult", *LIME, "--seed", "3", "--out", str(out)]) == 0
    found = json.loads(out.read_text("utf-8"))

    trained = find_trained("adult-mlp")
    spec = ExplainerSpec("lime", {"n_samples": 200})
    requests = find_requests(trained, "2:8", [spec], 3)
    expected = explain(load_predictor(folder), spec, requests)
    assert [form_from_json(item["explanation"]) for item in found["items"]] == [own.form for own in expected]
    assert [item["explained_class"] for item in found["items"]] == [own.explained_class for own in expected]
    assert [input_from_json(item["input"]) for item in found["items"]] == [request.input for request in requests]
    assert [item["item"] for item in found["items"]] == list(range(2, 8))
    assert found["predictor"]["weights_sha256"] == read_card(folder).weights_sha256
    assert found["method"]["params"]["n_samples"] == 200
    assert found["method"]["params"]["kernel_width"] == 0.0  # every parameter is there, given or not
    assert capsys.readouterr().err.endswith("6 of 6 items\n")


def test_name_material_and_folder_give_the_same_bytes_and_another_seed_others(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    printed = []
    for name, seed in (("adult-mlp", "0"), ("adult", "0"), (str(folder), "0"), ("adult", "1")):
        assert main(["explain", "--predictor", name, *LIME, "--seed", seed]) == 0
        printed.append(capsys.readouterr().out)

    assert len(set(printed[:3])) == 1
    assert printed[3] != printed[0]


def test_placebo_of_another_item_finds_donors(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["explain", "--predictor", "adult", "--items", "0:8", "--method", "placebo_other_item"]
    capsys.readouterr()

    assert main([*run, "--param", "method=saliency"]) == 0
    assert len(json.loads(capsys.readouterr().out)["items"]) == 8


def test_a_predictor_that_is_not_there_is_trained_once_and_kept(
    registered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["explain", "--predictor", "adult", *LIME]

    assert main(run) == 0
    first = capsys.readouterr()
    assert first.err.startswith("adult-mlp is not trained yet: it is trained now, and kept in ")
    assert (registered / "predictors" / "adult-mlp").is_dir()

    assert main(run) == 0
    again = capsys.readouterr()
    assert ("trained" in again.err, again.out) == (False, first.out)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--predictor", "nobody"], "--predictor nobody: none of adult-mlp, "),
        (["--items", "9"], "--items 9: FROM:TO with FROM below TO was expected"),
        (["--items", "0:9000"], "--items 0:9000: there are "),
        (["--param", "n_samples=1"], "explainer.params.n_samples: 1 is below 100"),
        (["--param", "samples=100"], "explainer.params.samples: lime has no such parameter"),
        (["--param", "lime.n_samples=100"], "--param: NAME=VALUE without a point was expected"),
        (["--param", "n_samples"], "--param n_samples: NAME=VALUE was expected"),
        (["--method", "senn", "--param", "n_samples=200"], "explainer.params.n_samples: senn has no such parameter"),
    ],
)
def test_bad_options_are_answered_with_what_was_expected(
    options: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()

    assert main(["explain", "--predictor", "adult", "--method", "lime", *options]) == 1
    assert capsys.readouterr().err.startswith(f"explainers: {message}")

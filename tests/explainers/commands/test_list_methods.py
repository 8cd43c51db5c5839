from __future__ import annotations

import json
from pathlib import Path

import pytest

from explainers.__main__ import main
from explainers.predictors import PREDICTORS
from explainers.registry import EXPLAINERS, IMPORTS


def test_list_names_every_method_with_its_paper_and_every_predictor_with_its_state(
    registered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "adult-mlp"]) == 0
    capsys.readouterr()
    assert main(["list"]) == 0

    said = capsys.readouterr().out
    flat = " ".join(said.split())
    for name, found in (EXPLAINERS | IMPORTS).items():
        assert f"{name} – {found.title} {found.summary}" in flat
        assert found.reference in flat
    assert "(mlp; trained)" in said
    assert said.count("not trained yet: python -m explainers train ") == len(PREDICTORS) - 1


def test_one_method_is_told_with_every_parameters_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "smoothgrad"]) == 0

    said = capsys.readouterr().out
    assert said.startswith("smoothgrad – SmoothGrad\n")
    for key, param in EXPLAINERS["smoothgrad"].params.items():
        assert f"{key}={param.default} ({param.low} to {param.high})" in said
        assert param.help in " ".join(said.split())


def test_json_holds_forms_parameters_and_predictors(registered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert list(found["methods"]) == [*EXPLAINERS, *IMPORTS]
    assert found["methods"]["senn"]["forms"] == dict(EXPLAINERS["senn"].forms)
    assert found["methods"]["placebo_random_weights"]["params"]["method"]["options"][0] == "lime"
    assert found["predictors"]["adult-mlp"]["is_trained"] is False


def test_unknown_method_is_answered_with_the_names_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "limes"]) == 1
    assert capsys.readouterr().err.startswith("explainers: explainer: 'limes' is none of lime, ")


@pytest.mark.parametrize("command", ["list", "train", "explain", "metrics", "bench", "check-import"])
def test_every_command_has_help_with_what_it_does(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])

    assert stopped.value.code == 0
    assert f"usage: python -m explainers {command}" in capsys.readouterr().out

"""The commands as people type them: what they print as a table, as JSON, and when something is wrong."""

import json
from pathlib import Path

import pytest

from analysis.__main__ import COMMANDS, main
from analysis.formula import fit
from analysis.inference.multiplicity import holm
from analysis.inference.sequential.bounds import spending_bounds

# Software for the same thing, as the reference data record it: R's p.adjust, mvtnorm's Dunnett, gsDesign's bounds.
P = ["0.001", "0.008", "0.012", "0.03", "0.04", "0.2"]
HOLM = [0.006, 0.04, 0.048, 0.09, 0.09, 0.2]
BENJAMINI_YEKUTIELI = [0.0147, 0.0588, 0.0588, 0.11025, 0.1176, 0.49]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]):
    """Run a command that works; what it prints."""

    def run(*arguments: object) -> str:
        assert main([str(argument) for argument in arguments]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]):
    """Run a command that is refused; what it says."""

    def run(*arguments: object) -> str:
        assert main([str(argument) for argument in arguments]) == 2
        return capsys.readouterr().err

    return run


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    rows = ["pid,item,arm,post,y"]
    rows += [f"{p},{i},{'ab'[p % 2]},{t},{(p * 7 + i * 3 + t * (p % 2) * 2) % 5 < 3:d}"
             for p in range(20) for i in range(6) for t in (0, 1)]  # fmt: skip
    path = tmp_path / "answers.csv"
    path.write_text("\n".join([*rows, "1,1,a,1,"]) + "\n", encoding="utf-8")
    return path


# --- fit --------------------------------------------------------------------------------------------------------------


def test_fit_prints_what_a_script_needs(say, answers: Path) -> None:
    formula = "y ~ post*arm + (1|pid) + (1|item)"
    found = json.loads(say("fit", answers, "--formula", formula, "--json"))
    expected = fit(answers, formula)

    assert found["names"] == ["(Intercept)", "post", "armb", "post:armb"] == list(expected.names)
    assert found["coefficients"] == [effect.estimate for effect in expected.fixed]
    assert found["standard_errors"] == [effect.standard_error for effect in expected.fixed]
    assert found["loglik"] == expected.loglik
    assert set(found["random_sd"]) == {"pid", "item"}
    assert found["certificate"]["gain"] < 1e-6
    assert found["is_maximum"] is True
    assert found["seconds"] > 0
    assert found["n_dropped"] == 1


def test_fit_prints_a_table_that_says_how_well_it_is_founded(say, answers: Path) -> None:
    out = say("fit", answers, "--formula", "y ~ post + post:arm + (1+post|pid) + (1|item)", "--reference", "arm=b")

    lines = out.splitlines()
    assert lines[0] == "y ~ post + post:arm + (1+post|pid) + (1|item)"
    assert any(line.startswith("post:arma ") and "[" in line for line in lines)
    assert "240 trials, 1 left out for an empty cell" in out
    assert lines[-1].startswith("Maximum: one more Newton step would gain")


def test_fit_says_what_is_wrong(refusal, answers: Path, tmp_path: Path) -> None:
    assert "after 'y ~ post + ( 1 | pid':" in refusal("fit", answers, "--formula", "y ~ post + (1|pid")
    assert "COLUMN=LEVEL was expected" in refusal("fit", answers, "--formula", "y ~ 1 + (1|pid)", "--reference", "arm")
    assert "absent.csv" in refusal("fit", tmp_path / "absent.csv", "--formula", "y ~ 1 + (1|pid)")


# --- adjust -----------------------------------------------------------------------------------------------------------


def test_adjust_gives_rs_numbers(say) -> None:
    found = json.loads(say("adjust", *P, "--json"))["adjusted"]
    assert found["holm"] == pytest.approx(HOLM, abs=1e-12)
    assert found["benjamini_yekutieli"] == pytest.approx(BENJAMINI_YEKUTIELI, abs=1e-12)

    table = say("adjust", *P, "--method", "holm")
    assert [line.split()[1] for line in table.splitlines()[1:]] == [f"{p:.4f}" for p in holm([float(p) for p in P])]


@pytest.mark.parametrize(
    ("arms", "freedom", "critical"), [(2, 20, 2.3786899802), (4, 120, 2.4747026415), (5, "inf", 2.5114630535)]
)
def test_adjust_gives_dunnetts_critical_values(say, arms: int, freedom: object, critical: float) -> None:
    """Two-sided, 5 %, equal sizes (the reference is mvtnorm's, to 1e-6)."""
    sizes = ["--sizes", *["10"] * arms, "--control-size", "10"]
    found = json.loads(say("adjust", *["2.4"] * arms, "--method", "dunnett", "--df", freedom, *sizes, "--json"))

    assert found["critical_value"] == pytest.approx(critical, abs=2e-6)
    at_it = json.loads(
        say("adjust", *[found["critical_value"]] * arms, "--method", "dunnett", "--df", freedom, *sizes, "--json")
    )
    assert at_it["adjusted"]["dunnett"] == pytest.approx([0.05] * arms, abs=1e-9)


def test_adjust_refuses_what_is_no_p_value(refusal) -> None:
    assert "numbers from 0 to 1 were expected, 1.5 came" in refusal("adjust", "1.5", "0.2")
    assert "a size above 0 for each of 2 arms" in refusal("adjust", "1.5", "2", "--method", "dunnett", "--sizes", "4")


# --- sequential -------------------------------------------------------------------------------------------------------


def test_sequential_gives_the_bounds_and_the_power(say) -> None:
    found = json.loads(say("sequential", "--times", "0.5", "1", "--power", "0.9", "--json"))
    assert found["bounds"]["upper"] == pytest.approx([2.9625880, 1.9685956], abs=2e-6)
    # Looking costs a little power, and saves people.
    assert 0.88 < found["stopping"]["power"] < 0.9
    assert found["stopping"]["expected_time"] < 1

    table = say("sequential", "--times", "0.5", "1", "--spending", "pocock")
    expected = spending_bounds((0.5, 1.0), alpha=0.05).upper
    assert "2.9626" not in table
    assert expected[0] == pytest.approx(2.9626, abs=1e-4)


def test_sequential_decides_at_the_looks_that_were_made(say, refusal) -> None:
    plan = ["sequential", "--times", "0.33", "0.67", "1"]
    out = say(*plan, "--look", "0.35:1.2", "--look", "0.66:2.9", "--standard-error", "0.031")
    assert "Look 1 at 0.35: z 1.200, bound 3.613: go on" in out
    assert "Look 2 at 0.66" in out
    assert "stop: the effect is there" in out
    assert "as if nobody had looked" in out

    assert "was not planned (planned: 0.33, 0.67, 1)" in refusal(*plan, "--look", "0.5:2")
    assert "Its bound holds only if" in say(*plan, "--look", "0.5:2", "--unplanned", "report")
    assert "TIME:Z was expected" in refusal(*plan, "--look", "0.33")
    assert "a number between 0 and 1 was expected, 2.0 came" in refusal(*plan, "--power", "2")


# --- all of them ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [command.NAME for command in COMMANDS])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"analysis {command}" in capsys.readouterr().out


def test_power_is_a_command_with_json(say, refusal, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"n_people": 40, "effects": [0.15], "n_items": 8, "n_studies": 16, "test": "welch"}))
    (cell,) = json.loads(say("power", plan, "--workers", "1", "--json"))
    assert cell["plan"]["scenario"]["n_people"] == 40
    assert cell["power"]["n_studies"] == 16

    plan.write_text("[1]")
    assert "expected an object with n_people and effects, found a list" in refusal("power", plan)
    plan.write_text("{")
    assert "plan.json: 1 problem to mend\n  expected JSON" in refusal("power", plan)

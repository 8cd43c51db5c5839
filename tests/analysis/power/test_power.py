"""Power by simulation: what is drawn is what was asked for, and what is found is what a full analysis would find."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from analysis.__main__ import main
from analysis.errors import InputError
from analysis.inference.mixed.ascent import maximise
from analysis.inference.mixed.families import FAMILIES
from analysis.inference.mixed.laplace import Laplace
from analysis.power import PowerPlan, Scenario, minimal_detectable_effect, power
from analysis.power.plan import read_plan
from analysis.power.run import _p_values, _pilot
from analysis.power.simulate import lay_out_studies, simulate, truth

SMALL = Scenario(n_people=40, effects=(0.15,), n_items=8, practice=0.02)


def plan(scenario: Scenario = SMALL, **how: Any) -> PowerPlan:
    return PowerPlan(scenario, **{"n_studies": 48, **how})


# --- what is drawn -------------------------------------------------------------------------------------------------


def test_the_proportions_that_were_asked_for_are_drawn() -> None:
    scenario = Scenario(n_people=60, effects=(0.1, 0.2), n_items=10, accuracy=0.55, practice=0.03, sd_gain=0.4)
    studies = simulate(scenario, np.arange(300), seed=3)
    means = [studies.correct[:, :, 0].mean()]
    means += [studies.correct[:, :, 1][studies.arm == arm].mean() for arm in range(3)]
    # 300 studies of 10 items: the items' own luck has a standard error of 0.003 in each cell
    assert means == pytest.approx([0.55, 0.58, 0.68, 0.78], abs=0.012)


def test_the_allocation_is_of_permuted_blocks_with_the_weights() -> None:
    scenario = Scenario(n_people=50, effects=(0.1,), weights=(1, 2), block_multiples=(1,))
    studies = simulate(scenario, np.arange(20), seed=1)
    whole = studies.arm[:, :48].reshape(20, 16, 3)
    assert (np.sort(whole, axis=-1) == [0, 1, 1]).all()
    assert len({tuple(arms) for arms in whole.reshape(-1, 3).tolist()}) == 3


def test_a_study_is_the_same_whatever_stands_beside_it() -> None:
    alone, among = simulate(SMALL, np.array([5]), seed=2), simulate(SMALL, np.arange(9), seed=2)
    assert (alone.correct[0] == among.correct[5]).all()
    assert not (among.correct[5] == among.correct[6]).all()


# --- what is found -------------------------------------------------------------------------------------------------


def test_every_p_value_is_that_of_a_full_fit() -> None:
    scenario = Scenario(n_people=60, effects=(0.1,), n_items=12, accuracy=0.57)
    planned = plan(scenario, n_studies=24, seed=4)
    known = (_pilot(planned, 60),)
    ours = np.concatenate([_p_values(planned, known, start)[:, 0, 0] for start in range(0, 24, 8)])
    layouts = (lay_out_studies(scenario, simulate(scenario, np.array([number]), 4)) for number in range(24))
    tops = [maximise(Laplace(layout, FAMILIES["logit"]), truth(scenario)) for layout in layouts]
    z = [top.parameters.beta[0, 2] / np.sqrt(np.linalg.inv(-top.hessian)[2, 2]) for top in tops]

    assert stats.norm.isf(ours / 2) == pytest.approx(np.abs(z), abs=0.01)
    assert ((ours <= 0.05) == (np.abs(z) >= stats.norm.isf(0.025))).all()


@pytest.mark.parametrize("test", ["mixed", "welch"])
def test_without_an_effect_the_level_is_kept(test: str) -> None:
    found = power(plan(SMALL.with_effect(0.0), test=test, n_studies=240))
    # 0.05 with a standard error of 0.014
    assert 0.01 <= found.by_arm[0] <= 0.1
    assert found.n_failed == 0


def test_welchs_power_is_near_the_closed_form() -> None:
    """The noncentral t distribution, with the standard deviation that the simulated gains have."""
    scenario = replace(SMALL, n_people=60)
    studies = simulate(scenario, np.arange(400), seed=1)
    gains = studies.correct.mean(axis=-1)[..., 1] - studies.correct.mean(axis=-1)[..., 0]
    deviation = np.sqrt(np.mean([gains[studies.arm == arm].var() for arm in (0, 1)]))
    shift, freedom = 0.15 / (deviation * np.sqrt(2 / 30)), 58
    critical = stats.t.isf(0.025, freedom)
    expected = stats.nct.sf(critical, freedom, shift) + stats.nct.cdf(-critical, freedom, shift)
    found = power(plan(scenario, test="welch", n_studies=400))
    assert found.by_arm[0] == pytest.approx(expected, abs=0.075)


def test_the_mixed_model_finds_more_than_the_test_of_gains() -> None:
    scenario = Scenario(n_people=80, effects=(0.08,), n_items=16, accuracy=0.57)
    mixed, welch = (power(plan(scenario, test=test, n_studies=96)) for test in ("mixed", "welch"))
    assert mixed.by_arm[0] > welch.by_arm[0]


def test_people_who_leave_cost_power_and_more_people_bring_it() -> None:
    base, fewer, more = (
        power(plan(scenario, n_studies=96)).by_arm[0]
        for scenario in (SMALL, replace(SMALL, drop_out=0.5), replace(SMALL, n_people=100))
    )
    assert fewer < base < more


def test_arms_are_tested_as_one_family() -> None:
    one = power(plan(n_studies=96)).by_arm[0]
    three = power(plan(Scenario(n_people=80, effects=(0.15, 0.0, 0.0), n_items=8, practice=0.02), n_studies=96))
    assert three.by_arm[0] < one
    assert max(three.by_arm[1:]) < 0.1
    assert three.any_arm >= three.by_arm[0]


# --- how it runs ----------------------------------------------------------------------------------------------------


def test_the_result_does_not_depend_on_the_number_of_processes() -> None:
    assert power(plan(), workers=2) == power(plan(), workers=1)


def test_a_cancel_counts_what_is_done() -> None:
    heard: list[int] = []

    def stop_after_two(done: int, total: int) -> bool:
        heard.append(done)
        return len(heard) < 2

    found = power(plan(), progress=stop_after_two)
    assert (found.n_studies, heard) == (16, [8, 16])


def test_a_model_that_fails_is_counted_as_nothing_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from analysis.power import run

    def failing(*given: Any) -> Any:
        p_values = _p_values(*given)
        p_values[0] = np.nan
        return p_values

    monkeypatch.setattr(run, "_p_values", failing)
    found = run.power(plan())
    assert found.n_failed == 6
    assert found.by_arm[0] <= power(plan()).by_arm[0]


def test_the_smallest_detectable_effect_has_the_power_that_was_asked_for() -> None:
    small = plan(test="welch", n_studies=120)
    effect = minimal_detectable_effect(small, target=0.7, tolerance=0.005)
    assert power(replace(small, scenario=SMALL.with_effect(effect))).by_arm[0] == pytest.approx(0.7, abs=0.05)


def test_an_effect_that_cannot_be_found_is_nan() -> None:
    few = Scenario(n_people=8, effects=(0.05,), n_items=4, accuracy=0.9)
    assert np.isnan(minimal_detectable_effect(plan(few, test="welch"), target=0.95))


def test_a_grid_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "plan.json", tmp_path / "grid.json"
    file.write_text(json.dumps({"n_people": 40, "effects": [0.15], "n_items": 8, "n_studies": 16, "test": "welch"}))
    assert main(["power", str(file), "--people", "40", "--out", str(out), "--workers", "1"]) == 0
    kept = json.loads(out.read_text())
    for cell in kept.values():
        cell["power"]["n_failed"] = 777  # a mark that only a cell which is read again still carries
    out.write_text(json.dumps(kept))
    capsys.readouterr()

    assert main(["power", str(file), "--people", "40", "60", "--out", str(out), "--workers", "1"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["40", "60"]
    assert [line.split()[-1] for line in lines[1:]] == ["777", "0"]
    assert len(json.loads(out.read_text())) == 2


# --- planned looks -----------------------------------------------------------------------------------------------


LOOKS = {"looks": (0.5, 1.0), "spending": "pocock"}


def test_looks_keep_the_level_and_save_people_where_there_is_an_effect() -> None:
    nothing = power(plan(SMALL.with_effect(0.0), test="welch", n_studies=400, **LOOKS))
    # 0.05 with a standard error of 0.011
    assert 0.02 <= nothing.by_arm[0] <= 0.085
    assert nothing.ended[0] < 0.06

    large = replace(SMALL, n_people=80).with_effect(0.2)
    once, looked = (power(plan(large, test="welch", n_studies=200, **how)) for how in ({}, LOOKS))
    assert once.by_arm[0] - 0.1 < looked.by_arm[0] <= once.by_arm[0]
    assert (once.ended, once.expected_people) == ((1.0,), 80)
    assert looked.expected_people < 70
    assert sum(looked.ended) == pytest.approx(1)


def test_a_look_is_at_those_who_came_first() -> None:
    studies = simulate(SMALL, np.arange(3), seed=1)
    half = studies.first(20)
    assert half.correct.shape[1] == half.arm.shape[1] == half.left.shape[1] == 20
    assert plan(**LOOKS).sizes == (20, 40)
    assert plan().sizes == (40,)


def test_the_mixed_model_can_be_looked_at_too() -> None:
    found = power(plan(replace(SMALL, n_people=60, effects=(0.3,)), n_studies=24, **LOOKS))
    assert found.n_failed == 0
    assert found.ended[0] > 0.2
    assert found.by_arm[0] > 0.8


def test_a_plan_without_looks_keeps_the_name_of_its_cells() -> None:
    """Grids that were computed before there were looks are filled up, not computed again."""
    told = {"scenario": asdict(SMALL), "test": "mixed", "alpha": 0.05, "n_studies": 48, "seed": 1} | {
        "multiplicity": "holm"
    }
    before = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
    assert plan().key() == before
    assert plan(**LOOKS).key() != before


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({"n_people": 40, "effects": [0.1], "looks": [0.5]}, "expected the last at information time 1"),
        ({"n_people": 40, "effects": [0.1], "looks": [0.01, 1]}, "two people an arm were expected at the first"),
        ({"n_people": 40, "effects": [0.1, 0.1], "looks": [0.5, 1], "multiplicity": "dunnett"}, "by Holm's steps"),
        ({"n_people": 40, "effects": [0.1], "looks": [0.5, 1], "spending": "all"}, "found 'all'"),
    ],
)
def test_looks_that_make_no_sense_say_why(tree: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_plan(tree)


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({"n_people": 40, "effects": [0.5]}, "proportions between 0.01 and 0.99"),
        ({"n_people": 3, "effects": [0.1]}, "two an arm"),
        ({"n_people": 40, "effects": []}, "at least one explained arm"),
        ({"n_people": 40, "effects": [0.1], "weights": [1]}, "weights: one for"),
        ({"n_people": 40, "effects": [0.1], "colour": 3}, "unexpected keyword argument 'colour'"),
        ({"effects": [0.1]}, "n_people"),
        ({"n_people": 40, "effects": [0.1], "test": "anova"}, "'anova' came"),
    ],
)
def test_a_plan_that_makes_no_sense_says_why(tree: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_plan(tree)

"""Other outcomes and Utility-K: the numbers a plan for them would have given, and which are left out."""

import numpy as np
import pytest

from analysis.api import analyse, report_from_json
from analysis.estimands import ESTIMANDS
from analysis.text import report_text

TITLE = "Other outcomes, not adjusted, not what the study was planned for"


@pytest.fixture(scope="module")
def study(simulate):
    return simulate(60, n_items=8, seed=4, gain={"lime": 0.15}, dropout=0.1, draws=300, bootstrap_draws=40)


@pytest.fixture(scope="module")
def report(study):
    return analyse(study.table, study.design)


def test_every_outcome_but_the_planned_one_is_there_in_the_registrys_order(report):
    assert [one.estimand for one in report.others] == [key for key in ESTIMANDS if key != "gain_in_accuracy"]
    assert {(one.family, one.p_adjusted, one.conservative_interval) for one in report.others} == {("other", None, None)}
    assert {(one.contrast.arm, one.contrast.minus) for one in report.others} == {("lime", "none")}


@pytest.mark.parametrize("key", [key for key in ESTIMANDS if key != "gain_in_accuracy"])
def test_an_other_outcome_is_what_a_plan_for_it_would_have_given(study, report, key):
    tree = {**study.tree, "plan": {**study.tree["plan"], "estimand": key, "missing": "available"}}
    asked = type(study)(study.rows, tree)

    (planned,) = analyse(asked.table, asked.design).primary

    (found,) = (one for one in report.others if one.estimand == key)
    assert (found.value, found.interval, found.p_value) == (planned.value, planned.interval, planned.p_value)
    assert (found.unit, found.n_enrolments) == (planned.unit, planned.n_enrolments)
    assert found.label.startswith(f"{ESTIMANDS[key].title}, in ")


def test_every_primary_contrast_is_estimated_and_no_other(simulate):
    arms = (("none", "control", 1), ("placebo", "placebo", 1), ("lime", "explained", 1), ("senn", "explained", 1))
    study = simulate(24, arms=arms, n_items=4, seed=3, bootstrap_draws=20)
    report = analyse(study.table, study.design, draws=20)

    assert len(report.others) == 2 * (len(ESTIMANDS) - 1)
    assert {one.contrast for one in report.others} == {one.contrast for one in report.primary}


def test_more_re_draws_than_decide_anything_are_not_made(simulate):
    study = simulate(40, n_items=4, seed=4, draws=5_000, bootstrap_draws=20)

    assert all("2000 allocations (re-drawn)" in one.method for one in analyse(study.table, study.design).others)


def test_what_a_study_does_not_have_is_not_listed(simulate):
    study = simulate(24, n_items=6, seed=4, bootstrap_draws=20)
    study.without(study.where(trial_type="rating"))
    for row in study.where(item="i00"):
        row.update(label="maybe", rt="")
    for row in study.where(trial_type="forward_simulation"):
        row.update(rt="", score="")

    report = analyse(study.table, study.design, draws=20)

    assert [one.estimand for one in report.others] == ["accuracy", "utility"]
    assert report_from_json(report.to_json()) == report


def test_an_outcome_that_nobody_has_is_not_listed(simulate):
    study = simulate(24, n_items=6, seed=4, bootstrap_draws=20)
    study.without(study.where(phase="pre"))

    kept = {one.estimand for one in analyse(study.table, study.design, draws=20).others}

    assert kept == {"accuracy", "d_prime", "criterion", "response_time", "rating", "score"}


def test_the_text_says_what_they_are_not(report):
    block = report_text(report).split(TITLE)[1].split("\n\n")[0]

    assert block.count("LIME minus No explanation; ") == len(ESTIMANDS) - 1


# --- Utility-K --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def three_sessions(simulate):
    """After POST comes another session, in which every answer of POST is given again but the first is right."""
    study = simulate(40, n_items=6, seed=9, gain={"lime": 0.2}, draws=50, bootstrap_draws=60)
    study.tree["phases"].append({"key": "late", "title": "Later", "kind": "test"})
    study.tree["plan"]["post"] = "late"
    for row in study.where(phase="post"):
        again = {"phase": "late", "block": "late", "trial_index": str(int(row["trial_index"]) + 100)}
        right = {"response": row["model_output"], "correct": "1"} if row["item"] == "i00" else {}
        study.rows.append(row | again | right)
    return study


def test_each_session_is_the_ratio_of_the_arms_accuracies(three_sessions):
    report = analyse(three_sessions.table, three_sessions.design)
    (found,) = report.utility

    assert [point.session for point in found.curve.points] == ["pre", "post", "late"]
    ratios = []
    for point in found.curve.points:
        right = [
            np.mean([float(row["correct"]) for row in three_sessions.where(phase=point.session, arm=arm)])
            for arm in ("lime", "none")
        ]
        ratios.append(right[0] / right[1])
        assert (point.explained, point.control) == pytest.approx(tuple(right))
        assert point.utility.value == pytest.approx(ratios[-1])
        assert point.utility.interval.low < point.utility.value < point.utility.interval.high
    assert found.curve.area.value == pytest.approx(np.mean(ratios))
    assert report_from_json(report.to_json()) == report
    block = report_text(report).split("Utility-K")[1].split("\n\n")[0]
    assert all(name in block for name in ("Before", "After", "Later", "mean (area)"))


def test_two_sessions_are_no_curve(report):
    assert report.utility == ()
    assert "Utility-K" not in report_text(report)


def test_a_phase_in_which_nobody_answered_is_no_session(three_sessions):
    fewer = type(three_sessions)(list(three_sessions.rows), three_sessions.tree)
    fewer.without(fewer.where(phase="late"))

    assert analyse(fewer.table, fewer.design, draws=20).utility == ()

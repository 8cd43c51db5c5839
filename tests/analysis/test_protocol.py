"""Who did as planned, and what that does to the primary contrasts."""

import numpy as np
import pytest

from analysis.api import analyse, report_from_json
from analysis.enrolments import read_enrolments
from analysis.estimands import ESTIMANDS
from analysis.inference.compliers import complier_effect
from analysis.inference.welch import welch
from analysis.protocol import adherence
from analysis.text import report_text
from analysis.words import methods_paragraph, results_paragraph

PLACEBO_CONTROL = (("none", "control", 1), ("placebo", "placebo", 1), ("lime", "explained", 1))


def report_of(study):
    return analyse(study.table, study.design, draws=20)


def adherent(study):
    people = read_enrolments(study.table, study.design)
    found = adherence(study.table, study.design, people)
    return {s: (bool(a), bool(b)) for s, a, b in zip(people.subjects, found.was_shown, found.learned, strict=True)}


def subjects(study, arm):
    return [row["subject_id"] for row in study.where(arm=arm, trial_type="allocation")]


def skip(study, subject, phase, count=1):
    """Take some examples of a phase from somebody."""
    study.without(study.where(subject_id=subject, phase=phase, trial_type="worked_example")[:count])


@pytest.fixture
def study(simulate):
    """Twenty an arm; three of LIME and two of the control did not do as planned, in one way each."""
    study = simulate(40, gain={"lime": 0.2}, learning=4, n_items=8, seed=31, bootstrap_draws=20)
    lime, none = subjects(study, "lime"), subjects(study, "none")
    skip(study, lime[0], "explain")
    skip(study, lime[1], "explain", 4)
    study.without([row for row in study.where(subject_id=lime[2]) if row["phase"] in {"explain", "post"}])
    skip(study, none[0], "learn")
    skip(study, none[1], "explain")
    return study


def test_who_has_a_row_for_every_trial_did_as_planned(study):
    found = adherent(study)
    lime, none = subjects(study, "lime"), subjects(study, "none")

    assert [found[s] for s in lime[:4]] == [(False, False), (False, False), (False, False), (True, True)]
    # The examples before PRE show no explanation, but they belong to what the control arm is to learn from.
    assert [found[s] for s in none[:3]] == [(True, False), (False, False), (True, True)]


def test_an_example_that_is_there_twice_is_not_two_examples(study):
    lime = subjects(study, "lime")[0]
    rows = study.where(subject_id=lime, phase="explain")
    study.rows.append(next(r for r in rows if r["item"]) | {"trial_index": "999"})

    assert adherent(study)[lime] == (False, False)


def test_per_protocol_and_compliers_are_those_of_the_people_counted(study):
    (one,) = report_of(study).protocol
    people, who = read_enrolments(study.table, study.design), adherent(study)
    answers = {}
    for row in study.where(trial_type="forward_simulation"):
        answers.setdefault((row["subject_id"], row["phase"]), []).append(int(row["correct"]))
    # The plan counts who left before POST with a gain of zero.
    gain = np.array([
        np.mean(answers[s, "post"]) - np.mean(answers[s, "pre"]) if (s, "post") in answers else 0.0
        for s in people.subjects
    ])  # fmt: skip
    lime, shown = people.allocation.arm == 1, np.array([who[s][0] for s in people.subjects])
    learned = np.array([who[s][1] for s in people.subjects])
    kept = welch(gain[lime & shown], gain[~lime & learned], 0.95)
    among = complier_effect(gain[lime], shown[lime], gain[~lime], np.zeros(20, dtype=bool))

    assert one.n_as_planned == {"lime": 17, "none": 18}
    assert one.n_left_out == {"lime": 3, "none": 2}
    assert (one.per_protocol, one.per_protocol_interval.low) == pytest.approx((kept.value, kept.interval.low), abs=1e-9)
    assert one.complier_share == pytest.approx(17 / 20)
    assert one.complier_effect == pytest.approx((gain[lime].mean() - gain[~lime].mean()) / (17 / 20), abs=1e-9)
    assert (one.complier_interval.low, one.complier_interval.high) == pytest.approx(
        (among.interval.low, among.interval.high), abs=1e-9
    )


def test_nobody_can_take_it_for_a_randomized_comparison(study):
    report = report_of(study)
    (one,) = report.protocol

    assert one.per_protocol_sentence.startswith("Not a randomized comparison: 5 of 40 people are left out")
    assert "if the arm matters only through that" in one.complier_sentence
    assert one.per_protocol_sentence in report_text(report)
    assert "Per protocol, 5 people left out and the arms no longer as randomized" in results_paragraph(report)
    assert "which is not a randomized comparison" in methods_paragraph(report)


def test_where_everybody_did_as_planned_both_are_the_estimate(simulate):
    report = report_of(simulate(40, gain={"lime": 0.2}, learning=3, n_items=8, seed=32, bootstrap_draws=20))
    (one,), (estimate,) = report.protocol, report.primary

    assert (one.per_protocol, one.per_protocol_interval) == (estimate.value, estimate.interval)
    assert (one.complier_effect, one.complier_share) == (pytest.approx(estimate.value, abs=1e-12), 1)
    assert one.n_left_out == {"lime": 0, "none": 0}
    assert one.per_protocol_sentence == "Everybody did as planned, so these are the arms as randomized."
    assert "per protocol" not in methods_paragraph(report) + results_paragraph(report).lower()


def test_a_design_that_does_not_say_what_is_shown_has_nothing_of_it(simulate):
    study = simulate(12, n_items=4, seed=33, bootstrap_draws=20)
    report = report_of(study)

    assert report.protocol == ()
    assert "Who did as planned" not in report_text(report)


def test_in_a_counterfactual_design_the_test_shows_the_explanation(simulate):
    study = simulate(24, n_items=4, dropout=0.3, learning=2, seed=34, bootstrap_draws=20)
    study.tree["phases"] = [phase for phase in study.tree["phases"] if phase["kind"] == "test"]
    study.tree["phases"][1]["blocks"][0]["explanation"] = True
    study.without([row for row in study.rows if row["phase"] in {"learn", "explain"}])
    stayed = {row["subject_id"] for row in study.where(trial_type="completion")}

    assert {s for s, found in adherent(study).items() if found == (True, True)} == stayed
    assert {s for s, found in adherent(study).items() if found == (False, False)} == set(adherent(study)) - stayed


def test_a_table_without_the_trials_that_explain_tells_of_nobody(simulate):
    study = simulate(24, learning=3, n_items=6, seed=35, bootstrap_draws=20)
    study.without(study.where(trial_type="worked_example"))
    report = report_of(study)
    (one,) = report.protocol

    assert (one.per_protocol, one.complier_effect, one.complier_interval) == (None, None, None)
    assert one.per_protocol_sentence == "In an arm nobody with an outcome did as planned."
    assert one.complier_sentence.startswith("Nobody in LIME was shown every explanation")
    assert report_from_json(report.to_json()) == report
    assert results_paragraph(report)


def test_an_arm_without_outcomes_is_told_in_words(simulate):
    study = simulate(24, learning=3, n_items=6, seed=36, bootstrap_draws=20)
    study.without([row for row in study.where(arm="lime") if row["phase"] == "post"])
    (one,) = report_of(study).protocol

    assert (one.per_protocol, one.complier_effect, one.complier_p) == (None, None, None)
    assert one.complier_sentence == "An arm has too few outcomes."


def test_when_few_comply_the_interval_has_no_end_and_it_is_said(simulate):
    study = simulate(40, learning=2, n_items=6, seed=37, bootstrap_draws=20)
    for subject in subjects(study, "lime")[1:]:
        skip(study, subject, "explain")
    report = report_of(study)
    (one,) = report.protocol

    assert one.complier_share == pytest.approx(1 / 20)
    assert one.complier_interval is None
    assert one.complier_sentence.endswith("Too few are for the interval to have an end.")
    assert report_from_json(report.to_json()) == report


@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_every_estimand_and_a_placebo_as_control(simulate, estimand):
    study = simulate(
        45, arms=PLACEBO_CONTROL, learning=2, dropout=0.2, seed=38, n_items=8, bootstrap_draws=20, estimand=estimand,
        missing="available", control="placebo", smallest_effect=0.3,
    )  # fmt: skip
    report = report_of(study)
    (one,) = report.protocol

    assert set(one.n_as_planned) == {"lime", "placebo"}
    assert sum(one.n_left_out.values()) >= 1
    assert one.per_protocol is not None
    assert report_from_json(report.to_json()) == report
    assert report_text(report)

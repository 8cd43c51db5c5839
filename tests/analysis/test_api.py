"""Whole analyses of simulated studies: the two that matter most, and what may go wrong."""

import json

import numpy as np
import pytest
from scipy import stats

from analysis.adjustment import ADJUSTMENTS
from analysis.api import analyse, draw_figures, read_design, read_table, report_from_json
from analysis.enrolments import read_enrolments
from analysis.errors import DesignError, EmptyStudyError, ReportError, TableError
from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Question
from analysis.estimation import Estimation, planned_estimates
from analysis.inference.dunnett import dunnett
from analysis.inference.multiplicity import benjamini_hochberg, hochberg, holm
from analysis.types import Contrast
from analysis.words import methods_paragraph

THREE_ARMS = (("none", "control", 1), ("lime", "explained", 1), ("senn", "explained", 1))


def planned(study):
    """The planned estimates alone: what stands beside them takes longer than they do."""
    people = read_enrolments(study.table, study.design)
    return planned_estimates(Estimation(study.design, people.allocation, study.design.plan.draws), outcome_of(study))


def outcome_of(study):
    plan, people = study.design.plan, read_enrolments(study.table, study.design)
    question = Question(plan.pre, plan.post, plan.missing)
    return ESTIMANDS[plan.estimand].measure(study.table, people.positions(study.table), len(people), question)


def test_two_hundred_studies_without_an_effect_give_uniform_p_values(simulate):
    p_values = []
    for seed in range(200):
        study = simulate(
            22, arms=THREE_ARMS, n_items=8, dropout=0.1, seed=seed, multiples=(1, 2), draws=199, bootstrap_draws=5
        )
        p_values.append(planned(study)[0].p_value)

    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    # Half-width 0.03 is two standard errors of a share of 0.05 among 200.
    assert np.mean(np.array(p_values) <= 0.05) == pytest.approx(0.05, abs=0.03)


def test_a_planted_gain_is_found_and_its_interval_holds_it(planted):
    report = analyse(planted.table, planted.design)

    lime, senn = report.primary
    assert lime.contrast == Contrast("lime", "none")
    # Eight in a hundred leave and count as no gain; a probability near one cannot rise by all of 0.15.
    assert lime.interval.low < 0.15 * 0.92 < lime.interval.high
    assert senn.interval.low < 0.2 * 0.92 < senn.interval.high
    assert lime.p_adjusted <= 0.05
    assert senn.p_adjusted <= 0.01


def test_intervals_of_many_studies_hold_the_planted_gain_at_their_level(simulate):
    held, conservative = 0, 0
    for seed in range(60):
        # No spread between items and people, and a chance of 0.65 + 0.15 stays below one: the gain is exactly 0.15.
        study = simulate(
            40, gain={"lime": 0.15}, n_items=8, item_sd=0, person_sd=0, seed=seed, draws=19, bootstrap_draws=100
        )
        (estimate,) = planned(study)
        held += estimate.interval.low <= 0.15 <= estimate.interval.high
        conservative += estimate.conservative_interval.low <= 0.15 <= estimate.conservative_interval.high

    # 57 expected; below 52 has a chance of 0.02 for intervals that hold at 95 %.
    assert held >= 52
    assert conservative >= held


def test_files_written_and_read_again_give_the_same_report(planted, tmp_path):
    first = analyse(planted.table, planted.design)
    (tmp_path / "responses.csv").write_text(planted.csv, encoding="utf-8")
    (tmp_path / "design.json").write_text(planted.json, encoding="utf-8")

    again = analyse(read_table(tmp_path / "responses.csv"), read_design(tmp_path / "design.json"))

    assert again == first
    assert again.to_json() == first.to_json()
    assert report_from_json(first.to_json()) == first


def test_order_of_the_rows_changes_nothing_but_the_hash(simulate):
    study = simulate(20, n_items=4, seed=3, draws=50, bootstrap_draws=20)
    first = json.loads(analyse(study.table, study.design).to_json())
    np.random.default_rng(0).shuffle(study.rows)

    shuffled = json.loads(analyse(study.table, study.design).to_json())

    assert shuffled["provenance"].pop("responses_sha256") != first["provenance"].pop("responses_sha256")
    assert shuffled == first


def test_secondary_contrasts_split_content_from_attention_and_are_not_adjusted(planted):
    report = analyse(planted.table, planted.design, draws=50)

    assert [(e.contrast.arm, e.contrast.minus, e.label.split(":")[0]) for e in report.secondary] == [
        ("lime", "placebo", "content"),
        ("senn", "placebo", "content"),
        ("placebo", "none", "mere attention"),
    ]
    assert all(estimate.p_adjusted is None for estimate in report.secondary)
    content, attention, total = report.secondary[0].value, report.secondary[2].value, report.primary[0].value
    assert content + attention == pytest.approx(total, abs=1e-12)


def test_the_other_missing_data_rule_stands_beside_the_planned_one(planted, simulate):
    planned = analyse(planted.table, planted.design, draws=50)
    planted_tree = json.loads(planted.json)
    planted_tree["plan"]["missing"] = "available"

    other = analyse(planted.table, read_design(json.dumps(planted_tree)), draws=50)

    beside = [e for e in planned.sensitivity if e.label == "without an outcome: left out"]
    assert [(e.value, e.interval, e.p_value) for e in beside] == [
        (e.value, e.interval, e.p_value) for e in other.primary
    ]
    assert "without an outcome: counted with a gain of zero" in {e.label for e in other.sensitivity}


def test_two_arms_re_drawn_alone_are_the_same_test_when_there_are_only_two(simulate):
    study = simulate(12, n_items=4, draws=10_000, multiples=(2,), bootstrap_draws=10)
    report = analyse(study.table, study.design)

    assert "all 216 allocations" in report.primary[0].method
    assert not any("held in place" in estimate.label for estimate in report.sensitivity)


def test_everybody_gone_before_post_is_no_estimate_but_a_report(simulate):
    study = simulate(12, n_items=4, draws=20, bootstrap_draws=10)
    study.without(study.where(phase="post"))

    report = analyse(study.table, study.design)

    (estimate,) = report.primary
    assert (estimate.value, estimate.interval, estimate.conservative_interval, estimate.p_value) == (None,) * 4
    assert report.deviations == (
        "12 of 12 allocated lack the answers that the outcome is made of: counted with a gain of zero, as planned.",
        "Nobody in arm 'No explanation' has an outcome: its contrasts are not estimated.",
        "Nobody in arm 'LIME' has an outcome: its contrasts are not estimated.",
    )


def test_an_arm_with_nobody_leaves_the_other_contrasts_alone(simulate):
    # Everybody of one arm is gone from the table: the Holm family is still the planned one.
    study = simulate(30, arms=THREE_ARMS, n_items=4, draws=50, bootstrap_draws=10, multiples=(10,))
    study.without([row for row in study.rows if row["arm"] == "senn"])

    lime, senn = analyse(study.table, study.design).primary

    assert (senn.value, senn.p_value, senn.n_enrolments) == (None, None, {"senn": 0, "none": 10})
    assert lime.p_adjusted == pytest.approx(min(1, 2 * lime.p_value))


LEFT_BEHIND = [("gain_in_accuracy", ("none",)), ("gain_in_accuracy", ("lime", "senn"))]


@pytest.mark.parametrize(
    ("estimand", "gone"), [*LEFT_BEHIND, *((name, ("none", "senn")) for name in sorted(ESTIMANDS))]
)
def test_whoever_is_left_there_is_a_report(simulate, estimand, gone):
    # So few people may be left after erasures, and two arms of a contrast may both be empty.
    study = simulate(
        6, arms=THREE_ARMS, n_items=4, draws=20, bootstrap_draws=10, dropout=0.2, estimand=estimand,
        missing="no_gain" if estimand == "gain_in_accuracy" else "available",
    )  # fmt: skip
    study.without([row for row in study.rows if row["arm"] in gone])

    report = analyse(study.table, study.design)

    assert report_from_json(report.to_json()) == report
    assert {figure.key for figure in draw_figures(report)} >= {"flow"}
    for estimate in report.primary:
        empty = 0 in estimate.n_enrolments.values()
        assert (estimate.value is None) or not empty


def test_one_participant_an_arm_gives_a_value_without_interval_or_test(simulate):
    study = simulate(2, n_items=4, multiples=(1,), draws=20, bootstrap_draws=10)

    report = analyse(study.table, study.design)

    assert report.primary[0].value is not None
    assert (report.primary[0].interval, report.primary[0].p_value) == (None, None)
    assert (
        "One person in arm 'LIME' has an outcome: too few to say how far off an estimate may be." in report.deviations
    )


def test_a_study_nobody_was_allocated_in_is_refused_in_words(simulate):
    study = simulate(0, left_early=5)

    with pytest.raises(EmptyStudyError, match=r"^nobody was allocated in the stages analysed \(main\)$"):
        analyse(study.table, study.design)


def test_other_people_than_planned_are_named_where_the_planned_are_absent(simulate):
    study = simulate(4, n_items=2, stage="rehearsal")
    study.tree["plan"]["stages"] = ["main"]

    with pytest.raises(EmptyStudyError, match=r"the table holds the stages rehearsal \(choose with --stage\)"):
        analyse(study.table, study.design)


def test_overridden_stages_simulated_people_and_fewer_draws_are_listed(simulate):
    study = simulate(8, n_items=2, stage="rehearsal", draws=100_000, bootstrap_draws=10)
    study.tree["plan"]["stages"] = ["main"]

    report = analyse(study.table, study.design, stages=["rehearsal"], draws=30)

    assert report.is_simulated
    assert report.deviations == (
        "Stages analysed: rehearsal; planned: main.",
        "Everybody analysed is simulated: this says nothing about people.",
        "Re-draws of the allocation: 30; planned: 100000.",
    )


def test_real_and_simulated_people_are_never_analysed_together(simulate):
    study, rehearsal = simulate(8, n_items=2), simulate(8, n_items=2, stage="rehearsal")
    for row in rehearsal.rows:
        row["subject_id"] = "r" + row["subject_id"]
    study.rows += rehearsal.rows

    with pytest.raises(TableError, match="main and rehearsal holds real and simulated people"):
        analyse(study.table, study.design, stages=["main", "rehearsal"])
    assert analyse(study.table, study.design, draws=10).flow.allocated == 8


def test_an_absent_place_of_the_sequence_is_listed(simulate):
    study = simulate(8, n_items=2, draws=10, bootstrap_draws=10)
    study.without(study.where(subject_id="p0003"))

    deviations = analyse(study.table, study.design).deviations

    assert deviations == (
        "Places of the allocation sequence that are not in the table: 1; somebody allocated is missing.",
    )


def test_items_that_are_not_crossed_with_arms_are_listed(simulate):
    study = simulate(8, n_items=4, draws=10, bootstrap_draws=10)
    study.without([row for row in study.where(arm="lime") if row["item"] == "i02"])

    assert analyse(study.table, study.design).deviations == (
        "1 of 4 items were answered in one arm only: arms are compared on different items.",
    )


def test_a_table_that_fails_a_check_is_not_analysed(simulate):
    study = simulate(8, n_items=2)
    for row in study.where(trial_type="forward_simulation"):
        row["correct"] = "1"

    with pytest.raises(TableError, match="column correct"):
        analyse(study.table, study.design)


def test_a_report_of_another_version_or_with_a_part_missing_is_refused(simulate):
    study = simulate(8, n_items=2, draws=10, bootstrap_draws=10)
    data = json.loads(analyse(study.table, study.design).to_json())

    with pytest.raises(ReportError, match=r"schema_version: expected 5, found 0"):
        report_from_json(json.dumps(data | {"schema_version": 0}))
    with pytest.raises(ReportError, match=r"report.estimates\[0\].value: expected"):
        report_from_json(json.dumps(data | {"estimates": [data["estimates"][0] | {"value": "much"}]}))
    del data["flow"]["declined"]
    with pytest.raises(ReportError, match=r"report.flow: expected the fields"):
        report_from_json(json.dumps(data))
    with pytest.raises(ReportError, match=r"expected JSON"):
        report_from_json("{")


@pytest.mark.parametrize("multiplicity", ["holm", "hochberg", "westfall_young", "dunnett", "benjamini_hochberg"])
def test_the_primary_family_is_adjusted_as_planned(simulate, multiplicity):
    study = simulate(
        90, arms=THREE_ARMS, gain={"lime": 0.08, "senn": 0.15}, n_items=8, seed=21, draws=999, bootstrap_draws=10,
        multiplicity=multiplicity,
    )  # fmt: skip
    report = analyse(study.table, study.design)
    arm = read_enrolments(study.table, study.design).allocation.arm

    p_values = [e.p_value for e in report.primary]
    values = outcome_of(study).values
    by_hand = {
        "holm": lambda: holm(p_values),
        "hochberg": lambda: hochberg(p_values),
        "benjamini_hochberg": lambda: benjamini_hochberg(p_values),
        "dunnett": lambda: [d.p_value for d in dunnett(values, arm, control=0).differences],
    }
    found = [e.p_adjusted for e in report.primary]
    if multiplicity == "westfall_young":  # the larger alone is not adjusted, and the other is by less than Holm's two
        assert max(found) == max(p_values)
        assert min(p_values) < min(found) < 2 * min(p_values) + 0.005
    else:
        assert found == pytest.approx(list(by_hand[multiplicity]()), abs=1e-12)
    assert ADJUSTMENTS[multiplicity].how in methods_paragraph(report)


def test_an_adjustment_that_nobody_knows_is_refused(simulate):
    study = simulate(8, n_items=4, multiplicity="bonferroni")

    with pytest.raises(DesignError, match=r"plan.multiplicity: expected one of holm, hochberg, .*found 'bonferroni'"):
        _ = study.design

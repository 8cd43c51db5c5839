"""The primary contrasts with the missing outcomes imputed, and how far off these would have to be."""

import json

import numpy as np
import pytest

from analysis.api import analyse, read_design, report_from_json
from analysis.enrolments import read_enrolments
from analysis.estimands import ESTIMANDS
from analysis.inference.imputation import Incomplete, tipping_point
from analysis.losses import NOBODY, baseline
from analysis.text import report_text
from analysis.words import methods_paragraph, results_paragraph

THREE_ARMS = (("none", "control", 1), ("lime", "explained", 1), ("senn", "explained", 1))


def report_of(study):
    return analyse(study.table, study.design, draws=20)


@pytest.fixture(scope="module")
def lossy(simulate):
    """A study that lost a fifth, with strata and a large gain."""
    return simulate(
        160, gain={"lime": 0.3}, dropout=0.2, strata=("old", "young"), item_sd=0.2, seed=21, bootstrap_draws=20
    )  # fmt: skip


@pytest.fixture(scope="module")
def report(lossy):
    return report_of(lossy)


def test_the_numbers_are_those_of_the_tipping_point_of_the_two_arms(lossy, report):
    (one,) = report.losses
    people, rows = read_enrolments(lossy.table, lossy.design), lossy.rows
    before = {(r["subject_id"], r["phase"]): [] for r in rows if r["phase"]}
    for row in rows:
        if row["phase"]:
            before[row["subject_id"], row["phase"]].append(int(row["correct"]))
    stratum = {r["subject_id"]: r["stratum"] == "young" for r in rows if r["stratum"]}
    arms = []
    for number in (1, 0):
        who = [s for s, arm in zip(people.subjects, people.allocation.arm, strict=True) if arm == number]
        pre = [np.mean(before[s, "pre"]) for s in who]
        gain = [np.mean(before.get((s, "post"), [np.nan])) - p for s, p in zip(who, pre, strict=True)]
        arms.append(Incomplete(np.array(gain), np.column_stack([pre, [float(stratum[s]) for s in who]])))
    expected = tipping_point(*arms, seed=report.provenance.seeds["bootstrap"], n_imputations=50)

    pooled = expected.unshifted.pooled
    assert one.n_missing == dict(zip(("lime", "none"), expected.unshifted.n_missing, strict=True))
    assert [one.value, one.p_value, one.missing_information, one.tipping_shift, one.tipping_deviations] == (
        pytest.approx(
            [pooled.value, pooled.p_value, pooled.missing_information, expected.shift, expected.in_deviations], abs=1e-9
        )
    )
    assert (one.interval.low, one.interval.high) == pytest.approx((pooled.interval.low, pooled.interval.high), abs=1e-9)
    assert "covariates: accuracy in PRE and stratum" in one.method


def test_the_sentence_is_in_the_unit_of_the_estimand(report):
    (one,) = report.losses

    assert one.tipping_shift < -0.1
    assert f"−{-100 * one.tipping_shift:.1f} percentage points" in one.sentence
    assert f"(−{-one.tipping_deviations:.2f} standard deviations)" in one.sentence
    assert one.sentence in report_text(report)
    assert one.sentence in results_paragraph(report)
    assert "Missing outcomes were also imputed" in methods_paragraph(report)


def test_where_nobody_is_lost_it_is_said_and_nothing_is_computed(simulate):
    report = report_of(simulate(24, seed=22, n_items=6, bootstrap_draws=20))
    (one,) = report.losses

    assert (one.sentence, one.method) == (NOBODY, "")
    assert one.n_missing == {"lime": 0, "none": 0}
    assert (one.value, one.interval, one.p_value, one.missing_information, one.tipping_shift) == (None,) * 5
    assert NOBODY in report_text(report)
    assert "imputed" not in methods_paragraph(report) + results_paragraph(report)


def test_an_arm_that_lost_nobody_has_no_shift(simulate):
    study = simulate(60, gain={"lime": 0.4}, item_sd=0.2, seed=23, bootstrap_draws=20)
    lost = [row["subject_id"] for row in study.where(arm="none", trial_type="allocation")][:5]
    study.without([row for row in study.where(phase="post") if row["subject_id"] in lost])
    (one,) = report_of(study).losses

    assert one.n_missing == {"lime": 0, "none": 5}
    assert (one.tipping_shift, one.sentence) == (None, "No outcome is missing in the first arm.")
    assert one.interval.low < one.value < one.interval.high


def test_many_strata_among_few_people_are_left_out_of_the_covariates(simulate):
    study = simulate(40, dropout=0.2, strata=tuple("abcdef"), seed=24, n_items=6, bootstrap_draws=20)

    assert report_of(study).losses[0].method.count("covariates: accuracy in PRE;") == 1


def test_one_stratum_is_no_covariate(simulate):
    study = simulate(12, n_items=4, seed=25)
    known = baseline(study.table, read_enrolments(study.table, study.design), "pre")

    assert known.strata.shape == (12, 0)
    assert not np.isnan(known.accuracy).any()


@pytest.mark.parametrize("left", [0, 2])
def test_an_arm_with_too_few_outcomes_is_told_in_words(simulate, left):
    study = simulate(24, seed=1, n_items=6, bootstrap_draws=20)
    gone = [row["subject_id"] for row in study.where(arm="lime", trial_type="allocation")][left:]
    study.without([row for row in study.rows if row["subject_id"] in gone and row["phase"] in {"pre", "post"}])
    report = report_of(study)
    (one,) = report.losses

    assert one.value is None
    assert one.sentence == "An arm has too few outcomes to fill in the missing ones."
    assert report_from_json(report.to_json()) == report


def test_people_who_are_all_alike_teach_nothing_of_who_is_missing(simulate):
    study = simulate(24, seed=26, n_items=6, dropout=0.3, bootstrap_draws=20)
    for row in study.where(trial_type="forward_simulation"):
        row.update(response=row["model_output"], correct="1")
    (one,) = report_of(study).losses

    assert one.value is None
    assert one.sentence.startswith("Nobody differs from anybody")


@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_every_estimand_with_several_arms_has_its_losses_imputed(simulate, estimand):
    study = simulate(
        45, arms=THREE_ARMS, dropout=0.2, seed=27, n_items=8, bootstrap_draws=20, estimand=estimand,
        missing="available", smallest_effect=0.3,
    )  # fmt: skip
    report = report_of(study)

    lost = report.flow.arms
    for one in report.losses:
        assert one.n_missing == {arm.arm: arm.allocated - arm.with_outcome for arm in lost if arm.arm in one.n_missing}
        assert one.value is not None
        assert 0 <= one.missing_information < 1
    assert [one.contrast.arm for one in report.losses] == ["lime", "senn"]
    assert report_from_json(report.to_json()) == report
    assert report_text(report)


def test_the_plans_missing_data_rule_does_not_change_what_is_imputed(lossy, report):
    tree = json.loads(lossy.json)
    tree["plan"]["missing"] = "available"

    assert analyse(lossy.table, read_design(json.dumps(tree)), draws=20).losses == report.losses

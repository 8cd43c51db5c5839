"""Flags of a table: blind to the arm, the same in any order of the rows, and beside the primary in the report."""

import random

import numpy as np
import pytest

from analysis.api import analyse, read_design, read_table, report_from_json
from analysis.errors import DesignError
from analysis.quality.base import PlannedRule
from analysis.quality.flags import raise_flags
from analysis.text import report_text
from analysis.words import methods_paragraph, results_paragraph

RULES = [{"rule": "fast_trials", "params": {"ms": 300, "share": 0.1}}, {"rule": "pastes", "params": {"times": 1}}]


@pytest.fixture
def study(simulate):
    """Forty people; the first four hurry, and the first of them pastes as well."""
    study = simulate(40, gain={"lime": 0.2}, seed=9, draws=200, bootstrap_draws=50)
    study.tree["quality"] = {"rules": RULES}
    for row in study.where(trial_type="forward_simulation"):
        if row["subject_id"] in {"p0000", "p0001", "p0002", "p0003"}:
            row["rt"] = "90"
        if row["subject_id"] == "p0000":
            row["pastes"] = "1"
    return study


def flags_of(study):
    subjects = sorted({row["subject_id"] for row in study.rows})
    return raise_flags(study.table, study.design.rules, subjects)


def test_the_rules_of_the_design_flag_who_breaks_them(study):
    flags = flags_of(study)

    assert [s for s, is_flagged in zip(flags.subjects, flags.of_anybody, strict=True) if is_flagged] == [
        "p0000", "p0001", "p0002", "p0003",
    ]  # fmt: skip
    assert (flags.names("p0000"), flags.names("p0003")) == (("fast_trials", "pastes"), ("fast_trials",))


def test_exchanging_every_arm_and_the_order_of_the_rows_changes_no_flag(study):
    before = flags_of(study)
    for row in study.rows:
        row["arm"] = {"none": "lime", "lime": "none", "": ""}[row["arm"]]
        row["stratum"], row["sequence"] = "x" * bool(row["stratum"]), ""
    random.Random(1).shuffle(study.rows)

    after = flags_of(study)

    assert (before.raised == after.raised).all()


def test_a_design_without_rules_flags_nobody_and_says_so(simulate):
    study = simulate(8, n_items=2, draws=10, bootstrap_draws=10)

    report = analyse(study.table, study.design)

    assert (report.flag_rates, report.unflagged) == ((), ())
    assert "the design has no rules" in report_text(report)


def test_the_report_counts_flags_by_arm_and_estimates_without_the_flagged(study):
    report = analyse(study.table, study.design)
    by_arm = {row["subject_id"]: row["arm"] for row in study.where(trial_type="allocation")}
    hurried = [by_arm[f"p000{n}"] for n in range(4)]

    anybody, fast, pasted = report.flag_rates
    assert [share.flagged for share in fast.arms] == [hurried.count("none"), hurried.count("lime")]
    assert (anybody.flagged, fast.flagged, pasted.flagged) == (4, 4, 1)
    assert all(0 <= share.interval.low <= share.flagged / 20 <= share.interval.high for share in fast.arms)
    (other,) = report.unflagged
    assert sum(other.n_enrolments.values()) == 36
    assert other.conservative_interval is not None
    assert report_from_json(report.to_json()) == report


def test_leaving_the_flagged_out_is_the_same_estimator_on_the_others(study):
    report = analyse(study.table, study.design)
    gains = {"none": [], "lime": []}
    for number in range(4, 40):
        mine = study.where(subject_id=f"p{number:04d}", trial_type="forward_simulation")
        right = {p: np.mean([int(r["correct"]) for r in mine if r["phase"] == p]) for p in ("pre", "post")}
        gains[mine[0]["arm"]].append(right["post"] - right["pre"])

    assert report.unflagged[0].value == pytest.approx(np.mean(gains["lime"]) - np.mean(gains["none"]), abs=1e-12)
    assert report.primary[0].n_enrolments == {"none": 20, "lime": 20}


def test_words_and_text_name_the_rules_the_rates_and_what_is_found_without_the_flagged(study):
    report = analyse(study.table, study.design)

    assert "10% of the answers or more came within 300 ms" in methods_paragraph(report)
    assert "without them: LIME" in results_paragraph(report)
    assert "without the flagged" in report_text(report)
    assert "Faster than reading" in report_text(report)


def test_columns_that_older_tables_lack_are_taken_as_unknown(study):
    for row in study.rows:
        row["arrival"] = row["seen_before"] = row["shared_browser"] = ""
    lines = [line.rsplit(",", 3)[0] for line in study.csv.splitlines()]
    assert "shared_browser" not in lines[0]
    table = read_table("\n".join(lines) + "\n")
    rules = [PlannedRule("unverified_arrival", {}), PlannedRule("seen_before", {"studies": 1.0})]
    assert not raise_flags(table, rules, ["p0000"]).of_anybody.any()


def test_rules_that_cannot_be_are_refused_by_their_path(study):
    study.tree["quality"] = {"rules": [{"rule": "fast_trials", "params": {"ms": 1}}, {"rule": "magic"}]}

    with pytest.raises(DesignError) as refused:
        read_design(study.json)

    assert [str(problem).split(":")[0] for problem in refused.value.problems] == [
        "quality.rules[0].params.ms", "quality.rules[0].params.share", "quality.rules[1].rule",
    ]  # fmt: skip

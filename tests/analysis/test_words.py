from dataclasses import replace

import pytest

from analysis.api import analyse
from analysis.numbers import effect, p_text
from analysis.types import Interval
from analysis.words import headline, methods_paragraph, results_paragraph, verdict


@pytest.fixture(scope="module")
def report(planted):
    return analyse(planted.table, planted.design)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.1, 0.2, "is at least as large as the smallest effect of interest"),
        (0.01, 0.2, "is above zero, and may be smaller or larger than the smallest effect of interest"),
        (-0.05, 0.2, "is uncertain: both no effect and one of interest are compatible with these data"),
        (-0.05, 0.09, "is smaller than the smallest effect of interest, if there is one"),
        (0.01, 0.09, "is smaller than the smallest effect of interest, if there is one"),
        (-0.2, 0.09, "is no gain as large as the smallest effect of interest"),
        (-0.2, -0.01, "is below zero: people gained less than in the control arm"),
        (-0.3, -0.1, "is a harm at least as large as the smallest effect of interest"),
    ],
)
def test_the_verdict_follows_where_the_interval_lies(report, low, high, text):
    assert verdict(replace(report.primary[0], interval=Interval(low, high, 0.95)), 0.1) == text


def test_no_interval_no_verdict(report):
    assert verdict(replace(report.primary[0], interval=None), 0.1) == "is too uncertain for an interval"


def test_results_put_the_interval_before_p_and_say_everything_that_was_found(report):
    text = results_paragraph(report)

    for estimate in report.primary:
        number, interval = effect(estimate).rstrip(")").split(" (")
        told = f"{number} percentage points (95 % interval {interval}, p"
        assert told in text
        assert p_text(estimate.p_adjusted) in text
    assert "Secondary contrasts, not adjusted: LIME minus Placebo (content)" in text
    assert all(deviation in text for deviation in report.deviations)
    assert "*" not in text
    assert "significan" not in text


def test_methods_say_what_was_done_with_the_plans_numbers(report):
    text = methods_paragraph(report)

    for part in (
        "4 arms (No explanation, Placebo, LIME and SENN) in the ratio 1:1:1:1 by permuted blocks within strata",
        "counted with a gain of zero, a rule set before the study opened",
        "re-drew the actual allocation 2,000 times",
        "500 resamples of participants within arms and of items",
        "adjusted by Holm's method",
        "smallest effect of interest was 10 percentage points",
        "seed 20",
    ):
        assert part in text


def test_one_contrast_alone_is_not_said_to_be_adjusted(simulate):
    study = simulate(12, n_items=4, draws=10_000, bootstrap_draws=10)
    report = analyse(study.table, study.design)

    assert "There was one primary contrast, so no adjustment was needed." in methods_paragraph(report)
    assert "over every allocation the mechanism could have given" in methods_paragraph(report)
    assert "Holm" not in results_paragraph(report)


def test_simulated_people_are_called_so(simulate):
    study = simulate(8, n_items=4, stage="rehearsal", draws=20, bootstrap_draws=10)

    assert "simulated participants who arrived" in results_paragraph(analyse(study.table, study.design))


def test_what_cannot_be_estimated_is_said(simulate):
    study = simulate(8, n_items=4, draws=20, bootstrap_draws=10)
    study.without(study.where(phase="post"))
    report = analyse(study.table, study.design)

    assert "For LIME against No explanation there is no estimate" in results_paragraph(report)
    assert headline(report) == "No effect could be estimated."


def test_the_headline_names_the_largest_gain(report):
    best = max(report.primary, key=lambda estimate: estimate.value)

    assert headline(report).startswith(
        f"Largest gain with {report.arm_title(best.contrast.arm)}: {effect(best)} percentage"
    )


def test_a_study_that_was_run_elsewhere_is_not_told_as_one_of_ours(simulate):
    study = simulate(12, n_items=4, draws=20, bootstrap_draws=10)
    study.tree |= {"allocation": {"method": "complete"}, "imported": {"assumptions": ["Nobody knows the blocks."]}}
    report = analyse(study.table, study.design)

    methods = methods_paragraph(report)

    assert report.is_imported
    assert "Nobody knows the blocks." in report.deviations
    assert "Nobody knows the blocks." in results_paragraph(report)
    assert "in the ratio 1:1 where the study was run; what is assumed of how is listed with the results" in methods
    assert "a rule set for this analysis of data that were there" in methods
    assert "re-drew the allocation so assumed 20 times" in methods
    assert "permuted blocks" not in methods


@pytest.mark.parametrize(
    ("estimand", "words"),
    [
        ("gain_in_accuracy", " (PRE is the phase “Before”, POST is “After”)"),
        ("accuracy", " (POST is the phase “After”)"),
        ("rating", "ratings; the estimand"),
    ],
)
def test_phases_are_named_where_the_outcome_is_made_of_them(simulate, estimand, words):
    study = simulate(8, n_items=4, draws=20, bootstrap_draws=10, estimand=estimand, missing="available")

    assert words in methods_paragraph(analyse(study.table, study.design))

"""Content against mere attention: what the closed test of the inference says, in a report."""

import pytest

from analysis.api import analyse, report_from_json
from analysis.closed import ALL_REDRAWS, FEWEST, closed_tests
from analysis.enrolments import read_enrolments
from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Question
from analysis.estimation import Estimation
from analysis.inference.closed_testing import placebo_closed_test
from analysis.text import report_text
from analysis.types import Contrast
from analysis.words import methods_paragraph, results_paragraph

THREE_ARMS = (("none", "control", 1), ("placebo", "placebo", 1), ("lime", "explained", 1))
NUMBERS = ("p_value", "p_adjusted", "is_shown")
TWO_PLACEBOS = (*THREE_ARMS, ("shuffled", "placebo", 1))


def work_of(study, draws=200):
    people, plan = read_enrolments(study.table, study.design), study.design.plan
    question = Question(plan.pre, plan.post, plan.missing)
    outcome = ESTIMANDS[plan.estimand].measure(study.table, people.positions(study.table), len(people), question)
    return Estimation(study.design, people.allocation, draws), outcome


@pytest.fixture(scope="module")
def content(simulate):
    """LIME says something; being shown a placebo does nothing."""
    return simulate(180, arms=THREE_ARMS, gain={"lime": 0.3}, n_items=8, item_sd=0.2, seed=41, bootstrap_draws=20)


def test_the_report_holds_the_closed_test_of_its_arms(content):
    work, outcome = work_of(content)
    (one,) = closed_tests(work, outcome)
    expected = placebo_closed_test(
        outcome.values, work.allocation, explained=[2], placebo=1, none=0, titles={2: "LIME"}, draws=200,
        seed=work.seeds[0],
    )  # fmt: skip

    assert (one.placebo, one.sentence, one.draws) == ("placebo", expected.sentence, 200)
    assert [(h.kind, h.contrast, h.p_value, h.p_adjusted, h.is_shown) for h in one.hypotheses] == [
        ("content", Contrast("lime", "placebo"), *(getattr(expected.hypotheses[0], name) for name in NUMBERS)),
        ("attention", Contrast("placebo", "none"), *(getattr(expected.hypotheses[1], name) for name in NUMBERS)),
    ]


def test_content_is_shown_and_attention_is_not(content):
    report = analyse(content.table, content.design, draws=200)
    (one,) = report.closed

    assert [h.is_shown for h in one.hypotheses] == [True, False]
    assert one.sentence.startswith("It was shown that what LIME says is better than a placebo")
    assert one.sentence in report_text(report)
    assert one.sentence in results_paragraph(report)
    assert "one closed family" in methods_paragraph(report)
    assert report_from_json(report.to_json()) == report


def test_two_placebos_are_two_tests(simulate):
    study = simulate(48, arms=TWO_PLACEBOS, n_items=6, seed=42, bootstrap_draws=20)
    report = analyse(study.table, study.design, draws=99)

    assert [one.placebo for one in report.closed] == ["placebo", "shuffled"]
    assert [one.hypotheses[1].contrast for one in report.closed] == [
        Contrast("placebo", "none"), Contrast("shuffled", "none")
    ]  # fmt: skip
    assert f"Shuffled: {report.closed[1].sentence}" in report_text(report)


def test_without_a_placebo_there_is_nothing(simulate):
    study = simulate(12, n_items=4, seed=43, bootstrap_draws=20)
    report = analyse(study.table, study.design, draws=20)

    assert report.closed == ()
    assert "only that there is one" not in report_text(report)
    assert "closed family" not in methods_paragraph(report)


def test_a_placebo_as_control_leaves_no_arm_without_explanations(simulate):
    study = simulate(24, arms=TWO_PLACEBOS, n_items=4, seed=44, control="placebo", bootstrap_draws=20)

    assert closed_tests(*work_of(study)) == ()


def test_an_arm_of_guessed_outcomes_is_not_tested(simulate):
    study = simulate(45, arms=THREE_ARMS, n_items=4, seed=45, bootstrap_draws=20)
    study.without([row for row in study.where(phase="post") if row["arm"] == "lime"])
    (one,) = closed_tests(*work_of(study))

    content, attention = one.hypotheses
    assert (content.p_value, content.p_adjusted, content.is_shown) == (None, None, False)
    assert attention.p_adjusted is not None
    assert "what LIME says differs from a placebo (not tested)" in one.sentence


@pytest.mark.parametrize(("n_explained", "draws"), [(1, ALL_REDRAWS // 3), (2, ALL_REDRAWS // 7), (6, FEWEST)])
def test_more_arms_share_the_same_work(simulate, n_explained, draws):
    arms = [("none", "control", 1), ("placebo", "placebo", 1), *((f"x{n}", "explained", 1) for n in range(n_explained))]
    study = simulate(3 * len(arms), arms=arms, n_items=2, seed=46, bootstrap_draws=5)

    assert {one.draws for one in closed_tests(*work_of(study, draws=100_000))} == {draws}
    assert {one.draws for one in closed_tests(*work_of(study, draws=50))} == {50}


def test_too_many_arms_are_told_in_words(simulate):
    arms = [("none", "control", 1), ("placebo", "placebo", 1), *((f"x{n}", "explained", 1) for n in range(9))]
    study = simulate(22, arms=arms, n_items=2, seed=47, bootstrap_draws=5)
    (one,) = closed_tests(*work_of(study))

    assert one.hypotheses == ()
    assert one.sentence.startswith("Not tested: with more than 8 explained arms")

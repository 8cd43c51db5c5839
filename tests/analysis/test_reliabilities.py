"""How reliable answers and ratings are in each arm: by definition, and where there is nothing to say."""

import numpy as np
import pytest
from scipy import stats

from analysis.api import analyse, report_from_json
from analysis.text import report_text

QUESTIONS = ("clear", "useful")


def with_questions(study, noise=1.0, seed=1):
    """Let everybody who rated answer two questions instead, which have something in common."""
    draw = np.random.default_rng(seed)
    for row in study.where(trial_type="rating"):
        liking, last = draw.normal(4, 1.5), int(row["trial_index"])
        row.update(item=QUESTIONS[0], rating=f"{liking + noise * draw.normal():.3f}")
        second = {"item": QUESTIONS[1], "rating": f"{liking + noise * draw.normal():.3f}", "trial_index": str(last + 2)}
        study.rows.append(row | second)
    return study


def matrix(study, arm, cell, **cells):
    """Return one row a person, one column an item, NaN where there is none."""
    rows = study.where(arm=arm, **cells)
    people = sorted({row["subject_id"] for row in rows})
    items = sorted({row["item"] for row in rows})
    table = np.full((len(people), len(items)), np.nan)
    for row in rows:
        table[people.index(row["subject_id"]), items.index(row["item"])] = float(row[cell])
    return table


def alpha(table):
    k = table.shape[1]
    return k / (k - 1) * (1 - table.var(axis=0, ddof=1).sum() / table.sum(axis=1).var(ddof=1))


@pytest.fixture(scope="module")
def study(simulate):
    return with_questions(simulate(80, n_items=12, seed=8, gain={"lime": 0.1}, person_sd=1.0, bootstrap_draws=50))


@pytest.fixture(scope="module")
def report(study):
    return analyse(study.table, study.design, draws=20)


def test_alpha_of_answers_is_kuder_and_richardsons_formula_20(study, report):
    for one in report.reliabilities.answers:
        right = matrix(study, one.arm, "correct", phase="post")
        share = right.mean(axis=0)
        # With variances over n, as KR-20 has them; the ratio is the same.
        kr20 = 12 / 11 * (1 - (share * (1 - share)).sum() / right.sum(axis=1).var())
        assert one.alpha.value == pytest.approx(kr20, rel=1e-12)
        assert one.alpha.interval.low < kr20 < one.alpha.interval.high


def test_the_design_effect_is_the_variance_of_peoples_means_over_that_of_single_answers(study, report):
    for one in report.reliabilities.answers:
        right = matrix(study, one.arm, "correct", phase="post")
        between = 12 * right.mean(axis=1).var(ddof=1)
        within = right.var(axis=1, ddof=1).mean()
        effect = between / ((between + 11 * within) / 12)
        assert one.design_effect == pytest.approx(effect, rel=1e-12)
        assert one.people.value == pytest.approx((effect - 1) / 11, rel=1e-9)
        assert (
            one.words == f"For the arm's mean {right.size} answers count as {right.size / effect:.0f} independent ones."
        )


def test_what_an_arm_does_for_everybody_is_not_between_people(study, report):
    other = type(study)([dict(row) for row in study.rows], study.tree)
    for row in other.where(arm="lime", phase="post"):
        row.update(response=row["model_output"], correct="1")

    found = analyse(other.table, other.design, draws=20).reliabilities.answers

    assert found[0] == report.reliabilities.answers[0]
    assert (found[1].people.value, found[1].design_effect) == (None, None)
    assert found[1].words == "Too few answers, or all of them the same."


def test_ratings_are_correlated_with_gains_within_an_arm(study, report):
    for one in report.reliabilities.ratings:
        rated = matrix(study, one.arm, "rating", trial_type="rating")
        before, after = (matrix(study, one.arm, "correct", phase=phase) for phase in ("pre", "post"))
        assert one.n_questions == 2
        assert one.alpha.value == pytest.approx(alpha(rated), rel=1e-9)
        expected = stats.spearmanr(rated.mean(axis=1), np.round(after.mean(axis=1) - before.mean(axis=1), 9)).statistic
        assert one.correlation.value == pytest.approx(expected, rel=1e-9)
        assert one.correlation.interval.low < expected < one.correlation.interval.high


def test_the_correlation_without_errors_is_spearmans_where_both_reliabilities_are_known(study):
    """The gain is the mean over items of after minus before, so its reliability is the alpha of those."""
    study.tree["plan"].update(estimand="accuracy", missing="available")
    found = analyse(study.table, study.design, draws=20).reliabilities.ratings
    study.tree["plan"].update(estimand="gain_in_accuracy", missing="no_gain")
    gains = analyse(study.table, study.design, draws=20).reliabilities.ratings

    assert any(one.disattenuated for one in found)
    for one, gain in zip(found, gains, strict=True):
        rated = matrix(study, one.arm, "rating", trial_type="rating")
        before, after = (matrix(study, one.arm, "correct", phase=phase) for phase in ("pre", "post"))
        assert one.disattenuated.value == pytest.approx(
            one.correlation.value / np.sqrt(alpha(rated) * alpha(after)), rel=1e-9
        )
        of_gain = alpha(after - before)
        assert (gain.disattenuated is None) == (of_gain <= 0)
        if gain.disattenuated is not None:
            assert gain.disattenuated.reliabilities == pytest.approx((alpha(rated), of_gain))


def test_an_outcome_that_is_no_mean_of_items_has_no_known_reliability(study):
    study.tree["plan"].update(estimand="d_prime", missing="available")
    found = analyse(study.table, study.design, draws=20).reliabilities.ratings
    study.tree["plan"].update(estimand="rating")
    of_ratings = analyse(study.table, study.design, draws=20).reliabilities.ratings
    study.tree["plan"].update(estimand="gain_in_accuracy", missing="no_gain")

    assert {one.disattenuated for one in found} == {None}
    assert all(one.correlation.value is not None for one in found)
    assert {(one.correlation, one.words) for one in of_ratings} == {(None, "The outcome is the rating itself.")}


def test_one_question_has_no_alpha_and_ratings_all_alike_no_correlation(simulate):
    study = simulate(24, seed=1, bootstrap_draws=20)
    for row in study.where(trial_type="rating"):
        row["rating"] = "3"

    found = analyse(study.table, study.design, draws=20).reliabilities.ratings

    assert {(one.n_questions, one.alpha, one.words) for one in found} == {(1, None, "Ratings or outcomes do not vary.")}


def test_nobody_asked_and_nobody_who_answered_every_item(simulate):
    study = simulate(24, n_items=4, seed=1, bootstrap_draws=20)
    study.without(study.where(trial_type="rating"))
    study.without([row for n, row in enumerate(study.where(phase="post")) if n % 4 == 0])

    report = analyse(study.table, study.design, draws=20)

    assert report.reliabilities.ratings == ()
    assert {(one.alpha.value, one.alpha.n_targets) for one in report.reliabilities.answers} == {(None, 0)}
    assert all(one.people.value is not None for one in report.reliabilities.answers)
    assert "Ratings: do people" not in report_text(report)
    assert report_from_json(report.to_json()) == report


def test_answers_of_one_person_that_are_not_alike_cost_nothing(simulate):
    study = simulate(12, n_items=4, seed=1, bootstrap_draws=20)
    for row in study.where(phase="post"):
        right = int(row["item"][1:]) % 2 == 0
        row.update(response=row["model_output"] if right else "neither", correct=str(int(right)))

    found = analyse(study.table, study.design, draws=20).reliabilities.answers

    assert [one.design_effect for one in found] == pytest.approx([0, 0], abs=1e-12)
    assert {one.words for one in found} == {"Answers of one person are no more alike than those of different people."}


def test_the_text_has_a_line_an_arm(report):
    text = report_text(report)

    for title in ("Reliability of the answers in the phase “After”", "Ratings: do people who rate higher"):
        block = text.split(title)[1].split("\n\n")[0]
        assert all(f"\n{arm.title}" in block for arm in report.arms)

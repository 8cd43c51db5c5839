import numpy as np
import pytest

from analysis.enrolments import read_enrolments
from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Question


def measured(study, missing):
    table, design = study.table, study.design
    enrolments = read_enrolments(table, design)
    question = Question("pre", "post", missing)
    outcome = ESTIMANDS["gain_in_accuracy"].measure(table, enrolments.positions(table), len(enrolments), question)
    return dict(zip(enrolments.subjects, outcome.values.tolist(), strict=True)), outcome


@pytest.fixture
def study(simulate):
    return simulate(4, n_items=8, seed=2)


def by_hand(study, subject):
    means = []
    for phase in ("post", "pre"):
        scores = [int(row["correct"]) for row in study.where(subject_id=subject, phase=phase) if row["correct"]]
        means.append(sum(scores) / len(scores))
    return means[0] - means[1]


@pytest.mark.parametrize("missing", ["no_gain", "available"])
def test_gain_is_the_share_correct_after_minus_before(study, missing):
    gains, outcome = measured(study, missing)

    assert gains == {
        subject: pytest.approx(by_hand(study, subject)) for subject in ("p0000", "p0001", "p0002", "p0003")
    }
    assert len(set(gains.values())) > 1
    assert outcome.is_observed.all()


@pytest.mark.parametrize("phase", ["pre", "post"])
def test_who_has_no_answer_in_a_phase_gained_nothing_or_is_left_out(study, phase):
    study.without(study.where(subject_id="p0001", phase=phase))

    conservative, outcome = measured(study, "no_gain")
    available, _ = measured(study, "available")

    assert conservative["p0001"] == 0
    assert np.isnan(available["p0001"])
    assert outcome.is_observed.sum() == 3


def test_who_left_within_post_is_scored_on_the_answers_given(study):
    study.without(study.where(subject_id="p0002", phase="post")[3:])

    gains, outcome = measured(study, "no_gain")

    assert gains["p0002"] == pytest.approx(by_hand(study, "p0002"))
    assert outcome.is_observed.all()


def test_an_unanswered_trial_is_no_wrong_answer(study):
    study.where(subject_id="p0000", phase="post")[0].update(response="", correct="")

    gains, _ = measured(study, "no_gain")

    assert gains["p0000"] == pytest.approx(by_hand(study, "p0000"))


def test_weights_of_one_give_the_outcome_and_of_zero_drop_an_item(study):
    _, outcome = measured(study, "no_gain")
    one_item = np.zeros((outcome.n_items, 1))
    one_item[3] = 5

    alone = outcome.reweighted(one_item)[:, 0]

    np.testing.assert_allclose(outcome.reweighted(np.ones((8, 1)))[:, 0], outcome.values)
    np.testing.assert_array_equal(alone, outcome.post.correct[:, 3] - outcome.pre.correct[:, 3])

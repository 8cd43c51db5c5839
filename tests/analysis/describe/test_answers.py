import numpy as np
import pytest

from analysis.describe import answers
from analysis.enrolments import read_enrolments
from analysis.inference.welch import mean_of


@pytest.fixture(scope="module")
def study(simulate):
    return simulate(12, n_items=6, seed=4, gain={"lime": 0.2}, dropout=0.3)


@pytest.fixture(scope="module")
def rows(study):
    table, design = study.table, study.design
    return answers.describe_rows(table, design, read_enrolments(table, design), 0.95)


def per_person(study, arm, phase, hit, wanted=lambda row: True):
    """Count by hand: the share of each participant."""
    shares = {}
    for row in study.where(arm=arm, phase=phase):
        if wanted(row):
            shares.setdefault(row["subject_id"], []).append(hit(row))
    return np.array([np.mean(hits) for hits in shares.values()])


@pytest.mark.parametrize("kind", [None, True, False])
def test_accuracy_is_the_mean_of_the_participants_shares(study, rows, kind):
    for share in (share for share in answers.accuracy(rows) if share.model_is_right is kind):
        expected = per_person(
            study, share.arm, share.phase, lambda row: row["correct"] == "1",
            lambda row: kind is None or (row["model_output"] == row["label"]) is kind,
        )  # fmt: skip
        assert share.value == pytest.approx(expected.mean())
        assert share.n_enrolments == len(expected)
        whole = mean_of(expected, 0.95).interval
        assert (share.interval.low, share.interval.high) == pytest.approx((max(0, whole.low), min(1, whole.high)))


def test_cells_come_in_the_designs_order(rows):
    cells = [(share.phase, share.arm) for share in answers.own_label(rows)]

    assert cells == [("pre", "none"), ("pre", "lime"), ("post", "none"), ("post", "lime")]


def test_own_label_counts_answers_that_name_the_true_class(study, rows):
    for share in answers.own_label(rows):
        expected = per_person(study, share.arm, share.phase, lambda row: row["response"] == row["label"])
        assert share.value == pytest.approx(expected.mean())


def test_response_times_are_quartiles_in_milliseconds(study, rows):
    for time in answers.response_times(rows):
        rts = [float(row["rt"]) for row in study.where(arm=time.arm, phase=time.phase)]
        assert (time.median_ms, time.n_answers) == (pytest.approx(np.median(rts)), len(rts))
        assert time.lower_quartile_ms < time.median_ms < time.upper_quartile_ms


def test_ratings_are_means_of_participants_means(study, rows):
    for rating in answers.ratings(rows):
        given = [float(row["rating"]) for row in study.where(arm=rating.arm, trial_type="rating")]
        assert (rating.value, rating.n_ratings) == (pytest.approx(np.mean(given)), len(given))


def test_a_phase_where_an_arm_has_no_answer_says_so(simulate):
    study = simulate(4, n_items=2)
    study.without(study.where(arm="lime", phase="post"))
    table, design = study.table, study.design

    shares = answers.accuracy(answers.describe_rows(table, design, read_enrolments(table, design), 0.95))

    (empty,) = (share for share in shares if (share.arm, share.phase, share.model_is_right) == ("lime", "post", None))
    assert (empty.value, empty.interval, empty.n_enrolments, empty.n_answers) == (None, None, 0, 0)

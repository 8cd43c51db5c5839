"""The other outcomes on small tables, computed by hand."""

import numpy as np
import pytest

from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Question, Trim
from analysis.table import table_of

CLASSES = ("a", "b", "c")


def trial(subject, index, phase, correct, rt="", item=None):
    return {
        "study_id": "s", "subject_id": subject, "stage": "main", "simulated": "0", "trial_index": str(index),
        "trial_type": "forward_simulation", "phase": phase, "item": item or f"i{index}", "label": CLASSES[index % 3],
        "model_output": CLASSES[index % 3], "response": CLASSES[(index + 1 - correct) % 3], "correct": str(correct),
        "rt": str(rt),
    }  # fmt: skip


def rating(subject, key, value):
    return {
        "study_id": "s", "subject_id": subject, "stage": "main", "simulated": "0", "trial_index": "99",
        "trial_type": "rating", "item": key, "rating": str(value),
    }  # fmt: skip


def outcome_of(key, rows, missing="available", trim=None, n=2):
    table = table_of(rows)
    positions = np.array([int(subject[1:]) for subject in table.subject_id])
    return ESTIMANDS[key].measure(table, positions, n, Question("pre", "post", missing, trim))


def test_accuracy_is_of_post_alone():
    rows = [
        trial("p0", 0, "pre", 1),
        *(trial("p0", i, "post", int(i < 3)) for i in range(1, 5)),
        trial("p1", 0, "pre", 1),
    ]

    guessing, left_out = (outcome_of("accuracy", rows, missing) for missing in ("chance", "available"))

    np.testing.assert_allclose(guessing.values, [0.5, 1 / 3])
    np.testing.assert_allclose(left_out.values, [0.5, np.nan])
    assert guessing.n_items == 4


def test_response_time_is_the_mean_logarithm_and_zero_or_empty_is_not_known():
    rows = [trial("p0", i, "post", 1, rt) for i, rt in enumerate((1000, 4000, 0, ""))]

    assert outcome_of("response_time", rows).values[0] == pytest.approx(np.log(2000))


def test_response_times_are_trimmed_by_the_plan_alone():
    rows = [trial("p0", i, "post", 1, rt) for i, rt in enumerate((100, 1000, 4000, 90_000))]

    kept = [
        np.exp(outcome_of("response_time", rows, trim=trim).values[0])
        for trim in (None, Trim(low_ms=200), Trim(200, 60_000), Trim(1000, 4000))
    ]

    assert kept == pytest.approx([(1e2 * 1e3 * 4e3 * 9e4) ** 0.25, (1e3 * 4e3 * 9e4) ** (1 / 3), 2000, 2000])


def test_change_of_response_time_is_after_minus_before():
    rows = [trial("p0", 0, "pre", 1, 4000), trial("p0", 1, "post", 0, 1000), trial("p1", 0, "pre", 1, 4000)]

    np.testing.assert_allclose(outcome_of("change_in_response_time", rows).values, [-np.log(4), np.nan])
    np.testing.assert_allclose(outcome_of("change_in_response_time", rows, "no_change").values, [-np.log(4), 0])


def test_rating_is_the_mean_of_the_questions_answered():
    rows = [rating("p0", "trust", 6), rating("p0", "clear", 3), rating("p1", "clear", 2), rating("p1", "trust", "")]

    outcome = outcome_of("rating", rows)

    np.testing.assert_allclose(outcome.values, [4.5, 2])
    np.testing.assert_allclose(outcome.reweighted(np.array([[0.0], [1.0]]))[:, 0], [6, np.nan])  # clear, trust


def test_utility_is_the_mean_of_the_sessions_from_the_first_to_the_last():
    rows = [
        *(trial("p0", i, "pre", int(i < 1)) for i in range(4)),  # 1/4
        *(trial("p0", i, "middle", int(i < 12)) for i in range(10, 14)),  # 2/4
        *(trial("p0", i, "post", int(i < 23)) for i in range(20, 24)),  # 3/4
        *(trial("p0", i, "later", 0) for i in range(30, 34)),  # after the last of the plan
        *(trial("p1", i, "pre", 1) for i in range(4)),
    ]

    np.testing.assert_allclose(outcome_of("utility", rows).values, [0.5, np.nan])
    np.testing.assert_allclose(outcome_of("utility", rows, "chance").values, [0.5, 1 / 3])

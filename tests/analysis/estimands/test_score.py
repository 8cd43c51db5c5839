"""Scores on a small table, computed by hand."""

import numpy as np

from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Question
from analysis.planning import plan_problems
from analysis.table import table_of


def trial(subject, phase, item, score):
    return {
        "study_id": "s", "subject_id": subject, "stage": "main", "simulated": "0", "trial_index": "0",
        "trial_type": "scored_task", "phase": phase, "item": item, "score": score,
    }  # fmt: skip


def test_it_is_the_mean_of_post_and_an_empty_score_does_not_count():
    rows = [trial("p0", "post", "a", "4"), trial("p0", "post", "b", "-1"), trial("p0", "post", "c", ""),
            trial("p0", "pre", "a", "99"), trial("p1", "pre", "a", "3")]  # fmt: skip
    table = table_of(rows)
    positions = np.array([int(subject[1:]) for subject in table.subject_id])

    outcome = ESTIMANDS["score"].measure(table, positions, 2, Question("pre", "post", "available"))

    np.testing.assert_allclose(outcome.values, [1.5, np.nan])
    np.testing.assert_allclose(outcome.reweighted(np.array([[2.0], [0.0]]))[:, 0], [4, np.nan])
    assert outcome.is_observed.tolist() == [True, False]


def test_a_design_whose_answers_are_right_or_wrong_may_not_plan_it():
    plan = {"estimand": "score", "missing": "available", "smallest_effect": 1, "n_classes": 2, "has_ratings": True}

    (problem,) = plan_problems(**plan)

    assert problem == (
        "estimand", "Mean score in POST is made of answers worth a number; this design's answers are right or wrong"
    )  # fmt: skip
    assert not list(plan_problems(**plan, has_scores=True))

"""Estimands over some of the trials."""

import numpy as np
import pytest

from analysis.enrolments import read_enrolments
from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Question
from analysis.estimands.subsets import (
    MODEL_RIGHT,
    MODEL_WRONG,
    OUTPUT_FLIPS,
    OUTPUT_STAYS,
    among,
    at_places,
    of_item,
    of_task,
)
from analysis.table import table_of


@pytest.fixture
def study(simulate):
    return simulate(6, n_items=12, seed=9)


def gains(study, subset=None, missing="no_gain", key="gain_in_accuracy"):
    table = study.table
    enrolments = read_enrolments(table, study.design)
    estimand = ESTIMANDS[key] if subset is None else among(ESTIMANDS[key], subset)
    outcome = estimand.measure(table, enrolments.positions(table), len(enrolments), Question("pre", "post", missing))
    return dict(zip(enrolments.subjects, outcome.values.tolist(), strict=True)), outcome


def by_hand(study, subject, keep):
    means = []
    for phase in ("post", "pre"):
        rows = study.where(subject_id=subject, phase=phase)
        scores = [int(row["correct"]) for place, row in enumerate(rows, start=1) if keep(place, row)]
        means.append(sum(scores) / len(scores))
    return means[0] - means[1]


SUBSETS = {
    "right": (MODEL_RIGHT, lambda place, row: row["model_output"] == row["label"]),
    "wrong": (MODEL_WRONG, lambda place, row: row["model_output"] != row["label"]),
    "item": (of_item("i03"), lambda place, row: row["item"] == "i03"),
    "places": (at_places(2, 4), lambda place, row: 2 <= place <= 4),
    "both": (MODEL_RIGHT & at_places(1, 9), lambda place, row: row["model_output"] == row["label"] and place <= 9),
    "task": (of_task("forward_simulation"), lambda place, row: True),
}


@pytest.mark.parametrize("name", SUBSETS)
def test_only_the_trials_of_the_subset_count(study, name):
    subset, keep = SUBSETS[name]

    found, outcome = gains(study, subset)

    assert found == {subject: pytest.approx(by_hand(study, subject, keep)) for subject in found}
    np.testing.assert_array_equal(outcome.reweighted(np.ones((outcome.n_items, 1)))[:, 0], outcome.values)


def test_places_do_not_depend_on_the_order_of_rows(study):
    before, _ = gains(study, at_places(3, 3))
    study.rows = study.rows[::-1]

    assert gains(study, at_places(3, 3))[0] == before


def test_who_was_asked_none_of_these_trials_is_left_out_and_who_left_counts_by_the_rule(study):
    study.without(study.where(subject_id="p0001", item="i03"))
    study.without(study.where(subject_id="p0002", phase="post"))

    found, outcome = gains(study, of_item("i03"))

    assert np.isnan(found["p0001"])
    assert found["p0002"] == 0
    assert outcome.is_observed.sum() == 4


def test_titles_join_and_the_estimand_says_what_it_is_about():
    estimand = among(ESTIMANDS["d_prime"], MODEL_RIGHT & at_places(1, 8))

    assert (
        estimand.title == "Sensitivity d′ in POST, trials in which the model is right and at places 1 to 8 of a phase"
    )
    assert estimand.attributes.variable.endswith("in which the model is right and at places 1 to 8 of a phase alone")
    assert estimand.unit == ESTIMANDS["d_prime"].unit


def test_flips_are_told_by_the_output_before_the_change():
    cells = {
        "study_id": "s",
        "subject_id": "p",
        "stage": "main",
        "simulated": "0",
        "trial_type": "counterfactual_simulation",
    }
    outputs = [("yes", "no"), ("yes", "yes"), ("no", "")]
    table = table_of(
        [
            cells | {"trial_index": str(i), "model_output": after, "model_output_original": before}
            for i, (after, before) in enumerate(outputs)
        ]
    )

    assert OUTPUT_FLIPS.rows(table).tolist() == [True, False, False]
    assert OUTPUT_STAYS.rows(table).tolist() == [False, True, False]


def test_ratings_are_of_no_trial(study):
    _, outcome = gains(study, MODEL_RIGHT, "available", "rating")

    assert not outcome.is_observed.any()
    assert np.isnan(outcome.values).all()

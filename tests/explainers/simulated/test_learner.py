"""The learner's closed form, and how it counts answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from explainers.simulated.learner import Reading, Rows, answers, right
from explainers.simulated.seen import Seen, Statement
from explainers.simulated.tables import Table


def rows(n: int, seed: int, n_scores: int = 2) -> Rows:
    rng = np.random.default_rng(seed)
    targets = np.eye(3)[rng.integers(3, size=n)] - 1 / 3
    return Rows(rng.random((n, 4)), rng.normal(size=(n, 3, n_scores)), targets, rng.uniform(0.5, 2, n))


def test_closed_form_is_the_minimum_that_a_general_optimiser_finds() -> None:
    train, new, ridge = rows(9, 1), rows(5, 2), 0.7
    unit = (train.columns**2).sum(1).mean()
    scale = np.sqrt((train.scores**2).sum(1).mean(0) / unit)

    def said(parameters: np.ndarray, of: Rows) -> np.ndarray:
        weights, slopes = parameters[:15].reshape(5, 3), parameters[15:]
        columns = np.column_stack([of.columns, np.full(len(of.columns), np.sqrt(unit))])
        return columns @ weights + (of.scores / scale) @ slopes

    def loss(parameters: np.ndarray) -> float:
        errors = ((said(parameters, train) - train.targets) ** 2).sum(1)
        return float(train.weights @ errors + ridge * unit * (parameters @ parameters))

    best = minimize(loss, np.zeros(17), tol=1e-12).x
    found = answers(train, new, Reading(True, "explained"), [ridge])[0]

    assert found == pytest.approx(said(best, new), abs=1e-5)


def test_scores_without_variation_and_no_scores_at_all_are_the_same() -> None:
    train, new = rows(9, 1, n_scores=0), rows(5, 2, n_scores=0)
    empty = [Rows(one.columns, np.zeros((len(one.columns), 3, 1)), one.targets, one.weights) for one in (train, new)]
    reading = Reading(True, "explained")

    assert answers(*empty, reading) == pytest.approx(answers(train, new, reading), abs=1e-12)


def test_equal_scores_share_the_right_answer() -> None:
    scores = np.array([[0.2, 0.1, 0.0], [0.2, 0.2, 0.0], [0.1, 0.1, 0.1 + 1e-12]])
    targets = np.eye(3)[[0, 1, 2]]

    assert right(scores, targets).tolist() == pytest.approx([1, 1 / 2, 1 / 3])
    assert right(scores, targets[::-1]).tolist() == pytest.approx([0, 1 / 2, 1 / 3])


def test_table_is_the_ridge_regression_of_what_was_said_without_the_rows_own_item() -> None:
    at = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    adds = np.array([[2.0, 0.0], [4.0, -1.0], [0.0, 3.0]])
    seen = [Seen((Statement(*one),)) for one in zip(at, adds, strict=True)]
    table = Table(seen, np.array([0, 1, 1]), n_classes=2, size=2)
    everything = np.arange(3)

    found = table.said(everything, np.array([9, 0, 1]), np.ones((3, 2)))

    # half of (2 - 4) / 3 for the first class, half of (1 - 3) / 3; then without the first item, and the second
    assert found[:, 0] * table.unit == pytest.approx([-1 / 3 - 1 / 3, -4 / 4 - 1 / 3, 2 / 4 - 3 / 4])
    assert found.sum(1) == pytest.approx([0, 0, 0], abs=1e-12)
    assert table.said(everything[1:], np.array([0]), np.ones((1, 2))) == pytest.approx(found[1:2])

"""The learner: a ridge regression of the output's class, in closed form, and how it chooses what to go by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np

from explainers.methods.base import FloatArray, IntArray

RIDGES = (0.03, 0.3, 3.0, 30.0)  # in units of the mean square length of a row
_DIGITS = 9  # errors and scores that agree so far are alike: the last bits differ between machines


@dataclass(frozen=True)
class Reading:
    """What a learner goes by: the item's columns, a table of what parts add, other items that are shown."""

    by_columns: bool
    table: Literal["none", "counted", "explained"]
    by_shown: bool = False

    @property
    def uses_explanation(self) -> bool:
        return self.by_shown or self.table == "explained"


OF_CONTROL = (Reading(True, "none"), Reading(True, "counted"), Reading(False, "counted"))
OF_STATEMENTS = (Reading(True, "explained"), Reading(False, "explained"))
OF_SHOWN = (Reading(True, "none", True), Reading(True, "counted", True))
OF_BOTH = (Reading(True, "explained", True),)


@dataclass(frozen=True)
class Rows:
    """Questions with their answers, as a learner sees them.

    Parameters
    ----------
    columns : float array, shape (n_rows, n_columns)
        Items, with a coefficient for each column and class.
    scores : float array, shape (n_rows, n_classes, n_scores)
        What speaks for each class, with one coefficient a score.
    targets : float array, shape (n_rows, n_classes)
        How much of each class the answer is, less 1 / n_classes.
    weights : float array, shape (n_rows,)
        Above 0.
    """

    columns: FloatArray
    scores: FloatArray
    targets: FloatArray
    weights: FloatArray


class Questions(Protocol):
    """A task, laid out for the learner."""

    def rows(self, learned: IntArray, of: IntArray, reading: Reading, *, asked: bool) -> Rows:
        """Rows of some items for one who has seen the explanations of the learned ones.

        `asked` leaves out what is shown beside the items: these are the questions to be answered.
        """
        ...


Choice: TypeAlias = tuple[Reading, float]


def answers(train: Rows, asked: Rows, reading: Reading, ridges: Sequence[float] = RIDGES) -> FloatArray:
    """Scores of each class, learned from one set of rows and given to another.

    Minimises sum_i w_i |T_i - W' x_i - S_i b|^2 + r (|W|^2 + |b|^2) over the matrix W (columns and a constant by
    classes) and the coefficients b of the scores. For given b that is a kernel ridge regression of T - S b; put in,
    b has a closed form too (partialling out, Frisch & Waugh 1933). The constant and each score are brought to the mean
    square length of a row, so that the ridge bears on all alike.

    Returns
    -------
    float array, shape (n_ridges, n_asked, n_classes)
    """
    unit = float((train.columns**2).sum(1).mean()) or 1.0
    scale = np.sqrt((train.scores**2).sum(1).mean(0) / unit)
    scores, new = (rows.scores / np.where(scale > 0, scale, np.inf) for rows in (train, asked))
    own = train.columns if reading.by_columns else np.zeros((len(train.weights), 0))
    other = asked.columns if reading.by_columns else np.zeros((len(asked.weights), 0))
    gram, cross = unit + own @ own.T, unit + other @ own.T
    loads = np.array(ridges)[:, None, None] * unit * np.diag(1 / train.weights)
    return np.array([_solved(inverse, cross, scores, new, train.targets) for inverse in np.linalg.inv(gram + loads)])


def _solved(
    inverse: FloatArray, cross: FloatArray, scores: FloatArray, new: FloatArray, targets: FloatArray
) -> FloatArray:
    """Scores of each class for one ridge, from the inverse of the loaded gram matrix."""
    n_rows, n_classes, n_scores = scores.shape
    flat = scores.reshape(n_rows * n_classes, n_scores)
    weighed = (inverse @ scores.reshape(n_rows, -1)).reshape(flat.shape)
    slopes = np.linalg.solve(flat.T @ weighed + np.eye(n_scores), weighed.T @ targets.ravel())
    found: FloatArray = cross @ inverse @ (targets - scores @ slopes) + new @ slopes
    return found


def choose(questions: Questions, learned: IntArray, readings: Sequence[Reading]) -> Choice:
    """The reading and ridge that best foretell each learned item from the others; of equals the first.

    The error is the mean squared one over the rows of the item left out, then over items (Brier's score but for
    scores that are no probabilities). What an explanation says of the item left out is left out with it.
    """
    errors = {reading: np.zeros(len(RIDGES)) for reading in readings}
    for left_out in learned:
        rest, one = learned[learned != left_out], np.array([left_out])
        for reading in readings:
            asked = questions.rows(rest, one, reading, asked=True)
            if len(asked.weights):
                said = answers(questions.rows(rest, rest, reading, asked=False), asked, reading)
                errors[reading] += ((said - asked.targets) ** 2).sum(2).mean(1)
    ranked = [
        (round(float(error), _DIGITS), place, reading, ridge)
        for place, reading in enumerate(readings)
        for error, ridge in zip(errors[reading], RIDGES, strict=True)
    ]
    *_, reading, ridge = min(ranked, key=lambda row: (row[0], row[1], -row[3]))
    return reading, ridge


def right(scores: FloatArray, targets: FloatArray) -> FloatArray:
    """For each row the chance of the right answer: 1 or 0, and where k classes have the highest score 1 / k each."""
    kept = np.round(scores, _DIGITS)
    best = kept == kept.max(1, keepdims=True)
    hits = best[np.arange(len(targets)), targets.argmax(1)]
    return np.asarray(hits / best.sum(1), dtype=np.float64)

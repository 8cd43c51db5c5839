"""Gain in simulation accuracy: the share of trials in which the person names the model's class, POST minus PRE.

The estimand in the five attributes of ICH E9(R1):

population
    Everybody allocated in the stages the plan names.
treatment
    Learning with the arm's explanation, against learning for the same time and on the same items in the control arm.
variable
    The participant's share of correct answers in POST minus that in PRE. An answer is correct when it is the class the
    *model* gives, whatever the true label is.
intercurrent events
    Leaving or withdrawing before PRE or POST has an answer: by the plan's rule either a gain of zero (`no_gain`, a
    composite strategy: who does not stay has learned nothing) or not counted (`available`, which assumes that leaving
    has nothing to do with the gain). Leaving within POST: scored on the answers given. Slow, careless or checked
    answers: counted as they are (treatment policy).
summary
    Difference of the arms' means, explained minus control, in proportion correct.
"""

from dataclasses import dataclass

import numpy as np

from analysis.estimands.base import Attributes, Estimand, Outcome, Question
from analysis.table import MISSING, ResponseTable, numbered
from analysis.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Answers:
    """The answers of one phase, participants by items.

    Parameters
    ----------
    correct : float array, shape (n, n_items)
        How many were correct.
    given : float array, shape (n, n_items)
        How many were given.
    """

    correct: FloatArray
    given: FloatArray

    def accuracy(self, item_weights: FloatArray) -> FloatArray:
        """Return the weighted share of correct answers, shape (n, m); NaN where no answer has weight."""
        with np.errstate(invalid="ignore"):
            share: FloatArray = (self.correct @ item_weights) / (self.given @ item_weights)
        return share


@dataclass(frozen=True)
class Gain:
    """POST minus PRE accuracy of each participant; see `Outcome` for the members."""

    pre: Answers
    post: Answers
    fill: float

    @property
    def n_items(self) -> int:
        return int(self.pre.given.shape[1])

    @property
    def is_observed(self) -> BoolArray:
        seen: BoolArray = (self.pre.given.sum(axis=1) > 0) & (self.post.given.sum(axis=1) > 0)
        return seen

    @property
    def values(self) -> FloatArray:
        return self.reweighted(np.ones((self.n_items, 1)))[:, 0]

    def reweighted(self, item_weights: FloatArray) -> FloatArray:
        gain = self.post.accuracy(item_weights) - self.pre.accuracy(item_weights)
        # Only those who never answered are filled in; one whose items were not drawn in a resample is left out of it.
        return np.where(self.is_observed[:, None], gain, self.fill)


def measure(table: ResponseTable, positions: IntArray, n: int, question: Question) -> Outcome:
    """Collect the answers of PRE and POST; see `Estimand.measure`."""
    scored = table.is_simulation & (table.correct != MISSING) & (positions >= 0)
    asked = scored & np.isin(table.phase, (question.pre, question.post))
    items, column = numbered(table.item[asked])
    columns_of = np.zeros(len(asked), dtype=np.int64)
    columns_of[asked] = column

    def answers(phase: str) -> Answers:
        rows = asked & (table.phase == phase)
        columns = columns_of[rows]
        correct, given = np.zeros((2, n, len(items)))
        np.add.at(correct, (positions[rows], columns), table.correct[rows])
        np.add.at(given, (positions[rows], columns), 1)
        return Answers(correct, given)

    fill = 0.0 if question.missing == "no_gain" else float("nan")
    return Gain(answers(question.pre), answers(question.post), fill)


GAIN_IN_ACCURACY = Estimand(
    title="Gain in simulation accuracy, POST minus PRE",
    unit="proportion correct",
    attributes=Attributes(
        population="everybody allocated in the stages of the plan",
        treatment="learning with the arm's explanation, against learning without one as long on the same items",
        variable="share of answers that name the model's class, POST minus PRE",
        intercurrent_events="leaving before PRE or POST has an answer: the plan's missing-data rule; "
        "leaving within POST: scored on the answers given; slow or careless answers: counted as they are",
        summary="difference of the arms' means",
    ),
    missing_rules={
        "no_gain": "counted with a gain of zero",
        "available": "left out",
    },
    measure=measure,
)

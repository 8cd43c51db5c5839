"""Score: the mean of what a participant's answers of POST were worth, where that is a number and not right or wrong.

For games and for tasks in which an input is edited; their numbers are often skewed, so the permutation test is read
before the interval.
"""

from typing import Final

import numpy as np

from analysis.estimands.base import BEFORE_POST, EVERYBODY, LEARNING, LEFT_OUT, Attributes, Estimand, Outcome, Question
from analysis.estimands.scores import Scored, lay_out
from analysis.table import ResponseTable
from analysis.types import IntArray


def measure(table: ResponseTable, positions: IntArray, n: int, question: Question) -> Outcome:
    """Collect the scores of POST; see `Estimand.measure`."""
    rows = (table.phase == question.post) & ~np.isnan(table.score)
    return Scored(lay_out(table, positions, n, rows).means(table.score, rows))


SCORE: Final = Estimand(
    title="Mean score in POST",
    unit="points",
    attributes=Attributes(
        population=EVERYBODY,
        treatment=LEARNING,
        variable="mean of the participant's scores in POST",
        intercurrent_events=BEFORE_POST + "leaving within POST: the mean of the scores reached",
        summary="difference of the arms' means",
    ),
    missing_rules=LEFT_OUT,
    measure=measure,
    effects_below=float("inf"),
    needs=("scores",),
)

"""Simulation accuracy after learning: the share of trials of POST in which the person names the model's class.

For designs whose PRE is no baseline of the same task. With one, the gain is the more precise question.
"""

from typing import Final

import numpy as np

from analysis.estimands.base import (
    AS_THEY_ARE,
    BEFORE_POST,
    EVERYBODY,
    GUESSING,
    LEARNING,
    Attributes,
    Estimand,
    Outcome,
    Question,
)
from analysis.estimands.scores import Scored, lay_out, scored_in
from analysis.table import ResponseTable
from analysis.types import IntArray


def measure(table: ResponseTable, positions: IntArray, n: int, question: Question) -> Outcome:
    """Collect the answers of POST; see `Estimand.measure`."""
    rows = scored_in(table, [question.post])
    grid = lay_out(table, positions, n, rows)
    return Scored(grid.means(table.correct == 1, rows), fill_of(table, question))


def fill_of(table: ResponseTable, question: Question) -> float:
    """Return what guessing gives: one over the number of classes; NaN where guessers are left out."""
    rows = table.is_simulation
    classes = set(np.concatenate([table.label[rows], table.model_output[rows]]).tolist()) - {""}
    return 1 / len(classes) if question.missing == "chance" and classes else float("nan")


ACCURACY: Final = Estimand(
    title="Simulation accuracy in POST",
    unit="proportion correct",
    attributes=Attributes(
        population=EVERYBODY,
        treatment=LEARNING,
        variable="share of answers in POST that name the model's class",
        intercurrent_events=BEFORE_POST + AS_THEY_ARE,
        summary="difference of the arms' means",
    ),
    missing_rules=GUESSING,
    measure=measure,
)

"""Response time after learning: the mean of the logarithm of the time to answer in POST, right answers and wrong.

Logarithms, as times are skewed (Ratcliff 1993, Psychological Bulletin 114); a difference of their means is the
logarithm of a ratio of geometric means. Times are trimmed only by a rule that is frozen with the plan, and a time of 0
or an empty cell says that none is known.
"""

from typing import Final

import numpy as np

from analysis.estimands.base import (
    AS_THEY_ARE,
    BEFORE_POST,
    EVERYBODY,
    LEARNING,
    LEFT_OUT,
    Attributes,
    Estimand,
    Outcome,
    Question,
    Trim,
)
from analysis.estimands.scores import Scored, lay_out, scored_in
from analysis.table import ResponseTable
from analysis.types import BoolArray, FloatArray, IntArray


def measure(table: ResponseTable, positions: IntArray, n: int, question: Question) -> Outcome:
    """Collect the times of POST; see `Estimand.measure`."""
    rows = scored_in(table, [question.post]) & is_timed(table, question.trim)
    return Scored(lay_out(table, positions, n, rows).means(log_ms(table), rows))


def is_timed(table: ResponseTable, trim: Trim | None) -> BoolArray:
    """Return which rows have a response time that the plan keeps, shape (n_rows,)."""
    kept = trim or Trim()
    with np.errstate(invalid="ignore"):
        found: BoolArray = (table.rt > 0) & (table.rt >= kept.low_ms) & (table.rt <= kept.high_ms)
    return found


def log_ms(table: ResponseTable) -> FloatArray:
    """Return the logarithm of the response times in ms, shape (n_rows,); 0 where none is known."""
    return np.log(np.where(table.rt > 0, table.rt, 1.0))


RESPONSE_TIME: Final = Estimand(
    title="Response time in POST",
    unit="log ms",
    attributes=Attributes(
        population=EVERYBODY,
        treatment=LEARNING,
        variable="mean of the logarithm of the response times in POST, trimmed by the plan's rule if it has one",
        intercurrent_events=BEFORE_POST + AS_THEY_ARE,
        summary="difference of the arms' means: the logarithm of a ratio of geometric means",
    ),
    missing_rules=LEFT_OUT,
    measure=measure,
    effects_below=float("inf"),
)

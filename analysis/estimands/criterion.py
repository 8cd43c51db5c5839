"""The leaning towards one class after learning: criterion c in POST. Two classes only; see `signal_detection`."""

from typing import Final

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
)
from analysis.estimands.scores import Scored, lay_out, scored_in
from analysis.estimands.signal_detection import detection_score
from analysis.table import ResponseTable
from analysis.types import IntArray


def measure(table: ResponseTable, positions: IntArray, n: int, question: Question) -> Outcome:
    """Collect the answers of POST; see `Estimand.measure`."""
    rows = scored_in(table, [question.post])
    return Scored(detection_score(table, lay_out(table, positions, n, rows), rows, "criterion"))


CRITERION: Final = Estimand(
    title="Criterion c in POST",
    unit="standard deviations (c)",
    attributes=Attributes(
        population=EVERYBODY,
        treatment=LEARNING,
        variable="criterion c of the answers in POST, log-linear correction; below 0: leans to the class last "
        "by alphabet",
        intercurrent_events=BEFORE_POST + AS_THEY_ARE,
        summary="difference of the arms' means",
    ),
    missing_rules=LEFT_OUT,
    measure=measure,
    effects_below=float("inf"),
    needs=("two_classes",),
)

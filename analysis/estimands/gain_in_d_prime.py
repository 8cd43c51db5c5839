"""Gain in sensitivity: d' in POST minus d' in PRE. Two classes only; see `signal_detection`."""

from typing import Final

from analysis.estimands.base import (
    AS_THEY_ARE,
    BEFORE_EITHER,
    EVERYBODY,
    LEARNING,
    NO_GAIN,
    Attributes,
    Estimand,
    Outcome,
    Question,
)
from analysis.estimands.scores import Difference, Scored, lay_out, scored_around
from analysis.estimands.signal_detection import detection_score
from analysis.table import ResponseTable
from analysis.types import IntArray


def measure(table: ResponseTable, positions: IntArray, n: int, question: Question) -> Outcome:
    """Collect the answers of PRE and POST; see `Estimand.measure`."""
    grid = lay_out(table, positions, n, scored_around(table, question))
    post, pre = (detection_score(table, grid, table.phase == p, "d_prime") for p in (question.post, question.pre))
    return Scored(Difference(post, pre), 0.0 if question.missing == "no_gain" else float("nan"))


GAIN_IN_D_PRIME: Final = Estimand(
    title="Gain in sensitivity d′, POST minus PRE",
    unit="standard deviations (d′)",
    attributes=Attributes(
        population=EVERYBODY,
        treatment=LEARNING,
        variable="d′ of the answers, POST minus PRE, log-linear correction; signal: the model's class last by alphabet",
        intercurrent_events=BEFORE_EITHER + AS_THEY_ARE,
        summary="difference of the arms' means",
    ),
    missing_rules=NO_GAIN,
    measure=measure,
    effects_below=float("inf"),
    needs=("two_classes",),
)

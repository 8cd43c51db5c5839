"""Sensitivity d' after learning: how well the person tells in POST which class the model gives, whatever they lean to.

Two classes only; see `signal_detection`.
"""

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
    score = detection_score(table, lay_out(table, positions, n, rows), rows, "d_prime")
    return Scored(score, 0.0 if question.missing == "chance" else float("nan"))


D_PRIME: Final = Estimand(
    title="Sensitivity d′ in POST",
    unit="standard deviations (d′)",
    attributes=Attributes(
        population=EVERYBODY,
        treatment=LEARNING,
        variable="d′ of the answers in POST, log-linear correction; signal: the model's class that is last by alphabet",
        intercurrent_events=BEFORE_POST + AS_THEY_ARE,
        summary="difference of the arms' means",
    ),
    missing_rules={"chance": "counted as guessing, with d′ zero", **LEFT_OUT},
    measure=measure,
    effects_below=float("inf"),
    needs=("two_classes",),
)

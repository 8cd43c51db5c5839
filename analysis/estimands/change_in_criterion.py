"""Change of the leaning towards one class: criterion c in POST minus that in PRE. Two classes only.

An explanation that moves the criterion and not d' has taught people what the model says more often, not when.
"""

from typing import Final

from analysis.estimands.base import (
    AS_THEY_ARE,
    BEFORE_EITHER,
    EVERYBODY,
    LEARNING,
    NO_CHANGE,
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
    post, pre = (detection_score(table, grid, table.phase == p, "criterion") for p in (question.post, question.pre))
    return Scored(Difference(post, pre), 0.0 if question.missing == "no_change" else float("nan"))


CHANGE_IN_CRITERION: Final = Estimand(
    title="Change of criterion c, POST minus PRE",
    unit="standard deviations (c)",
    attributes=Attributes(
        population=EVERYBODY,
        treatment=LEARNING,
        variable="criterion c, POST minus PRE, log-linear correction; below 0: leans more to the class last "
        "by alphabet",
        intercurrent_events=BEFORE_EITHER + AS_THEY_ARE,
        summary="difference of the arms' means",
    ),
    missing_rules=NO_CHANGE,
    measure=measure,
    effects_below=float("inf"),
    needs=("two_classes",),
)

"""Change of response time: mean log time in POST minus that in PRE; see `response_time`."""

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
from analysis.estimands.response_time import is_timed, log_ms
from analysis.estimands.scores import Difference, Scored, lay_out, scored_around
from analysis.table import ResponseTable
from analysis.types import IntArray


def measure(table: ResponseTable, positions: IntArray, n: int, question: Question) -> Outcome:
    """Collect the times of PRE and POST; see `Estimand.measure`."""
    grid = lay_out(table, positions, n, scored_around(table, question) & is_timed(table, question.trim))
    post, pre = (grid.means(log_ms(table), table.phase == phase) for phase in (question.post, question.pre))
    return Scored(Difference(post, pre), 0.0 if question.missing == "no_change" else float("nan"))


CHANGE_IN_RESPONSE_TIME: Final = Estimand(
    title="Change of response time, POST minus PRE",
    unit="log ms",
    attributes=Attributes(
        population=EVERYBODY,
        treatment=LEARNING,
        variable="mean of the logarithm of the response times, POST minus PRE, trimmed by the plan's rule "
        "if it has one",
        intercurrent_events=BEFORE_EITHER + AS_THEY_ARE,
        summary="difference of the arms' means: the logarithm of a ratio of ratios",
    ),
    missing_rules=NO_CHANGE,
    measure=measure,
    effects_below=float("inf"),
)

"""Rating: the mean of a participant's ratings, on the design's scales; every question of rating counts as an item.

People's ratings do not tell which explanations help them (Hase & Bansal 2020, ACL): an outcome beside others, never
instead of them.
"""

from typing import Final

import numpy as np

from analysis.estimands.base import EVERYBODY, LEARNING, LEFT_OUT, Attributes, Estimand, Outcome, Question
from analysis.estimands.scores import Scored, lay_out
from analysis.table import ResponseTable
from analysis.types import IntArray


def measure(table: ResponseTable, positions: IntArray, n: int, question: Question) -> Outcome:
    """Collect the ratings, whenever they were given; see `Estimand.measure`."""
    rows = (table.trial_type == "rating") & ~np.isnan(table.rating)
    return Scored(lay_out(table, positions, n, rows).means(table.rating, rows))


RATING: Final = Estimand(
    title="Mean rating",
    unit="scale points",
    attributes=Attributes(
        population=EVERYBODY,
        treatment=LEARNING,
        variable="mean of the participant's ratings",
        intercurrent_events="leaving before any rating: the plan's missing-data rule; skipping some: the mean of "
        "the rest",
        summary="difference of the arms' means",
    ),
    missing_rules=LEFT_OUT,
    measure=measure,
    effects_below=float("inf"),
    needs=("ratings",),
)

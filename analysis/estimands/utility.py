"""Accuracy over the sessions of training: the level of a participant's learning curve.

Colin, J., Fel, T., Cadène, R. & Serre, T. (2022), NeurIPS: people learn from K examples in all, are tested without
explanation, learn from more, and so on. A session is a phase with scored trials, from the plan's `pre` (the first of
them) to its `post` (the last). Here the arms' curves are subtracted; `utility_curve` divides them, as the authors do.
"""

from typing import Final

import numpy as np

from analysis.estimands.accuracy import fill_of
from analysis.estimands.base import EVERYBODY, GUESSING, LEARNING, Attributes, Estimand, Outcome, Question
from analysis.estimands.scores import Average, ItemMeans, Scored, lay_out, scored_in
from analysis.table import MISSING, ResponseTable
from analysis.types import IntArray


def measure(table: ResponseTable, positions: IntArray, n: int, question: Question) -> Outcome:
    """Collect the answers of every session; see `Estimand.measure`."""
    scores = session_scores(table, positions, n, sessions(table, question))
    return Scored(Average(scores), fill_of(table, question))


def sessions(table: ResponseTable, question: Question) -> tuple[str, ...]:
    """Return the phases with scored trials from `pre` to `post`, in the order people meet them."""
    asked = table.is_simulation & (table.correct != MISSING)
    phases = sorted(set(table.phase[asked].tolist()))
    place = {phase: float(np.median(table.trial_index[asked & (table.phase == phase)])) for phase in phases}
    first, last = place.get(question.pre, -np.inf), place.get(question.post, np.inf)
    between = [phase for phase in phases if first < place[phase] < last]
    return (question.pre, *sorted(between, key=lambda phase: place[phase]), question.post)


def session_scores(table: ResponseTable, positions: IntArray, n: int, phases: tuple[str, ...]) -> tuple[ItemMeans, ...]:
    """Return the accuracy of each session, over the items of all of them."""
    grid = lay_out(table, positions, n, scored_in(table, phases))
    return tuple(grid.means(table.correct == 1, table.phase == phase) for phase in phases)


UTILITY: Final = Estimand(
    title="Accuracy over the sessions of training",
    unit="proportion correct",
    attributes=Attributes(
        population=EVERYBODY,
        treatment=LEARNING,
        variable="mean over the sessions, PRE the first and POST the last, of the share of answers that name the "
        "model's class",
        intercurrent_events="leaving before every session has an answer: the plan's missing-data rule; leaving within "
        "one: scored on the answers given; slow or careless answers: counted as they are",
        summary="difference of the arms' means",
    ),
    missing_rules=GUESSING,
    measure=measure,
)

"""Any estimand over some of the trials: where the model is right, of one item, at one place of a phase.

A subset is a filter of rows with a title; `&` joins two. `among` makes an estimand of the trials it keeps, so that no
estimand needs a copy for each. These are looks at parts of a study: exploratory unless the plan says otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from analysis.estimands.base import Estimand, Outcome, Question
from analysis.table import ResponseTable
from analysis.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Subset:
    """Some of the rows of a table.

    Parameters
    ----------
    title : str
        Completes "trials …", such as "in which the model is right".
    rows : callable
        ``rows(table)``: which rows are kept, shape (n_rows,).
    """

    title: str
    rows: Callable[[ResponseTable], BoolArray]

    def __and__(self, other: "Subset") -> "Subset":
        return Subset(f"{self.title} and {other.title}", lambda table: self.rows(table) & other.rows(table))


@dataclass(frozen=True)
class Within:
    """An outcome of some of the trials; see `Outcome` for the members.

    Parameters
    ----------
    outcome : Outcome
    not_asked : bool array, shape (n,)
        Participants who answered, but none of these trials: they did not leave, so no missing-data rule is about them.
    """

    outcome: Outcome
    not_asked: BoolArray

    @property
    def n_items(self) -> int:
        return self.outcome.n_items

    @property
    def is_observed(self) -> BoolArray:
        return self.outcome.is_observed & ~self.not_asked

    @property
    def values(self) -> FloatArray:
        return np.where(self.not_asked, np.nan, self.outcome.values)

    def reweighted(self, item_weights: FloatArray) -> FloatArray:
        return np.where(self.not_asked[:, None], np.nan, self.outcome.reweighted(item_weights))


def among(estimand: Estimand, subset: Subset) -> Estimand:
    """Return the estimand of the trials of a subset alone.

    Parameters
    ----------
    estimand : Estimand
    subset : Subset

    Returns
    -------
    Estimand
        Its missing-data rule is about people without an outcome over all trials; who has one, but none over these
        trials, is left out.
    """

    def measure(table: ResponseTable, positions: IntArray, n: int, question: Question) -> Outcome:
        keep = subset.rows(table)
        whole = estimand.measure(table, positions, n, question)
        part = estimand.measure(table.only(keep), positions[keep], n, question)
        return Within(part, whole.is_observed & ~part.is_observed)

    attributes = replace(estimand.attributes, variable=f"{estimand.attributes.variable}; trials {subset.title} alone")
    title = f"{estimand.title}, trials {subset.title}"
    return replace(estimand, title=title, attributes=attributes, measure=measure)


def of_item(key: str) -> Subset:
    """Return the trials of one item."""
    return Subset(f"of the item {key}", lambda table: table.item == key)


def of_task(trial_type: str) -> Subset:
    """Return the trials of one task type, such as counterfactual simulation alone."""
    return Subset(f"of {trial_type.replace('_', ' ')}", lambda table: table.trial_type == trial_type)


def at_places(first: int, last: int) -> Subset:
    """Return the simulation trials at these places (from 1, both included) in the order of their phase."""
    where = f"at place {first}" if first == last else f"at places {first} to {last}"
    return Subset(f"{where} of a phase", lambda table: _is_between(_places(table), first, last))


def _is_between(places: IntArray, first: int, last: int) -> BoolArray:
    found: BoolArray = (places >= first) & (places <= last)
    return found


def _places(table: ResponseTable) -> IntArray:
    """Number each person's simulation trials of a phase from 1 in the order they came; 0 elsewhere, shape (n_rows,)."""
    rows = np.flatnonzero(table.is_simulation)
    person = np.unique(table.subject_id[rows], return_inverse=True)[1]
    phase = np.unique(table.phase[rows], return_inverse=True)[1]
    group = person * (int(phase.max(initial=0)) + 1) + phase
    by_time = np.lexsort((table.trial_index[rows], group))
    starts = np.flatnonzero(np.diff(group[by_time], prepend=-1))
    lengths = np.diff(np.append(starts, len(rows)))
    places = np.zeros(len(table), dtype=np.int64)
    places[rows[by_time]] = np.arange(len(rows)) - np.repeat(starts, lengths) + 1
    return places


MODEL_RIGHT: Final = Subset(
    "in which the model is right",
    lambda table: table.is_simulation & (table.label != "") & (table.model_output == table.label),
)
MODEL_WRONG: Final = Subset(
    "in which the model is wrong",
    lambda table: (
        table.is_simulation & (table.label != "") & (table.model_output != "") & (table.model_output != table.label)
    ),
)
OUTPUT_FLIPS: Final = Subset(
    "in which the change flips the model's output",
    lambda table: (table.model_output_original != "") & (table.model_output_original != table.model_output),
)
OUTPUT_STAYS: Final = Subset(
    "in which the change leaves the model's output",
    lambda table: (table.model_output_original != "") & (table.model_output_original == table.model_output),
)

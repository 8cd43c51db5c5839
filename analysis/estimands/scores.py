"""Numbers of participants made of their answers to items, and how they are put together to an outcome."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from analysis.estimands.base import Question
from analysis.table import MISSING, ResponseTable, numbered
from analysis.types import BoolArray, FloatArray, IntArray


class Score(Protocol):
    """One number a participant, NaN where answers give none; as `Outcome`, before any missing-data rule."""

    @property
    def n_items(self) -> int: ...

    def reweighted(self, item_weights: FloatArray) -> FloatArray: ...


@dataclass(frozen=True)
class Grid:
    """Rows of a table, laid out as participants by items.

    Parameters
    ----------
    rows : bool array, shape (n_rows,)
        Those laid out; all that follows is about these.
    person, column : int array, shape (n_laid_out,)
        Where each goes.
    shape : (int, int)
        Participants, and distinct items.
    """

    rows: BoolArray
    person: IntArray
    column: IntArray
    shape: tuple[int, int]

    def sums(self, values: FloatArray | BoolArray, where: BoolArray) -> FloatArray:
        """Add up `values` (shape (n_rows,)) of the rows laid out where `where` holds; shape (n, n_items)."""
        chosen = where[self.rows]
        cells = (self.person * self.shape[1] + self.column)[chosen]
        added = np.bincount(cells, values[self.rows][chosen], minlength=self.shape[0] * self.shape[1])
        return added.astype(np.float64).reshape(self.shape)

    def means(self, values: FloatArray | BoolArray, where: BoolArray) -> "ItemMeans":
        """Return the score that is the mean of `values` over a participant's rows where `where` holds."""
        return ItemMeans(self.sums(values, where), self.sums(np.ones(len(where)), where))


def lay_out(table: ResponseTable, positions: IntArray, n: int, rows: BoolArray) -> Grid:
    """Lay out the rows of participants 0 to n - 1 for which `rows` holds; see `Estimand.measure`."""
    laid_out = rows & (positions >= 0)
    items, column = numbered(table.item[laid_out])
    return Grid(laid_out, positions[laid_out], column, (n, len(items)))


def scored_in(table: ResponseTable, phases: Sequence[str]) -> BoolArray:
    """Return which rows are answers to a simulation trial of these phases, shape (n_rows,)."""
    found: BoolArray = table.is_simulation & (table.correct != MISSING) & np.isin(table.phase, list(phases))
    return found


def scored_around(table: ResponseTable, question: Question) -> BoolArray:
    """Return which rows are answers to a simulation trial of PRE or POST, shape (n_rows,)."""
    return scored_in(table, (question.pre, question.post))


@dataclass(frozen=True)
class ItemMeans:
    """The mean over a participant's answers: `total` over `given`, both of shape (n, n_items)."""

    total: FloatArray
    given: FloatArray

    @property
    def n_items(self) -> int:
        return int(self.given.shape[1])

    def reweighted(self, item_weights: FloatArray) -> FloatArray:
        with np.errstate(invalid="ignore"):
            mean: FloatArray = (self.total @ item_weights) / (self.given @ item_weights)
        return mean


@dataclass(frozen=True)
class Difference:
    """One score minus another, over the same items."""

    first: Score
    second: Score

    @property
    def n_items(self) -> int:
        return self.first.n_items

    def reweighted(self, item_weights: FloatArray) -> FloatArray:
        return self.first.reweighted(item_weights) - self.second.reweighted(item_weights)


@dataclass(frozen=True)
class Average:
    """The mean of scores over the same items, each counting the same; NaN where one of them is."""

    scores: tuple[Score, ...]

    @property
    def n_items(self) -> int:
        return self.scores[0].n_items

    def reweighted(self, item_weights: FloatArray) -> FloatArray:
        scores = [score.reweighted(item_weights) for score in self.scores]
        average: FloatArray = np.mean(scores, axis=0)
        return average


@dataclass(frozen=True)
class Scored:
    """A score under a missing-data rule; see `Outcome` for the members.

    Parameters
    ----------
    score : Score
    fill : float
        For participants whose answers give no score; NaN to leave them out.
    """

    score: Score
    fill: float = float("nan")

    @property
    def n_items(self) -> int:
        return self.score.n_items

    @property
    def is_observed(self) -> BoolArray:
        return ~np.isnan(self._as_answered())

    @property
    def values(self) -> FloatArray:
        return self.reweighted(np.ones((self.n_items, 1)))[:, 0]

    def reweighted(self, item_weights: FloatArray) -> FloatArray:
        # Only those without a score are filled in; one whose items were not drawn in a resample is left out of it.
        return np.where(self.is_observed[:, None], self.score.reweighted(item_weights), self.fill)

    def _as_answered(self) -> FloatArray:
        return self.score.reweighted(np.ones((self.n_items, 1)))[:, 0]

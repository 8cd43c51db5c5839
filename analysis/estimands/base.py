"""The seam: what an estimand says of itself, and what it hands to the estimators."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from analysis.table import ResponseTable
from analysis.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Attributes:
    """The five attributes of an estimand (ICH E9(R1), 2019, section A.3.3)."""

    population: str
    treatment: str
    variable: str
    intercurrent_events: str
    summary: str


class Outcome(Protocol):
    """One number a participant, made of answers to items; n participants."""

    @property
    def values(self) -> FloatArray:
        """The number, shape (n,), after the missing-data rule; NaN where the participant is left out."""
        ...

    @property
    def is_observed(self) -> BoolArray:
        """Whether the number comes from answers, shape (n,), and not from the missing-data rule."""
        ...

    @property
    def n_items(self) -> int:
        """Distinct items the numbers are made of."""
        ...

    def reweighted(self, item_weights: FloatArray) -> FloatArray:
        """Return the numbers if items counted by these weights.

        Parameters
        ----------
        item_weights : float array, shape (n_items, m)

        Returns
        -------
        float array, shape (n, m)
            NaN where no answer has weight.
        """
        ...


@dataclass(frozen=True)
class Question:
    """The part of a plan an estimand reads."""

    pre: str
    post: str
    missing: str


@dataclass(frozen=True)
class Estimand:
    """A registry entry.

    Parameters
    ----------
    title : str
        As readers see it.
    unit : str
        Of the outcome and of every contrast.
    attributes : Attributes
    missing_rules : mapping of str to str
        The rules it knows, each as half a sentence about participants who lack an answer.
    measure : callable
        ``measure(table, positions, n, question)``: the outcome of n participants; `positions` (shape (n_rows,)) says
        whose a row is, -1 for nobody's.
    """

    title: str
    unit: str
    attributes: Attributes
    missing_rules: dict[str, str]
    measure: Callable[[ResponseTable, IntArray, int, Question], Outcome]

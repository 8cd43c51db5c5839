"""The seam: what an estimand says of itself, and what it hands to the estimators."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final, Literal, Protocol

from analysis.table import ResponseTable
from analysis.types import BoolArray, FloatArray, IntArray

Need = Literal["two_classes", "ratings", "scores"]

EVERYBODY: Final = "everybody allocated in the stages of the plan"
LEARNING: Final = "learning with the arm's explanation, against learning without one as long on the same items"
BEFORE_EITHER: Final = "leaving before PRE or POST has an answer: the plan's missing-data rule; "
BEFORE_POST: Final = "leaving before POST has an answer: the plan's missing-data rule; "
AS_THEY_ARE: Final = (
    "leaving within a phase: scored on the answers given; slow or careless answers: counted as they are"
)
LEFT_OUT: Final = {"available": "left out"}
NO_GAIN: Final = {"no_gain": "counted with a gain of zero", **LEFT_OUT}
NO_CHANGE: Final = {"no_change": "counted with no change", **LEFT_OUT}
GUESSING: Final = {"chance": "counted as guessing, one over the number of classes", **LEFT_OUT}


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
class Trim:
    """Response times that a plan leaves out, in ms: those below `low_ms` and those above `high_ms`."""

    low_ms: float = 0.0
    high_ms: float = inf


@dataclass(frozen=True)
class Question:
    """The part of a plan an estimand reads; without a `trim` every response time counts."""

    pre: str
    post: str
    missing: str
    trim: Trim | None = None


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
    effects_below : float
        No effect can be so large, in the unit: a plan's smallest effect of interest lies between 0 and this.
    needs : tuple of str
        What a study must have for it: a model with two classes, ratings, answers worth a number.
    """

    title: str
    unit: str
    attributes: Attributes
    missing_rules: dict[str, str]
    measure: Callable[[ResponseTable, IntArray, int, Question], Outcome]
    effects_below: float = 1.0
    needs: tuple[Need, ...] = ()

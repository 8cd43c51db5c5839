"""Who answered what: participants and items by number, the designs of their effects, which of them lies in rows."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from analysis.errors import InputError
from analysis.inference.mixed.layout import Layout, lay_out
from analysis.types import BoolArray, FloatArray, IntArray

Part = TypeVar("Part")


@dataclass(frozen=True)
class Crossing:
    """The two crossed factors of the trials that were seen.

    Parameters
    ----------
    person, item : int array, shape (n,)
        From 0 without gaps.
    people, items : int array
        What each number stood for in the data.
    person_design, item_design : float array, shape (n, k)
        An intercept, then the slopes.
    """

    person: IntArray
    item: IntArray
    people: IntArray
    items: IntArray
    person_design: FloatArray
    item_design: FloatArray

    @property
    def participants_are_rows(self) -> bool:
        """Whether participants are the larger factor, which is laid out in rows."""
        return len(self.people) >= len(self.items)

    def in_layout(self, of_people: Part, of_items: Part) -> tuple[Part, Part]:
        """Return (rows', columns') from (participants', items'), or the other way round: it is its own inverse."""
        return (of_people, of_items) if self.participants_are_rows else (of_items, of_people)

    def lay_out(self, *, successes: FloatArray, trials: FloatArray, fixed: FloatArray) -> Layout:
        """Lay the trials out for the fit."""
        rows, columns = self.in_layout((self.person, self.person_design), (self.item, self.item_design))
        return lay_out(
            successes=successes,
            trials=trials,
            fixed=fixed,
            rows=rows[0],
            row_design=rows[1],
            columns=columns[0],
            column_design=columns[1],
        )

    def free(self, n_fixed: int, *, correlated_people: bool, correlated_items: bool) -> BoolArray:
        """Return which packed parameters are fitted: a slope not correlated with the intercept has no entry there."""
        people = _free_entries(self.person_design.shape[1], correlated_people)
        items = _free_entries(self.item_design.shape[1], correlated_items)
        return np.concatenate([np.ones(n_fixed, dtype=np.bool_), *self.in_layout(people, items)])

    def order_of_report(self, n_fixed: int) -> IntArray:
        """Return where in the packed parameters those of (fixed effects, participants, items) are found."""
        sizes = [design.shape[1] * (design.shape[1] + 1) // 2 for design in (self.person_design, self.item_design)]
        first, second = self.in_layout(*sizes)
        rows = n_fixed + np.arange(first)
        columns = n_fixed + first + np.arange(second)
        return np.concatenate([np.arange(n_fixed), *self.in_layout(rows, columns)])


def cross(
    *,
    participants: IntArray,
    items: IntArray,
    participant_slopes: FloatArray | None,
    item_slopes: FloatArray | None,
    seen: BoolArray,
) -> Crossing:
    """Number the participants and items of the trials that were seen."""
    people, person = np.unique(participants[seen], return_inverse=True)
    things, item = np.unique(items[seen], return_inverse=True)
    by_person, by_item = (_with_intercept(slopes, seen) for slopes in (participant_slopes, item_slopes))
    return Crossing(person, item, people, things, by_person, by_item)


def check_lengths(**arrays: FloatArray | IntArray | None) -> None:
    """Raise InputError unless all arrays have one length; those that were not given do not count."""
    lengths = {len(values) for values in arrays.values() if values is not None}
    if len(lengths) > 1:
        raise InputError("the mixed model", [f"arrays of one length were expected, lengths {sorted(lengths)} came"])


def design_problems(fixed: FloatArray, n_names: int, seen: BoolArray, *, intercept: bool = False) -> list[str]:
    """Return what is wrong with a design of fixed effects; with `intercept` a constant is in the model besides."""
    if fixed.ndim != 2 or fixed.shape[1] != n_names:
        return [f"fixed: a column for each of {n_names} names was expected, shape {fixed.shape} came"]
    if not seen.any():
        return []
    whole = np.column_stack([np.ones(len(fixed)), fixed])[seen] if intercept else fixed[seen]
    if not np.isfinite(whole).all():
        return ["fixed: finite numbers were expected, others came; leave those trials out by a missing answer"]
    rank = int(np.linalg.matrix_rank(whole))
    if rank < whole.shape[1]:
        beside = " with the intercept" if intercept else ""
        return [f"fixed: {whole.shape[1]} independent columns were expected{beside}, {rank} are; leave out the others"]
    return []


def _with_intercept(slopes: FloatArray | None, seen: BoolArray) -> FloatArray:
    ones = np.ones((int(seen.sum()), 1))
    return ones if slopes is None else np.concatenate([ones, slopes[seen].reshape(len(ones), -1)], axis=1)


def _free_entries(size: int, correlated: bool) -> BoolArray:
    rows, columns = np.tril_indices(size)
    return np.ones(len(rows), dtype=np.bool_) if correlated else rows == columns

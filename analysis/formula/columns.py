"""From terms to columns, as R's model.matrix makes them: same names, same order, same coding of factors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.errors import InputError
from analysis.formula.frame import Frame
from analysis.formula.grammar import INTERCEPT, Term
from analysis.types import FloatArray

INTERCEPT_NAME = "(Intercept)"


@dataclass(frozen=True)
class Matrix:
    """Columns with their names.

    Parameters
    ----------
    names : tuple of str
    values : float array, shape (n, n_columns)
    """

    names: tuple[str, ...]
    values: FloatArray


@dataclass(frozen=True)
class Coding:
    """How variables become columns.

    Parameters
    ----------
    frame : Frame
        Without empty cells in the columns that are used.
    factors : frozenset of str
        Variables that are factors although they are numbers.
    references : mapping of str to str
        The level that others are compared with, where it is not the first one.
    """

    frame: Frame
    factors: frozenset[str]
    references: Mapping[str, str]

    def is_factor(self, name: str) -> bool:
        """Whether a variable is taken as a factor."""
        return name in self.factors or name in self.references or self.frame.numbers(name) is None

    def matrix(self, terms: Sequence[Term]) -> Matrix:
        """Return the columns of terms.

        A factor is coded by contrasts with its first level (treatment coding) where the term without it is in the
        model, else by all of its levels (Chambers & Hastie 1992, Statistical models in S, section 2.4.1).
        """
        present = {frozenset(term) for term in terms}
        parts = [self._columns(term, present) for term in terms]
        names = tuple(name for part in parts for name in part.names)
        return Matrix(names, np.concatenate([part.values for part in parts], axis=1))

    def _columns(self, term: Term, present: set[frozenset[str]]) -> Matrix:
        found = Matrix(("",), np.ones((len(self.frame), 1)))
        for name in term:
            by_contrasts = frozenset(term) - {name} in present
            found = _times(found, self._of(name, by_contrasts))
        return Matrix((INTERCEPT_NAME,), found.values) if term == INTERCEPT else found

    def _of(self, name: str, by_contrasts: bool) -> Matrix:
        numbers = None if self.is_factor(name) else self.frame.numbers(name)
        if numbers is not None:
            return Matrix((name,), numbers[:, None])
        levels, number = self.frame.levels(name, self.references.get(name))
        if by_contrasts and len(levels) == 1:
            raise InputError("the formula", [f"{name} has one value, {levels[0]}: there is nothing to compare with"])
        first = 1 if by_contrasts else 0
        dummies = np.eye(len(levels))[number][:, first:]
        return Matrix(tuple(f"{name}{level}" for level in levels[first:]), dummies)


def _times(first: Matrix, second: Matrix) -> Matrix:
    """All products of columns, the first factor's levels varying fastest."""
    names = tuple(f"{a}:{b}" if a else b for b in second.names for a in first.names)
    values = (first.values[:, None, :] * second.values[:, :, None]).reshape(len(first.values), -1)
    return Matrix(names, values)


def check_independent(matrix: Matrix) -> None:
    """Raise InputError naming the columns that are combinations of those before them."""
    scaled = matrix.values / np.maximum(np.abs(matrix.values).max(axis=0, initial=0.0), 1e-300)
    reduced: FloatArray = np.linalg.qr(scaled, mode="r")  # type: ignore[assignment]  # as dependent as the columns, and small
    kept: list[int] = []
    spare = []
    for k, name in enumerate(matrix.names):
        if np.linalg.matrix_rank(reduced[:, [*kept, k]]) > len(kept):
            kept.append(k)
        else:
            spare.append(name)
    if spare:
        raise InputError(
            "the formula",
            [f"{name}: the data cannot tell it from the columns before it; leave it out" for name in spare],
        )

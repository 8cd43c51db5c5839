"""Observations laid out for the fit: rows of the larger grouping factor, padded to equal length."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from analysis.types import FloatArray, IntArray


@dataclass(frozen=True)
class Layout:
    """The observations of one or several data sets of the same shape, fitted side by side.

    The factor with more levels (as a rule participants) is laid out in rows; the other (items) in columns. Given
    all columns' effects the rows are independent, so that the Hessian of the modes has a block-diagonal part for the
    rows and its Schur complement on the columns is small and dense. Rows with fewer observations than the longest
    are filled up with observations of no trials, which weigh nothing.

    Parameters
    ----------
    successes, trials : float array, shape (n_sets, n_rows, length)
        Binomial counts; 0 or 1 of 1 for a single answer.
    fixed : float array, shape (n_sets, n_rows, length, n_fixed)
        Design of the fixed effects.
    row_design, column_design : float array, shape (n_sets, n_rows, length, n_row_effects or n_column_effects)
        Designs of the random effects.
    column : int array, shape (n_sets, n_rows, length)
        The column of each observation, counted over all sets: column q of set b is b * n_columns + q.
    n_columns : int
        Columns a set.
    """

    successes: FloatArray
    trials: FloatArray
    fixed: FloatArray
    row_design: FloatArray
    column_design: FloatArray
    column: IntArray
    n_columns: int

    @property
    def n_sets(self) -> int:
        """Return the number of data sets."""
        return int(self.successes.shape[0])

    @property
    def n_rows(self) -> int:
        """Return the number of rows of each set."""
        return int(self.successes.shape[1])

    @property
    def n_fixed(self) -> int:
        """Return the number of fixed effects."""
        return int(self.fixed.shape[-1])

    @property
    def cell(self) -> IntArray:
        """Return the place of each observation in an array of shape (n_sets, n_rows, n_columns)."""
        row = np.arange(self.n_sets * self.n_rows).reshape(self.n_sets, self.n_rows, 1)
        set_start = (np.arange(self.n_sets) * self.n_columns)[:, None, None]
        return row * self.n_columns + self.column - set_start

    def take(self, sets: IntArray) -> Self:
        """Return the layout of some of the sets."""
        moved = (np.arange(len(sets)) - sets) * self.n_columns
        return type(self)(
            self.successes[sets],
            self.trials[sets],
            self.fixed[sets],
            self.row_design[sets],
            self.column_design[sets],
            self.column[sets] + moved[:, None, None],
            self.n_columns,
        )


def lay_out(
    *,
    successes: FloatArray,
    trials: FloatArray,
    fixed: FloatArray,
    rows: IntArray,
    row_design: FloatArray,
    columns: IntArray,
    column_design: FloatArray,
) -> Layout:
    """Lay out one data set.

    Parameters
    ----------
    successes, trials : float array, shape (n,)
        Binomial counts.
    fixed, row_design, column_design : float array, shape (n, ...)
        Designs.
    rows, columns : int array, shape (n,)
        Levels of the two factors, from 0 without gaps.

    Returns
    -------
    Layout
        With one set.
    """
    order = np.argsort(rows, kind="stable")
    counts = np.bincount(rows)
    length, n_rows = int(counts.max()), len(counts)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    place = rows[order] * length + np.arange(len(rows)) - starts[rows[order]]

    def padded(values: FloatArray) -> FloatArray:
        out = np.zeros((n_rows * length, *values.shape[1:]))
        out[place] = values[order]
        return out.reshape(1, n_rows, length, *values.shape[1:])

    column = np.zeros(n_rows * length, dtype=np.int64)
    column[place] = columns[order]
    return Layout(
        padded(successes),
        padded(trials),
        padded(fixed),
        padded(row_design),
        padded(column_design),
        column.reshape(1, n_rows, length),
        int(columns.max()) + 1,
    )

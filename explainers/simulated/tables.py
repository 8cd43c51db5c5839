"""What parts were said to add: the memory of explanations that a learner carries to items shown without one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from explainers.methods.base import FloatArray, IntArray
from explainers.simulated.seen import Seen

_NOTHING = 1e-9  # of the largest number: what a sum and its own difference leave behind


class Table:
    """For each column and class what the explanations of some items said that the column adds.

    A ridge regression, column by column, of what was said on how much of the column was there:
    a_ck = sum_i s_ic e_ik x_ik / (rho + sum_i x_ik^2), where s_i is 1 for the explained class and 0 for the others,
    less 1 / C, and rho the mean x^2 of a column that is there, so that a column seen once counts half.

    Parameters
    ----------
    seen : sequence of Seen
        Explanations, one an item.
    classes : int array, shape (n_items,)
        The explained classes.
    n_classes : int
    size : int
        The number of columns.
    """

    def __init__(self, seen: Sequence[Seen], classes: IntArray, n_classes: int, size: int) -> None:
        self._signs = np.eye(n_classes)[classes] - 1 / n_classes
        self._sums = np.zeros((len(seen), size))
        self._counts = np.zeros((len(seen), size))
        for place, one in enumerate(seen):
            for statement in one.statements:
                self._sums[place] += statement.adds * statement.at
                self._counts[place] += statement.at**2
        there = self._counts[self._counts > 0]
        self._ridge = float(there.mean()) if len(there) else 1.0
        largest = float(np.abs(self._sums).max(initial=0.0))
        self.unit = largest or 1.0
        self._sums /= self.unit

    def said(self, learned: IntArray, items: IntArray, rows: FloatArray) -> FloatArray:
        """What the table adds up to for rows, as told by the learned items but never by the row's own.

        Parameters
        ----------
        learned : int array, shape (n_learned,)
            The items whose explanations were seen.
        items : int array, shape (n_rows,)
            The item that each row belongs to. Leaving it out keeps a learner from trusting what it was just told.
        rows : float array, shape (n_rows, size)

        Returns
        -------
        float array, shape (n_rows, n_classes)
            Sum 0 over the classes, up to rounding.
        """
        sums = self._signs[learned].T @ self._sums[learned]
        counts = self._ridge + self._counts[learned].sum(0)
        known = set(learned.tolist())
        found = np.zeros((len(rows), sums.shape[0]))
        for place, (item, row) in enumerate(zip(items.tolist(), rows, strict=True)):
            there = np.flatnonzero(row)
            above, below = sums[:, there], counts[there]
            if item in known:
                above = above - np.outer(self._signs[item], self._sums[item, there])
                below = below - self._counts[item, there]
            found[place] = (above / below) @ row[there]
        found[np.abs(found) < _NOTHING] = 0.0
        return found

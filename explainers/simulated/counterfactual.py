"""Counterfactual simulation: shown an item, its output and its explanation, foretell the output after a change.

Here the explanation is on the page when the question is asked, as it is for the agents of Chen et al. 2022 (arXiv
2206.02256, section 3), which observe all that participants see and are trained on answered questions of the same kind.
Of their observation we keep four numbers for each class, besides the changed item: the output before, what the item's
parts add together, what the parts that go away had added, and what the new parts were said to add in other items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explainers.methods.base import FloatArray, IntArray
from explainers.simulated.learner import Reading, Rows
from explainers.simulated.seen import Seen
from explainers.simulated.tables import Table


@dataclass(frozen=True)
class Counterfactual:
    """The questions of counterfactual simulation for one arm; implements `learner.Questions`.

    Parameters
    ----------
    columns : float array, shape (n_items, size)
        Learning items, then test items.
    classes : int array, shape (n_items,)
        The predictor's outputs for them.
    n_classes : int
    changed : sequence of float arrays, shape (n_changes, size)
        Each item's changes; an item may have none.
    outputs : sequence of int arrays, shape (n_changes,)
        The predictor's outputs for the changes.
    tables : mapping of str to Table
        "counted" and, in an explained arm, "explained", of the learning items.
    counted, seen : tuple of Seen
        What is seen of every item, without and with the arm's explanation; `seen` is empty in the control arm.
    """

    columns: FloatArray
    classes: IntArray
    n_classes: int
    changed: Sequence[FloatArray]
    outputs: Sequence[IntArray]
    tables: dict[str, Table]
    counted: tuple[Seen, ...]
    seen: tuple[Seen, ...]

    def rows(self, learned: IntArray, of: IntArray, reading: Reading, *, asked: bool) -> Rows:
        """See `learner.Questions`; a row a change."""
        items = np.repeat(of, [len(self.outputs[item]) for item in of])
        columns = np.concatenate([self.columns[:0], *(self.changed[item] for item in of)])
        after = np.concatenate([np.zeros(0, dtype=np.int64), *(self.outputs[item] for item in of)])
        one_hot = np.eye(self.n_classes) - 1 / self.n_classes
        scores = [one_hot[self.classes[items]]]
        if reading.table != "none":
            scores += self._of_explanations(learned, items, columns, reading.table)
        return Rows(columns, np.stack(scores, axis=2), one_hot[after], np.ones(len(items)))

    def _of_explanations(self, learned: IntArray, items: IntArray, after: FloatArray, name: str) -> list[FloatArray]:
        """All that was said, what of it the change takes away, and what the new parts were said to add elsewhere."""
        table, seen = self.tables[name], self.counted if name == "counted" else self.seen
        said = [self._said(seen[item], item, row, table.unit) for item, row in zip(items, after, strict=True)]
        new = np.clip(after - self.columns[items], 0.0, None)
        both = np.array(said).reshape(len(items), 2, self.n_classes)
        return [both[:, 0], both[:, 1], table.said(learned, items, new)]

    def _said(self, seen: Seen, item: int, after: FloatArray, unit: float) -> FloatArray:
        """Shape (2, n_classes): the whole, and what the change takes away."""
        own = np.eye(self.n_classes)[self.classes[item]] - 1 / self.n_classes
        before = self.columns[item]
        kept = np.divide(np.minimum(after, before), before, out=np.ones_like(before), where=before > 0)
        adds = seen.statements[0].adds / unit if seen.statements else np.zeros_like(before)
        whole = adds.sum() * own + (0 if seen.leaning is None else seen.leaning)
        return np.array([whole, -(adds @ (1 - kept)) * own])

    @property
    def kinds(self) -> list[IntArray]:
        """For each item which kind of question each of its changes is: whether the output becomes another."""
        return [np.asarray(after != own, dtype=np.int64) for after, own in zip(self.outputs, self.classes, strict=True)]

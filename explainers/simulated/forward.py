"""Forward simulation: learn from explained items, then foretell the output for new items without an explanation.

In this test of Foretell a participant never sees the explanation of the item that is asked about, so a learner whose
input holds it (the agents of Chen et al. 2022) would be given more than people are. We follow Pruthi et al. 2022
(arXiv 2012.00893) there, who give explanations to the student while it learns and never when it is tested: what was
said of a part is kept, foretells what would be said of a new item, and that is one more thing to go by. For items that
it has learned from, the foretelling leaves the item itself out (Wolpert 1992, Stacked generalization), so it trusts
explanations no more than they deserve on items it has not been told about. They train a transformer with an attention
or multi-task loss; ours is linear, because a dozen items are no training set for more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explainers.methods.base import FloatArray, IntArray
from explainers.simulated.learner import Reading, Rows
from explainers.simulated.seen import Seen
from explainers.simulated.tables import Table


@dataclass(frozen=True)
class Forward:
    """The questions of forward simulation for one arm; implements `learner.Questions`.

    Parameters
    ----------
    columns : float array, shape (n_items, size)
        Learning items, then test items.
    classes : int array, shape (n_items,)
        The predictor's outputs.
    n_classes : int
    tables : mapping of str to Table
        "counted" and, where the arm's explanations have weights, "explained", of the learning items.
    seen : tuple of Seen
        The arm's explanations of the learning items; empty in the control arm.
    """

    columns: FloatArray
    classes: IntArray
    n_classes: int
    tables: dict[str, Table]
    seen: tuple[Seen, ...]

    def rows(self, learned: IntArray, of: IntArray, reading: Reading, *, asked: bool) -> Rows:
        """See `learner.Questions`; a row an item, then one for each item shown beside it."""
        shown = [(item, one) for item in of for one in self.seen[item].shown] if reading.by_shown and not asked else []
        items = np.array([*of, *(item for item, _ in shown)], dtype=np.int64)
        columns = np.concatenate([self.columns[of], *(one.at[None] for _, one in shown)])
        classes = np.concatenate([np.eye(self.n_classes)[self.classes[of]], *(one.classes[None] for _, one in shown)])
        weights = np.array([*np.ones(len(of)), *(one.weight for _, one in shown)])
        scores = np.zeros((len(items), self.n_classes, 0))
        if reading.table != "none":
            scores = self.tables[reading.table].said(learned, items, columns)[:, :, None]
        return Rows(columns, scores, classes - 1 / self.n_classes, weights)

    @property
    def kinds(self) -> list[IntArray]:
        """For each item which kind of question it is: the output that is right."""
        return [self.classes[place : place + 1] for place in range(len(self.classes))]

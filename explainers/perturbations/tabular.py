"""Change one or two variables of a row: an ordinal one by a bin, another to a category drawn from the training data.

A change is plausible when the new value occurs together with every other value of the row in training: no husband
becomes female, no 28-year-old widowed doctor appears out of nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explainers.errors import InputError
from explainers.material.base import Labelled, TabularSchema
from explainers.perturbations.base import Proposal
from explainers.types import Input, TabularInput

MIN_TOGETHER = 5  # rows of the training data that hold both values


@dataclass(frozen=True)
class ChangeVariables:
    """Proposes changes from a schema and the values that occur together in training.

    `columns` numbers the (variable, category) pairs; `together[i, j]` counts training rows that hold both.
    """

    schema: TabularSchema
    columns: Mapping[tuple[str, str], int]
    together: NDArray[np.int64]

    def __call__(self, item: Input, rng: np.random.Generator) -> Proposal | None:
        if not isinstance(item, TabularInput):
            raise InputError(f"perturbation: a tabular input was expected, {item.modality} came")
        values = dict(item.values)
        n_changes = int(rng.integers(1, 3))
        for index in rng.choice(len(self.schema.variables), size=n_changes, replace=False):
            name, categories = self.schema.variables[index]
            new = self._new_value(name, categories, values[name], rng)
            if new is None:
                return None
            values[name] = new
        changed = TabularInput(tuple(values.items()))
        if not self._is_plausible(changed):
            return None
        changes = tuple((name, old, values[name]) for name, old in item.values if old != values[name])
        return Proposal("variables", changed, changes)

    def _new_value(self, name: str, categories: Sequence[str], old: str, rng: np.random.Generator) -> str | None:
        at = categories.index(old)
        if name in self.schema.ordinal:
            beside = [index for index in (at - 1, at + 1) if 0 <= index < len(categories)]
            return categories[beside[int(rng.integers(len(beside)))]]
        shares = np.array([self.together[column, column] for column in self._columns_of(name, categories)], dtype=float)
        shares[at] = 0
        if not shares.any():
            return None
        return categories[int(rng.choice(len(categories), p=shares / shares.sum()))]

    def _columns_of(self, name: str, categories: Sequence[str]) -> list[int]:
        return [self.columns[name, category] for category in categories]

    def _is_plausible(self, row: TabularInput) -> bool:
        where = [self.columns[pair] for pair in row.values]
        return bool((self.together[np.ix_(where, where)] >= MIN_TOGETHER).all())


def change_variables(train: Sequence[Labelled], schema: TabularSchema) -> ChangeVariables:
    """Count what occurs together in training and return the proposer."""
    pairs = [(name, category) for name, categories in schema.variables for category in categories]
    columns = {pair: index for index, pair in enumerate(pairs)}
    rows = [item.input.values for item in train if isinstance(item.input, TabularInput)]
    onehot = np.zeros((len(rows), len(columns)), dtype=np.float64)
    where = np.array([[columns[pair] for pair in row] for row in rows])
    np.put_along_axis(onehot, where, 1.0, axis=1)
    return ChangeVariables(schema, columns, (onehot.T @ onehot).astype(np.int64))

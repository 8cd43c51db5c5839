"""Tabular predictors: every variable is a bin or a category, encoded one-hot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from explainers.cards import Variable
from explainers.errors import InputError
from explainers.predictors.base import Predictor
from explainers.types import Input, Modality, TabularInput


class TabularPredictor(Predictor):
    """Encodes a row as the one-hot columns of its variables, side by side in display order."""

    modality: ClassVar[Modality] = "tabular"

    def __init__(
        self,
        *,
        name: str,
        architecture: str,
        classes: tuple[str, ...],
        module: nn.Module,
        variables: tuple[Variable, ...],
    ) -> None:
        super().__init__(name=name, architecture=architecture, classes=classes, module=module)
        self.variables = variables
        self._width = sum(len(variable.categories) for variable in variables)
        self._columns: dict[tuple[str, str], int] = {}
        for variable in variables:
            for category in variable.categories:
                self._columns[variable.name, category] = len(self._columns)
        self._order = list(range(len(variables)))
        self._variable_of = [place for place, variable in enumerate(variables) for _ in variable.categories]

    @property
    def groups(self) -> tuple[slice, ...]:
        """The columns of each variable, in display order."""
        return column_groups(self.variables)

    @property
    def training_frequencies(self) -> tuple[Tensor, ...]:
        """For each variable the shares (float64, CPU) of its categories in the training data."""
        return tuple(torch.tensor(variable.frequencies, dtype=torch.float64) for variable in self.variables)

    @property
    def average_row(self) -> Tensor:
        """The mean of the encoded training rows, shape (n_columns,), float64, CPU."""
        return torch.cat([frequencies / frequencies.sum() for frequencies in self.training_frequencies])

    def encode(self, inputs: Sequence[Input]) -> Tensor:
        filled = np.array([self._filled(item) for item in inputs], dtype=np.int64).reshape(
            len(inputs), len(self.variables)
        )
        rows = torch.zeros(len(inputs), self._width)
        return rows.scatter_(1, torch.from_numpy(filled), 1.0).to(self.device)

    def _filled(self, item: Input) -> list[int]:
        if not isinstance(item, TabularInput):
            raise InputError(f"input: {self.name} takes tabular inputs, {item.modality} came")
        try:
            columns = [self._columns[pair] for pair in item.values]
        except KeyError as error:
            self._check_names(item)
            raise InputError(f"input: {error} is no variable and category of {self.name}") from None
        if [self._variable_of[column] for column in columns] != self._order:
            self._check_names(item)
        return columns

    def _check_names(self, item: TabularInput) -> None:
        names = tuple(name for name, _ in item.values)
        expected = tuple(variable.name for variable in self.variables)
        if names != expected:
            raise InputError(f"input: the variables {', '.join(names)} came, {', '.join(expected)} were expected")


def column_groups(variables: Sequence[Variable]) -> tuple[slice, ...]:
    """The one-hot columns of each variable."""
    slices, start = [], 0
    for variable in variables:
        slices.append(slice(start, start + len(variable.categories)))
        start += len(variable.categories)
    return tuple(slices)

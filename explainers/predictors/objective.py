"""Modules that say themselves what their training minimises, where cross-entropy alone does not."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Generator, Tensor

from explainers.cards import Recipe


class OwnObjective(ABC):
    """A module with terms of its own beside the cross-entropy."""

    @abstractmethod
    def objective(self, items: Tensor, labels: Tensor, recipe: Recipe, generator: Generator) -> Tensor:
        """The loss of an encoded batch (n, ...) with its labels (n,), a scalar; draws come from the generator."""

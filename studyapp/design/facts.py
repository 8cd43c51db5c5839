"""What is known of an item, kept apart by who may see it."""

from __future__ import annotations

from dataclasses import dataclass

from explainers.types import Input


@dataclass(frozen=True)
class ShownItem:
    """What every participant may see of an item: the input and, in counterfactual tasks, the changed input."""

    key: str
    input: Input
    perturbed: Input | None = None
    changes: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class ItemTruth:
    """What scores are derived from (class names). Never on a page before the response is committed."""

    label: str
    output: str
    perturbed_output: str | None = None

    @property
    def flips(self) -> bool | None:
        """Whether the perturbation changes the output; None where there is none."""
        return None if self.perturbed_output is None else self.perturbed_output != self.output

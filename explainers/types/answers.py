"""What a predictor says, what is asked of a method, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from explainers.types.forms import Form
from explainers.types.inputs import Input


@dataclass(frozen=True)
class Output:
    """A predictor's answer to one input: the index of the class and its probability (softmax, 0 to 1)."""

    class_index: int
    probability: float


@dataclass(frozen=True)
class Perturbed:
    """An input with a small change, and what each predictor says to it.

    `changes` lists what differs as people are shown it: (where, old, new); `where` is a variable's name, a
    token's index as text, or a region "rows a-b, columns c-d".
    """

    kind: str
    input: Input
    changes: tuple[tuple[str, str, str], ...]
    outputs: Mapping[str, Output]


@dataclass(frozen=True)
class Candidate:
    """A held-out item that a study may draw: input, true label (class index) and every predictor's output."""

    input: Input
    label: int
    outputs: Mapping[str, Output]
    perturbed: tuple[Perturbed, ...]


@dataclass(frozen=True)
class Explanation:
    """What a method says about one output, with what is needed to judge it.

    `explained_class` is the predictor's own output, never the true label. `diagnostics` holds plain numbers
    (`samples`, `local_r2`, `seed_r`, ...), units in their names.
    """

    form: Form
    explained_class: int
    diagnostics: Mapping[str, float]


@dataclass(frozen=True)
class ItemRequest:
    """One item to explain. The seed belongs to the item, so a result never depends on its batch.

    `donor` is another item with the same output; only the placebo that shows another item's explanation uses it.
    """

    input: Input
    seed: int
    donor: Input | None = None


@dataclass(frozen=True)
class ExplainerSpec:
    """A method by its registry name, with parameters that the registry's bounds allow."""

    name: str
    params: Mapping[str, int | float | str]

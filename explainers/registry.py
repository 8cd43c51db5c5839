"""The explainers a study can choose, in the order people see them. Free of torch: the web server reads it.

To add one: a file in `explainers/methods/` and an entry here. Form, bounds and contract tests follow from the entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from explainers.errors import ParameterError, UnknownName
from explainers.types import ExplainerSpec, FormName, Modality


@dataclass(frozen=True)
class Int:
    """A whole number with inclusive bounds; `help` says in a sentence what it does."""

    default: int
    low: int
    high: int
    help: str = ""

    def check(self, value: object, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ParameterError(f"{path}: {value!r} is not a whole number")
        return _within(value, self.low, self.high, path)


@dataclass(frozen=True)
class Float:
    """A real number with inclusive bounds."""

    default: float
    low: float
    high: float
    help: str = ""

    def check(self, value: object, path: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ParameterError(f"{path}: {value!r} is not a number")
        return _within(float(value), self.low, self.high, path)


@dataclass(frozen=True)
class Choice:
    """One of a few names."""

    default: str
    options: tuple[str, ...]
    help: str = ""

    def check(self, value: object, path: str) -> str:
        if value not in self.options:
            raise ParameterError(f"{path}: {value!r} is none of {', '.join(self.options)}")
        return str(value)


Param: TypeAlias = Int | Float | Choice


Number = TypeVar("Number", int, float)


def _within(value: Number, low: Number, high: Number, path: str) -> Number:
    if not low <= value <= high:  # also refuses NaN
        side, bound = ("below", low) if value < low else ("above", high)
        raise ParameterError(f"{path}: {value} is {side} {bound}")
    return value


@dataclass(frozen=True)
class Entry:
    """What the rest of Foretell needs to know of a method without importing torch.

    `needs` names the architecture a method is bound to ("senn"), or is empty where any predictor will do.
    `forms` gives the form of the result for each modality it serves.
    `placebo` is true for methods that carry no information about the item's own output.
    """

    path: str
    title: str
    forms: Mapping[Modality, FormName]
    params: Mapping[str, Param] = field(default_factory=dict)
    needs: str = ""
    placebo: bool = False
    summary: str = ""
    reference: str = ""

    @property
    def modalities(self) -> frozenset[Modality]:
        return frozenset(self.forms)


EXPLAINERS: Mapping[str, Entry] = {}


def entry(name: str) -> Entry:
    """Look a method up; raises UnknownName with the names there are."""
    try:
        return EXPLAINERS[name]
    except KeyError:
        raise UnknownName(f"explainer: {name!r} is none of {', '.join(EXPLAINERS)}") from None


def checked(spec: ExplainerSpec, path: str = "explainer") -> ExplainerSpec:
    """The same spec with every parameter present and inside its bounds; raises ParameterError with its path."""
    params = entry(spec.name).params
    unknown = sorted(set(spec.params) - set(params))
    if unknown:
        raise ParameterError(f"{path}.params.{unknown[0]}: {spec.name} has no such parameter")
    values = {
        key: param.check(spec.params.get(key, param.default), f"{path}.params.{key}") for key, param in params.items()
    }
    return ExplainerSpec(spec.name, values)

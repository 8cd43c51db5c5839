"""What an entry of the registry is made of: parameters with their bounds, and what a method serves and needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from explainers.errors import ParameterError
from explainers.types import FormName, Modality

# A part that several architectures have.
WITH_PART: Mapping[str, tuple[str, ...]] = {"attention": ("gru", "transformer")}
# What parts of an item are weighed as, by its modality.
WEIGHTS: Mapping[Modality, FormName] = {"tabular": "feature_weights", "text": "token_weights", "image": "heatmap"}

Number = TypeVar("Number", int, float)
_SHA256 = re.compile(r"[0-9a-f]{64}")


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


@dataclass(frozen=True)
class Digest:
    """The SHA-256 of a file that was brought here, in hexadecimal; it has no default."""

    default: str = ""
    help: str = ""

    def check(self, value: object, path: str) -> str:
        if not isinstance(value, str) or not _SHA256.fullmatch(value):
            raise ParameterError(f"{path}: {value!r} is no SHA-256 of an uploaded file (64 digits from 0 to f)")
        return value


Param: TypeAlias = Int | Float | Choice | Digest


def _within(value: Number, low: Number, high: Number, path: str) -> Number:
    if not low <= value <= high:  # also refuses NaN
        side, bound = ("below", low) if value < low else ("above", high)
        raise ParameterError(f"{path}: {value} is {side} {bound}")
    return value


@dataclass(frozen=True)
class Entry:
    """What the rest of Foretell needs to know of a method without importing torch.

    `needs` names the architecture a method is bound to ("senn"), or a part that several have (`WITH_PART`); it is empty
    where any predictor will do.
    `forms` gives the form of the result for each modality it serves.
    `placebo` is true for methods that carry no information about the item's own output; `looks_like` names the method
    it stands beside, where it has no parameter that does.
    """

    path: str
    title: str
    forms: Mapping[Modality, FormName]
    params: Mapping[str, Param] = field(default_factory=dict)
    needs: str = ""
    placebo: bool = False
    looks_like: str = ""
    signed: bool = True  # whether a weight says for or against, or only how much
    needs_donor: bool = False  # the request must carry another item with the same output
    rows: int = 1  # about how many rows the method makes of an item, where no parameter says it
    summary: str = ""
    reference: str = ""

    @property
    def modalities(self) -> frozenset[Modality]:
        return frozenset(self.forms)

    @property
    def architectures(self) -> tuple[str, ...]:
        """Those that the method is bound to; none where any will do."""
        return WITH_PART.get(self.needs, (self.needs,)) if self.needs else ()

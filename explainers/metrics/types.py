"""What a metric says. No torch and no numpy, so that the web server can read it.

`Measurement.from_json(m.to_json()) == m` holds exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from explainers.errors import InputError
from explainers.types import ExplainerSpec, Json


@dataclass(frozen=True)
class MetricSpec:
    """A metric by its registry name, with parameters that the registry's bounds allow; missing ones take defaults."""

    name: str
    params: Mapping[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class ItemValue:
    """A metric of one item's explanation.

    `value` is None where the metric is not defined for the item, and `problem` then says why. `details` holds plain
    numbers that explain the value; `curve` the answers along a deletion, an insertion or a cascade, else nothing.
    """

    value: float | None
    details: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[float, ...] = ()
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "details": dict(self.details),
            "curve": list(self.curve),
            "problem": self.problem,
        }


@dataclass(frozen=True)
class Summary:
    """The mean over items, with Student's interval for the mean of all items that such a draw could give.

    Numbers are None where there are too few items: no mean without an item, no interval with fewer than two.
    """

    mean: float | None
    median: float | None
    low: float | None
    high: float | None
    level: float
    n_items: int  # with a value
    n_undefined: int  # without one

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Measurement:
    """A metric of one arm's explanations: a value an item, in the order of the requests, and their summary.

    `reason` says why the metric does not apply to this arm; it is empty where it does. `against` is the other method
    where the metric compares two.
    """

    metric: MetricSpec
    explainer: ExplainerSpec
    items: tuple[ItemValue, ...]
    summary: Summary
    reason: str = ""
    against: ExplainerSpec | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "metric": _spec_json(self.metric),
            "explainer": _spec_json(self.explainer),
            "against": None if self.against is None else _spec_json(self.against),
            "reason": self.reason,
            "summary": self.summary.to_json(),
            "items": [item.to_json() for item in self.items],
        }

    @classmethod
    def from_json(cls, data: Json) -> Measurement:
        """Read what `to_json` wrote; raises InputError when a key is missing."""
        try:
            against = data["against"]
            return cls(
                metric=MetricSpec(data["metric"]["name"], dict(data["metric"]["params"])),
                explainer=ExplainerSpec(data["explainer"]["name"], dict(data["explainer"]["params"])),
                items=tuple(
                    ItemValue(item["value"], dict(item["details"]), tuple(item["curve"]), item["problem"])
                    for item in data["items"]
                ),
                summary=Summary(**{name: data["summary"][name] for name in Summary.__dataclass_fields__}),
                reason=data["reason"],
                against=None if against is None else ExplainerSpec(against["name"], dict(against["params"])),
            )
        except KeyError as error:
            raise InputError(f"measurement: the key {error} is missing") from error


def _spec_json(spec: MetricSpec | ExplainerSpec) -> dict[str, Any]:
    return {"name": spec.name, "params": dict(spec.params)}

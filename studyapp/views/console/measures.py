"""How good the explanations of a frozen study are without people: each metric beside each arm."""

from __future__ import annotations

from dataclasses import dataclass

from explainers.metrics.registry import METRICS
from explainers.metrics.types import Measurement
from studyapp.models import ArmMeasures, FrozenDesign


@dataclass(frozen=True)
class Cell:
    """One arm's number with its interval over items, or why there is none."""

    mean: str
    interval: str
    n_items: int
    reason: str


@dataclass(frozen=True)
class MetricRow:
    """One metric in every arm that was measured."""

    title: str
    unit: str
    better: str
    summary: str
    caution: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Measures:
    """The table: the arms' titles, and a row a metric that applies to one of them at least."""

    arms: tuple[str, ...]
    rows: tuple[MetricRow, ...]


def measures_of(design: FrozenDesign) -> Measures | None:
    """The metrics of a frozen design's arms; None before any are there."""
    kept = {row.arm: row.measurements for row in ArmMeasures.objects.filter(design=design)}
    arms = [arm for arm in design.design.arms if arm.key in kept]
    if not arms:
        return None
    found = [{m.metric.name: m for m in map(Measurement.from_json, kept[arm.key])} for arm in arms]
    rows = tuple(_row(name, found) for name in METRICS if any(_applies(own.get(name)) for own in found))
    return Measures(tuple(arm.title for arm in arms), rows)


def _applies(found: Measurement | None) -> bool:
    return found is not None and not found.reason


def _row(name: str, arms: list[dict[str, Measurement]]) -> MetricRow:
    metric = METRICS[name]
    cells = tuple(_cell(own) for own in (arm.get(name) for arm in arms))
    return MetricRow(metric.title, metric.unit, metric.better, metric.summary, metric.caution, cells)


def _cell(found: Measurement | None) -> Cell:
    if found is None:
        return Cell("–", "", 0, "")
    summary = found.summary
    if summary.mean is None:
        return Cell("–", "", 0, found.reason)
    interval = "" if summary.low is None or summary.high is None else f"{_short(summary.low)} to {_short(summary.high)}"
    return Cell(_short(summary.mean), interval, summary.n_items, "")


def _short(value: float) -> str:
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")

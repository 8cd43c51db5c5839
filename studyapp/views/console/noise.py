"""How steady the explanations of a frozen study are: what of them is the method, and what is its noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

from explainers.registry import entry
from studyapp.models import ArmExplanation, FrozenDesign

Explained: TypeAlias = tuple[str, Mapping[str, float]]  # the method's name and its diagnostics

STEADY_R = 0.95
DASH = "–"


@dataclass(frozen=True)
class NoiseRow:
    """The explanations of one arm; a dash where its method has no such number."""

    arm: str
    method: str
    count: int
    samples: str
    seed_r: str
    lowest_r: str
    n_below: int | None  # explanations whose two seeds would agree less than STEADY_R; None where nothing is drawn
    local_r2: str
    seconds: str


def noise_rows(design: FrozenDesign) -> list[NoiseRow]:
    """One row an arm that shows explanations, from what was stored with each of them."""
    found: dict[str, list[Explained]] = {}
    rows = ArmExplanation.objects.filter(design=design).select_related("explanation").defer("explanation__form")
    for row in rows:
        if row.explanation.diagnostics is not None:
            found.setdefault(row.arm, []).append((row.explanation.explainer, row.explanation.diagnostics))
    return [_row(arm.title, found[arm.key]) for arm in design.design.arms if arm.key in found]


def _row(title: str, explained: Sequence[Explained]) -> NoiseRow:
    numbers = [diagnostics for _, diagnostics in explained]
    agreements = _all(numbers, "seed_r")
    return NoiseRow(
        arm=title,
        method=entry(explained[0][0]).title,
        count=len(explained),
        samples=_middle(_all(numbers, "samples"), ",.0f"),
        seed_r=_middle(agreements, ".3f"),
        lowest_r=f"{min(agreements):.3f}" if agreements else DASH,
        n_below=sum(r < STEADY_R for r in agreements) if agreements else None,
        local_r2=_middle(_all(numbers, "local_r2"), ".2f"),
        seconds=_middle(_all(numbers, "seconds"), ".2g"),
    )


def _all(numbers: Sequence[Mapping[str, float]], name: str) -> list[float]:
    return [diagnostics[name] for diagnostics in numbers if name in diagnostics]


def _middle(values: Sequence[float], written: str) -> str:
    return format(median(values), written) if values else DASH

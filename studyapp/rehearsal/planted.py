"""The estimate of a rehearsal beside the effect that was planted in it."""

from __future__ import annotations

from analysis.report import Report as Result
from analysis.text.columns import columns
from analysis.types import Estimate, Interval


def planted_effect(result: Result, estimate: Estimate, gain: float) -> float:
    """What a contrast would be without chance: explained arms gain, control and placebo do not."""
    roles = {arm.key: arm.role for arm in result.arms}
    gains = [gain if roles[key] == "explained" else 0.0 for key in (estimate.contrast.arm, estimate.contrast.minus)]
    return gains[0] - gains[1]


def planted_table(result: Result, gain: float) -> str:
    """Every planned contrast: the planted effect, the estimate, and whether its interval holds the planted one."""
    rows = []
    for estimate in result.estimates:
        planted = planted_effect(result, estimate, gain)
        rows.append(
            (
                f"{result.arm_title(estimate.contrast.arm)} minus {result.arm_title(estimate.contrast.minus)}",
                _points(planted),
                "–" if estimate.value is None else _points(estimate.value),
                *_interval(estimate.interval, planted),
                "–" if estimate.p_value is None else f"{estimate.p_value:.4f}",
            )
        )
    return "\n".join(
        [
            f"{result.title}: {result.estimand_title}, percentage points, "
            f"{result.flow.allocated} simulated participants",
            columns(("contrast", "planted", "estimate", "95 % interval", "planted is", "p"), rows),
        ]
    )


def _interval(interval: Interval | None, planted: float) -> tuple[str, str]:
    if interval is None:
        return "–", "–"
    holds = interval.low <= planted <= interval.high
    return f"{_points(interval.low)} to {_points(interval.high)}", "inside" if holds else "outside"


def _points(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−")

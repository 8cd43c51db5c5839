"""A report as the tables of its page: every number with as many digits as its uncertainty allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext

from analysis.describe.answers import Share
from analysis.numbers import DASH, amount, between, decimals, effect, factor_text, p_text, percent, points, span
from analysis.report import Report
from analysis.types import Estimate
from analysis.words import verdict


@dataclass(frozen=True)
class EffectRow:
    """A contrast in words and numbers, in its own unit; `planted` is what a rehearsal put in."""

    name: str
    label: str
    value: str
    interval: str
    p: str
    p_adjusted: str
    conservative: str
    counts: str
    planted: str
    unflagged: str  # the same without the people flagged; empty where nobody was


@dataclass(frozen=True)
class Cell:
    """A share of right answers and its interval."""

    value: str
    interval: str
    n: int


@dataclass(frozen=True)
class AccuracyRow:
    """One arm over the phases."""

    arm: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class AccuracyTable:
    """Accuracy by arm and phase, over some of the items."""

    title: str
    phases: tuple[str, ...]
    rows: tuple[AccuracyRow, ...]


def effect_rows(report: Report, estimates: Sequence[Estimate], gain: float | None = None) -> list[EffectRow]:
    """Rows of a table of contrasts; `gain` is the gain a rehearsal planted in the explained arms."""
    return [_effect_row(report, estimate, gain) for estimate in estimates]


def _effect_row(report: Report, estimate: Estimate, gain: float | None) -> EffectRow:
    unit, wide = estimate.unit, estimate.conservative_interval
    places = decimals(estimate.interval, unit)
    arms = (estimate.contrast.arm, estimate.contrast.minus)
    return EffectRow(
        name=gettext("%(arm)s minus %(other)s")
        % {"arm": report.arm_title(arms[0]), "other": report.arm_title(arms[1])},
        label=estimate.label,
        value=amount(estimate.value, unit, places),
        interval=between(estimate.interval, unit, places),
        p=p_text(estimate.p_value),
        p_adjusted=p_text(estimate.p_adjusted),
        conservative=between(wide, unit, decimals(wide, unit)),
        counts=" / ".join(str(estimate.n_enrolments.get(arm, 0)) for arm in arms),
        planted="" if gain is None else points(_planted(report, arms[0], gain) - _planted(report, arms[1], gain), 1),
        unflagged=_unflagged(report, estimate),
    )


def _unflagged(report: Report, estimate: Estimate) -> str:
    other = report.without_flagged(estimate) if estimate.family == "primary" else None
    return "" if other is None else effect(other)


def _planted(report: Report, arm: str, gain: float) -> float:
    """Simulated people learn from an explanation, and nothing from a placebo."""
    role = next(a.role for a in report.arms if a.key == arm)
    return gain if role == "explained" else 0.0


@dataclass(frozen=True)
class WeighedRow:
    """A primary contrast, weighed in other ways."""

    name: str
    equivalence_p: str
    equivalence: str
    bayes_factor: str
    bayes: str
    lee: str
    lee_words: str


def weighed_rows(report: Report) -> list[WeighedRow]:
    """Each primary contrast against what matters, as odds of the data, and with what losses could hide."""
    unit = report.unit
    return [
        WeighedRow(
            name=gettext("%(arm)s minus %(other)s")
            % {"arm": report.arm_title(one.contrast.arm), "other": report.arm_title(one.contrast.minus)},
            equivalence_p=p_text(one.equivalence_p),
            equivalence=one.equivalence,
            bayes_factor=factor_text(one.bayes_factor),
            bayes=one.bayes,
            lee=between(one.lee_interval, unit, decimals(one.lee_interval, unit)),
            lee_words=one.lee,
        )
        for one in report.weighed
    ]


def conclusions(report: Report) -> list[tuple[str, str]]:
    """For each primary contrast its arm and where the interval lies."""
    smallest = report.plan.smallest_effect
    return [(report.arm_title(e.contrast.arm), verdict(e, smallest)) for e in report.primary]


def accuracy_tables(report: Report) -> list[AccuracyTable]:
    """Accuracy over all items, and over those on which the model is right or wrong; the own-label rate last."""
    kinds = (
        (None, gettext("All items")),
        (True, gettext("Items on which the model is right")),
        (False, gettext("Items on which the model is wrong")),
    )
    tables = [
        _table(report, title, [share for share in report.accuracy if share.model_is_right is kind])
        for kind, title in kinds
    ]
    tables.append(_table(report, gettext("Answers equal to the true label, right or wrong"), list(report.own_label)))
    return [table for table in tables if table.rows]


def _table(report: Report, title: str, shares: list[Share]) -> AccuracyTable:
    phases = list(dict.fromkeys(share.phase for share in shares))
    found = {(share.arm, share.phase): share for share in shares}
    rows = tuple(
        AccuracyRow(arm.title, tuple(_cell(found.get((arm.key, phase))) for phase in phases)) for arm in report.arms
    )
    return AccuracyTable(title, tuple(report.phase_title(phase) for phase in phases), rows if phases else ())


def _cell(share: Share | None) -> Cell:
    if share is None:
        return Cell(DASH, "", 0)
    interval = span(share.interval, 0, signed=False) if share.interval else ""
    return Cell(percent(share.value), interval, share.n_enrolments)


def time_rows(report: Report) -> list[tuple[str, str, str, str]]:
    """Median and quartiles of the response times in seconds, by arm and phase."""

    def seconds(value: float | None) -> str:
        return DASH if value is None else f"{value / 1000:.1f}"

    return [
        (
            report.arm_title(times.arm),
            report.phase_title(times.phase),
            seconds(times.median_ms),
            gettext("%(low)s to %(high)s")
            % {"low": seconds(times.lower_quartile_ms), "high": seconds(times.upper_quartile_ms)},
        )
        for times in report.response_times
    ]


def loss_rows(report: Report) -> list[tuple[str, str, str, str]]:
    """What people were lost to, by arm, with the tests of a difference."""
    return [
        (
            loss.what,
            ", ".join(f"{report.arm_title(arm)} {n}" for arm, n in loss.lost.items()),
            p_text(loss.chi_square_p),
            p_text(loss.fisher_p),
        )
        for loss in report.attrition
    ]


@dataclass(frozen=True)
class RatioRow:
    """People of one stage, by arm, against the planned ratio."""

    title: str
    by_arm: str
    expected: str
    p: str
    is_alarm: bool


def ratio_rows(report: Report) -> list[RatioRow]:
    """The sample ratio at each stage at which people can be lost."""
    titles = {"allocated": gettext("Allocated"), "started": gettext("Started"), "completed": gettext("Completed")}
    return [
        RatioRow(
            titles[ratio.reached],
            ", ".join(f"{arm.title} {ratio.counts[arm.key]}" for arm in report.arms),
            ", ".join(f"{arm.title} {ratio.expected[arm.key]:.0f}" for arm in report.arms),
            p_text(ratio.p_value),
            ratio.is_alarm,
        )
        for ratio in report.sample_ratios
    ]


@dataclass(frozen=True)
class FlagRow:
    """Whom a rule flagged, by arm: how many, and the interval of their share."""

    title: str
    meaning: str
    arms: tuple[tuple[int, str], ...]
    fisher_p: str


def flag_rows(report: Report) -> list[FlagRow]:
    """The frozen rules of data quality, any of them first."""
    return [
        FlagRow(
            rate.title,
            rate.meaning,
            tuple((share.flagged, span(share.interval, 0, signed=False)) for share in rate.arms),
            p_text(rate.fisher_p),
        )
        for rate in report.flag_rates
    ]

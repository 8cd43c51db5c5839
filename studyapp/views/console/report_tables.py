"""A report as the tables of its page: every number with as many digits as its uncertainty allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext

from analysis.describe.answers import Share
from analysis.estimands.utility_curve import Utility, UtilityCurve
from analysis.inference.reliability import Reliability
from analysis.items import UNIT as LOG_ODDS
from analysis.items import OneItem, item_table
from analysis.numbers import (
    DASH,
    amount,
    between,
    coefficient,
    decimals,
    effect,
    factor_text,
    p_text,
    percent,
    points,
    span,
)
from analysis.report import Report
from analysis.types import Contrast, Estimate
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


def _minus(report: Report, contrast: Contrast) -> str:
    arms = {"arm": report.arm_title(contrast.arm), "other": report.arm_title(contrast.minus)}
    return gettext("%(arm)s minus %(other)s") % arms


@dataclass(frozen=True)
class ItemsRow:
    """How a primary contrast varies over items, in log odds."""

    name: str
    p: str
    deviation: str
    average: str
    new_item: str
    words: str


def items_rows(report: Report) -> list[ItemsRow]:
    """Each primary contrast over the items of POST."""
    return [
        ItemsRow(
            name=_minus(report, one.contrast),
            p=p_text(one.test.p_value if one.test else None),
            deviation=amount(one.deviation, LOG_ODDS, 2, signed=False),
            average=amount(one.average.estimate if one.average else None, LOG_ODDS, 2),
            new_item=between(one.new_item, LOG_ODDS, 2),
            words=one.words,
        )
        for one in report.items
    ]


@dataclass(frozen=True)
class ItemEffects:
    """The effect for each item, a column a contrast: value and interval."""

    contrasts: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def item_effects(report: Report) -> ItemEffects:
    """Every item with its effects; no contrasts where no model could be fitted."""
    return ItemEffects(
        tuple(_minus(report, one.contrast) for one in report.items if one.items),
        tuple((item, tuple(map(_item_cell, cells))) for item, cells in item_table(report.items)),
    )


def _item_cell(one: OneItem | None) -> tuple[str, str]:
    return (DASH, "") if one is None else (amount(one.value, LOG_ODDS, 2), between(one.interval, LOG_ODDS, 2))


@dataclass(frozen=True)
class AnswerReliabilityRow:
    """What the answers of one arm are made of."""

    arm: str
    alpha: str
    people: str
    items: str
    design_effect: str
    n_answers: int
    words: str


def answer_reliability_rows(report: Report) -> list[AnswerReliabilityRow]:
    """Reliability of the answers in POST, by arm."""
    return [
        AnswerReliabilityRow(
            arm=report.arm_title(one.arm),
            alpha=_reliability(one.alpha),
            people=_reliability(one.people),
            items=_reliability(one.items),
            design_effect=amount(one.design_effect, "", 2, signed=False),
            n_answers=one.n_answers,
            words=one.words,
        )
        for one in report.reliabilities.answers
    ]


def _reliability(one: Reliability | None) -> str:
    return DASH if one is None else coefficient(one.value, one.interval)


@dataclass(frozen=True)
class RatingReliabilityRow:
    """The ratings of one arm beside its outcomes."""

    arm: str
    n_questions: int
    alpha: str
    correlation: str
    disattenuated: str
    words: str


def rating_reliability_rows(report: Report) -> list[RatingReliabilityRow]:
    """Reliability of the ratings and their correlation with the outcome, by arm; empty where nobody was asked."""
    return [
        RatingReliabilityRow(
            arm=report.arm_title(one.arm),
            n_questions=one.n_questions,
            alpha=_reliability(one.alpha),
            correlation=coefficient(one.correlation.value, one.correlation.interval) if one.correlation else DASH,
            disattenuated=coefficient(one.disattenuated.value, one.disattenuated.interval)
            if one.disattenuated
            else DASH,
            words=one.words,
        )
        for one in report.reliabilities.ratings
    ]


@dataclass(frozen=True)
class UtilityRow:
    """Accuracy over accuracy in control, after one session or over all of them."""

    session: str
    examples: str
    explained: str
    control: str
    ratio: str
    interval: str
    conservative: str
    counts: str


def utility_tables(report: Report) -> list[tuple[str, list[UtilityRow]]]:
    """Utility-K of each primary contrast, the area under the curve last; empty for fewer than three sessions."""
    return [(_minus(report, one.contrast), _utility_rows(report, one.curve)) for one in report.utility]


def _utility_rows(report: Report, curve: UtilityCurve) -> list[UtilityRow]:
    rows = [
        UtilityRow(
            report.phase_title(point.session),
            DASH if point.n_examples is None else str(point.n_examples),
            percent(point.explained),
            percent(point.control),
            *_ratio_cells(point.utility, curve.unit),
            " / ".join(map(str, point.n_enrolments)),
        )
        for point in curve.points
    ]
    return [*rows, UtilityRow(gettext("Mean (area)"), "", "", "", *_ratio_cells(curve.area, curve.unit), "")]


def _ratio_cells(utility: Utility, unit: str) -> tuple[str, str, str]:
    return (
        amount(utility.value, unit, 2),
        between(utility.interval, unit, 2),
        between(utility.conservative_interval, unit, 2),
    )


def conclusions(report: Report) -> list[tuple[str, str]]:
    """For each primary contrast its arm and where the interval lies."""
    smallest = report.plan.smallest_effect
    return [(report.arm_title(e.contrast.arm), verdict(e, smallest)) for e in report.answers]


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

"""The picture that answers the question: each arm against control, with what uncertainty, against what matters."""

import altair as alt

from analysis.figures.figure import BAND, BLUE, INK, QUIET, TEXT, WIDTH, Chart, Figure, Row, rows, to_svg
from analysis.numbers import Scale, effect, level_text, scale_of
from analysis.report import Report
from analysis.types import Estimate
from analysis.words import headline

ROW_PX = 74


def effects_figure(report: Report) -> Figure:
    """Draw the effect of every arm that is compared with control."""
    control = report.arm_title(report.plan.control)
    shown = [e for e in (*report.answers, *report.secondary) if e.contrast.minus == report.plan.control]
    title = report.estimand_title
    alt_text = f"{title}, in {scale_of(report.unit).noun} more than {control}. " + " ".join(
        f"{_label(report, e)}." for e in shown
    )
    return Figure("effects", title, headline(report), alt_text, to_svg(_chart(report, shown, title), alt_text))


def _chart(report: Report, shown: list[Estimate], title: str) -> Chart:
    data = [_row(report, i, estimate) for i, estimate in enumerate(shown)]
    control = report.arm_title(report.plan.control)
    scale = scale_of(report.unit)
    smallest = scale.factor * report.plan.smallest_effect
    reach = max(
        smallest * 1.3,
        *(abs(float(row[end] or 0)) * 1.08 for row in data for end in ("low", "high", "wide_low", "wide_high")),
    )
    x = alt.Scale(domain=[-reach, reach], nice=False, zero=False)
    y = alt.Y("row:Q", axis=None, scale=alt.Scale(domain=[-0.62, len(shown) - 0.5], reverse=True))
    axis = alt.Axis(title=f"{scale.noun} more than with: {control}", grid=False, tickCount=7, titleLimit=WIDTH,
                    labelExpr="datum.value == 0 ? '0' : format(datum.value, '+.3~g')")  # fmt: skip
    base = alt.Chart(rows(data))
    ends = base.encode(y=y)
    colour = alt.condition("datum.is_primary", alt.value(BLUE), alt.value(INK))
    band = alt.Chart(rows([{"from": -smallest, "to": smallest}])).mark_rect(color=BAND).encode(
        x=alt.X("from:Q", scale=x, axis=axis), x2="to:Q"
    )  # fmt: skip
    zero = (
        alt.Chart(rows([{"at": 0}])).mark_rule(color=QUIET, strokeWidth=1.5).encode(x=alt.X("at:Q", scale=x, axis=axis))
    )
    wide = ends.mark_rule(strokeWidth=1.5).encode(
        x=alt.X("wide_low:Q", scale=x, axis=axis), x2="wide_high:Q", color=colour
    )
    narrow = ends.mark_rule(strokeWidth=6).encode(x=alt.X("low:Q", scale=x, axis=axis), x2="high:Q", color=colour)
    point = ends.mark_point(size=150, filled=True, opacity=1, stroke="white", strokeWidth=1.5).encode(
        x=alt.X("value:Q", scale=x, axis=axis),
        shape=alt.condition("datum.is_primary", alt.value("circle"), alt.value("diamond")),
        color=colour,
    )
    label = ends.encode(x=alt.value(4), text="label:N")
    behind = label.mark_text(
        align="left", dy=-25, fontSize=TEXT, fontWeight="bold", stroke="white", strokeWidth=5, strokeJoin="round"
    )
    written = label.mark_text(align="left", dy=-25, fontSize=TEXT, fontWeight="bold")
    level = level_text(1 - report.plan.alpha)
    notes = [
        f"Thick: {level} interval over participants. Thin: conservative, over participants and items.",
        f"Shaded: smaller than the smallest effect of interest ({smallest:.4g} {scale.short}). Left of the line: harm.",
    ]
    return alt.layer(band, zero, wide, narrow, point, behind, written).properties(
        width=WIDTH, height=max(1, len(shown)) * ROW_PX, title=alt.TitleParams(title, subtitle=notes)
    )


def _row(report: Report, number: int, estimate: Estimate) -> Row:
    narrow, wide, scale = estimate.interval, estimate.conservative_interval, scale_of(report.unit)
    return {
        "row": number,
        "label": _label(report, estimate),
        "is_primary": estimate.family == "primary",
        "value": scaled(estimate.value, scale),
        "low": scaled(narrow.low if narrow else None, scale),
        "high": scaled(narrow.high if narrow else None, scale),
        "wide_low": scaled(wide.low if wide else None, scale),
        "wide_high": scaled(wide.high if wide else None, scale),
    }


def scaled(value: float | None, scale: Scale) -> float | None:
    """Return a value as it is read."""
    return None if value is None else scale.factor * value


def _label(report: Report, estimate: Estimate) -> str:
    what = f"{report.arm_title(estimate.contrast.arm)}{'' if estimate.family == 'primary' else ' (no information)'}"
    return f"{what}: not estimated" if estimate.value is None else f"{what}: {effect(estimate)}"

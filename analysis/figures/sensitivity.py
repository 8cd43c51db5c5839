"""The forest: the planned estimate of each contrast above the same contrast with one thing done in another way."""

from collections.abc import Iterator, Sequence

import altair as alt

from analysis.figures.effects import scaled
from analysis.figures.figure import BLUE, INK, QUIET, TEXT, WIDTH, Chart, Figure, Row, rows, to_svg
from analysis.numbers import effect, level_text, scale_of
from analysis.report import Report
from analysis.types import Estimate

ROW_PX = 46
PLANNED = "as planned"


def sensitivity_figure(report: Report) -> Figure | None:
    """Draw every estimate in the unit of the estimand; None where there is nothing beside the planned ones."""
    data = list(_rows(report))
    if not any(row["kind"] == "other" and row["value"] is not None for row in data):
        return None
    title = "The same contrast, with one thing done in another way"
    caption = " ".join(_range(report, estimate) for estimate in report.primary)
    alt_text = f"{title}. " + " ".join(f"{row['label']}." for row in data)
    return Figure("sensitivity", title, caption, alt_text, to_svg(_chart(report, data, title), alt_text))


def _beside(report: Report, planned: Estimate) -> list[Estimate]:
    others = (*report.unflagged, *report.sensitivity)
    return [other for other in others if other.contrast == planned.contrast and other.unit == report.unit]


def _range(report: Report, planned: Estimate) -> str:
    arm = report.arm_title(planned.contrast.arm)
    values = [other.value for other in _beside(report, planned) if other.value is not None]
    if planned.value is None or not values:
        return f"{arm}: nothing to compare."
    scale = scale_of(report.unit)
    low, high = (f"{scale.factor * end:+.{scale.most_places}f}" for end in (min(values), max(values)))
    return f"{arm}: {scale.factor * planned.value:+.{scale.most_places}f} as planned, {low} to {high} otherwise."


def _rows(report: Report) -> Iterator[Row]:
    number = 0
    for planned in report.primary:
        title = f"{report.arm_title(planned.contrast.arm)} minus {report.arm_title(planned.contrast.minus)}"
        yield {"row": number, "kind": "title", "label": title}
        number += 1
        for estimate in (planned, *_beside(report, planned)):
            yield _row(report, number, estimate, PLANNED if estimate is planned else estimate.label)
            number += 1


def _row(report: Report, number: int, estimate: Estimate, label: str) -> Row:
    scale, interval = scale_of(report.unit), estimate.interval
    shown = effect(estimate) if estimate.value is not None else "not estimated"
    return {
        "row": number,
        "kind": "planned" if estimate.family == "primary" else "other",
        "label": f"{label}: {shown}",
        "value": scaled(estimate.value, scale),
        "low": scaled(interval.low if interval else None, scale),
        "high": scaled(interval.high if interval else None, scale),
    }


def _chart(report: Report, data: Sequence[Row], title: str) -> Chart:
    scale = scale_of(report.unit)
    ends = [float(row.get(end) or 0) for row in data for end in ("low", "high", "value")]
    reach = max(1.08 * max(abs(end) for end in ends), scale.factor * report.plan.smallest_effect)
    x = alt.Scale(domain=[-reach, reach], nice=False, zero=False)
    axis = alt.Axis(title=f"{scale.noun} more than with: {report.arm_title(report.plan.control)}", grid=False,
                    tickCount=7, titleLimit=WIDTH,
                    labelExpr="datum.value == 0 ? '0' : format(datum.value, '+.3~g')")  # fmt: skip
    y = alt.Y("row:Q", axis=None, scale=alt.Scale(domain=[-0.7, len(data) - 0.5], reverse=True))
    base = alt.Chart(rows([row for row in data if row["kind"] != "title"])).encode(y=y)
    colour = alt.condition("datum.kind == 'planned'", alt.value(BLUE), alt.value(INK))
    label = base.encode(x=alt.value(4), text="label:N")
    heading = alt.Chart(rows([row for row in data if row["kind"] == "title"])).encode(y=y)
    zero = alt.Chart(rows([{"at": 0}])).mark_rule(color=QUIET, strokeWidth=1.5)
    layers = [
        zero.encode(x=alt.X("at:Q", scale=x, axis=axis)),
        base.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q", scale=x, axis=axis), x2="high:Q", color=colour),
        base.mark_point(size=90, filled=True, opacity=1).encode(x=alt.X("value:Q", scale=x, axis=axis), color=colour),
        label.mark_text(align="left", dy=-17, fontSize=TEXT - 2, stroke="white", strokeWidth=5),  # behind the letters
        label.mark_text(align="left", dy=-17, fontSize=TEXT - 2),
        heading.mark_text(align="left", fontSize=TEXT, fontWeight="bold").encode(x=alt.value(0), text="label:N"),
    ]
    level = level_text(1 - report.plan.alpha)
    return alt.layer(*layers).properties(
        width=WIDTH,
        height=len(data) * ROW_PX,
        title=alt.TitleParams(title, subtitle=f"{level} intervals; the planned one in blue. Odds are in the table."),
    )

"""Accuracy where the model is right and where it is wrong: giving the true class fails on the right-hand side."""

import altair as alt

from analysis.figures.figure import BLUE, FAINT, ORANGE, QUIET, TEXT, WIDTH, Chart, Figure, Row, rows, to_svg
from analysis.numbers import level_text, percent
from analysis.report import Report

ROW_PX = 76
GAP_PX = 24
SIDES = ((True, "Model right"), (False, "Model wrong"))


def model_right_figure(report: Report) -> Figure:
    """Draw each arm's accuracy before and after, by whether the model gives the true class."""
    title = "Accuracy where the model is right, and where it is wrong"
    post = report.phase_title(report.plan.post)
    parts = []
    for arm in report.arms:
        right, wrong = (report.share(arm.key, report.plan.post, side) for side, _ in SIDES)
        parts.append(
            f"{arm.title} {percent(right.value if right else None)} / {percent(wrong.value if wrong else None)}"
        )
    caption = f"{post}, model right / model wrong: {'; '.join(parts)}."
    return Figure(
        "model_right", title, caption, f"{title}. {caption}", to_svg(_chart(report, title), f"{title}. {caption}")
    )


def _chart(report: Report, title: str) -> alt.HConcatChart:
    width = (WIDTH - GAP_PX) / 2
    panels = [
        _panel(report, side, heading, show_names=number == 0).properties(width=width, height=len(report.arms) * ROW_PX)
        for number, (side, heading) in enumerate(SIDES)
    ]
    pre, post = report.phase_title(report.plan.pre), report.phase_title(report.plan.post)
    notes = [
        f"Hollow: {pre}. Filled: {post}. Bars: {level_text(1 - report.plan.alpha)} intervals over participants.",
        "Dashed: half of the answers.",
    ]
    return alt.hconcat(*panels, spacing=GAP_PX, title=alt.TitleParams(title, subtitle=notes))


def _rows(report: Report, side: bool) -> list[Row]:
    found: list[Row] = []
    for number, arm in enumerate(report.arms):
        for phase, shift in ((report.plan.pre, 0.02), (report.plan.post, 0.26)):
            cell = report.share(arm.key, phase, side)
            if cell is None or cell.value is None:
                continue
            low, high = (cell.interval.low, cell.interval.high) if cell.interval else (cell.value, cell.value)
            found.append({
                "y": number + shift, "is_post": phase == report.plan.post,
                "value": 100 * cell.value, "low": 100 * low, "high": 100 * high,
            })  # fmt: skip
    return found


def _panel(report: Report, side: bool, heading: str, *, show_names: bool) -> Chart:
    data = _rows(report, side)
    colour = BLUE if side else ORANGE
    scale = alt.Scale(domain=[0, 100], nice=False)
    axis = alt.Axis(
        title=None, values=[0, 25, 50, 75, 100], labelExpr="datum.value + ' %'", grid=False, labelFlush=True
    )
    rows_scale = alt.Scale(domain=[-0.55, len(report.arms) - 0.5], reverse=True)
    y = alt.Y("y:Q", axis=None, scale=rows_scale)
    base = alt.Chart(rows(data)).encode(y=y)
    x = alt.X("value:Q", scale=scale, axis=axis)
    half = (
        alt.Chart(rows([{"at": 50}]))
        .mark_rule(color=QUIET, strokeDash=[3, 4])
        .encode(x=alt.X("at:Q", scale=scale, axis=axis))
    )
    between: list[Row] = [{"line": number - 0.5} for number in range(1, len(report.arms))]
    lines = alt.Chart(rows(between)).mark_rule(color=FAINT, strokeWidth=0.7).encode(
        y=alt.Y("line:Q", axis=None, scale=rows_scale)
    )  # fmt: skip
    bars = base.mark_rule(strokeWidth=2.5, color=colour).encode(x=alt.X("low:Q", scale=scale, axis=axis), x2="high:Q")
    points = base.mark_point(size=110, opacity=1, filled=True, stroke=colour, strokeWidth=2.5).encode(
        x=x, fill=alt.condition("datum.is_post", alt.value(colour), alt.value("white"))
    )
    titles: list[Row] = [{"name_y": number, "name": arm.title} for number, arm in enumerate(report.arms)]
    names = alt.Chart(rows(titles)).mark_text(align="left", fontSize=TEXT, fontWeight="bold", dy=-20).encode(
        y=alt.Y("name_y:Q", axis=None, scale=rows_scale), x=alt.value(2), text="name:N"
    )  # fmt: skip
    panel_title = alt.TitleParams(heading, fontSize=TEXT, fontWeight="bold", color=colour, frame="group", offset=6)
    layers = [half, lines, bars, points, *([names] if show_names else [])]
    return alt.layer(*layers).properties(title=panel_title)

"""Accuracy before and after, a panel an arm on one scale, the control's line behind every other arm's."""

import altair as alt

from analysis.figures.figure import BLUE, FAINT, QUIET, TEXT, WIDTH, Chart, Figure, Row, rows, to_svg, wrapped
from analysis.numbers import level_text, percent
from analysis.report import Report

MOST_ABREAST = 4
GAP_PX = 16
AXIS_PX = 52
PANEL_PX = 260
BEFORE, AFTER = "PRE", "POST"  # under the panels, where a phase's title would not fit
LABEL_POINTS = 4  # room for a number beyond the end of an interval


def accuracy_figure(report: Report) -> Figure:
    """Draw each arm's accuracy in the two phases compared."""
    control = report.arm_title(report.plan.control)
    title = "Share of answers that name the model's class"
    parts = [f"{report.arm_title(arm.key)} {_change(report, arm.key)}" for arm in report.arms]
    caption = f"From {_phases(report)[0]} to {_phases(report)[1]}: {'; '.join(parts)}. The grey line repeats {control}."
    return Figure(
        "accuracy", title, caption, f"{title}. {caption}", to_svg(_chart(report, title), f"{title}. {caption}")
    )


def _phases(report: Report) -> tuple[str, str]:
    return report.phase_title(report.plan.pre), report.phase_title(report.plan.post)


def _change(report: Report, arm: str) -> str:
    pre, post = (report.share(arm, phase) for phase in (report.plan.pre, report.plan.post))
    return f"{percent(pre.value if pre else None)} to {percent(post.value if post else None)}"


def _chart(report: Report, title: str) -> alt.ConcatChart:
    abreast = min(MOST_ABREAST, len(report.arms))
    width = (WIDTH - AXIS_PX - (abreast - 1) * GAP_PX) / abreast
    scale = alt.Scale(domain=_domain(report), nice=False, zero=False)
    panels = [
        _panel(report, arm.key, scale, width, has_labels=number % abreast == 0)
        for number, arm in enumerate(report.arms)
    ]
    before, after = _phases(report)
    note = [
        f"Mean of participants, those who answered; {level_text(1 - report.plan.alpha)} intervals over participants.",
        *wrapped(f"{BEFORE}: {before}. {AFTER}: {after}.", WIDTH),
    ]
    return alt.concat(*panels, columns=abreast, spacing=GAP_PX, title=alt.TitleParams(title, subtitle=note))


def _domain(report: Report) -> list[float]:
    """Return one scale for all panels, in steps of ten per cent, with half (guessing between two) always in view."""
    ends = [50.0]
    for row in (row for arm in report.arms for row in _rows(report, arm.key)):
        ends += [float(row[name] or 50) for name in ("low", "value", "high")]
    return [max(0.0, 10 * ((min(ends) - LABEL_POINTS) // 10)), min(100.0, 10 * ((max(ends) + LABEL_POINTS) // 10 + 1))]


def _rows(report: Report, arm: str) -> list[Row]:
    found: list[Row] = []
    phases = ((BEFORE, report.plan.pre), (AFTER, report.plan.post))
    cells = [(name, report.share(arm, phase)) for name, phase in phases]
    seen = [(phase, cell) for phase, cell in cells if cell is not None and cell.value is not None]
    highest = max((cell.value or 0 for _, cell in seen), default=0)
    for phase, cell in seen:
        if cell.value is not None:
            low, high = (cell.interval.low, cell.interval.high) if cell.interval else (cell.value, cell.value)
            found.append({
                "phase": phase, "value": 100 * cell.value, "low": 100 * low, "high": 100 * high,
                # The line between the phases leaves room above its higher end and below its lower one.
                "above": percent(cell.value) if cell.value == highest else "",
                "below": percent(cell.value) if cell.value != highest else "",
            })  # fmt: skip
    return found


def _panel(report: Report, arm: str, scale: alt.Scale, width: float, *, has_labels: bool) -> Chart:
    colour = QUIET if arm == report.plan.control else BLUE
    # Numbers stand at the left edge of each row of panels; the grid carries them to the others.
    axis = alt.Axis(
        title=None, tickCount=5, labelExpr="datum.label + ' %'", domain=False, ticks=False, labels=has_labels
    )
    x = alt.X("phase:N", sort=None, title=None, axis=alt.Axis(labelAngle=0, ticks=False, labelPadding=8),
              scale=alt.Scale(domain=[BEFORE, AFTER], padding=0.32))  # fmt: skip
    y, low, high = (alt.Y(f"{end}:Q", scale=scale, axis=axis) for end in ("value", "low", "high"))
    base = alt.Chart(rows(_rows(report, arm))).encode(x=x)
    behind = alt.Chart(rows(_rows(report, report.plan.control))).mark_line(color=FAINT, strokeWidth=4).encode(x=x, y=y)
    lines = wrapped(report.arm_title(arm), width)
    # A title would be pushed up by the axis labels of its own panel; a mark keeps all of them on one line.
    heading = alt.Chart(rows([{}])).mark_text(text=lines, fontSize=TEXT, fontWeight="bold", baseline="bottom").encode(
        x=alt.value(width / 2), y=alt.value(-20 - TEXT * (len(lines) - 1))
    )  # fmt: skip
    layers = [
        behind,
        base.mark_rule(strokeWidth=2, color=colour).encode(y=low, y2="high:Q"),
        base.mark_line(strokeWidth=2.5, color=colour).encode(y=y),
        base.mark_point(size=90, filled=True, opacity=1, color=colour).encode(y=y),
        base.mark_text(dy=-12, fontSize=TEXT - 2, color=colour, fontWeight="bold").encode(y=high, text="above:N"),
        base.mark_text(dy=13, fontSize=TEXT - 2, color=colour, fontWeight="bold").encode(y=low, text="below:N"),
        heading,
    ]
    return alt.layer(*layers).properties(width=width, height=PANEL_PX)

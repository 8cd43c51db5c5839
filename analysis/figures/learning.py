"""Learning curves: accuracy as each phase goes on, a panel an arm, the control's line behind every other arm's."""

from collections.abc import Iterator

import altair as alt

from analysis.describe.learning import LearningPoint
from analysis.figures.figure import BLUE, FAINT, QUIET, TEXT, WIDTH, Chart, Figure, Row, rows, to_svg, wrapped
from analysis.numbers import level_text, percent
from analysis.report import Report

PANEL_PX = 190
AXIS_PX = 52
PANEL_GAP_PX = 22
PHASE_GAP = 0.12  # left free between two phases, as a share of all trials
SHIFT = 0.009  # by which the control's intervals stand aside, likewise
ROOM = 3  # points beyond the ends of the intervals


def learning_figure(report: Report) -> Figure | None:
    """Draw the accuracy of each arm over the trials of its phases; None where nothing was scored."""
    if not any(point.value is not None for point in report.learning):
        return None
    title = "Accuracy as a phase goes on"
    caption = " ".join(_change(report, phase) for phase in _phases(report))
    return Figure(
        "learning", title, caption, f"{title}. {caption}", to_svg(_chart(report, title), f"{title}. {caption}")
    )


def _phases(report: Report) -> list[str]:
    return list(dict.fromkeys(point.phase for point in report.learning))


def _of(report: Report, arm: str, phase: str) -> list[LearningPoint]:
    return [point for point in report.learning if (point.arm, point.phase) == (arm, phase)]


def _change(report: Report, phase: str) -> str:
    """Say where each arm begins and ends in a phase."""
    parts = []
    for arm in report.arms:
        points = _of(report, arm.key, phase)
        ends = [points[0]] if len(points) == 1 else [points[0], points[-1]]
        parts.append(f"{arm.title} {' to '.join(percent(point.value) for point in ends)}")
    first = _of(report, report.arms[0].key, phase)
    where = f"first {_count(first[0])} to last {_count(first[-1])} trials" if len(first) > 1 else "all trials"
    return f"{report.phase_title(phase)}, {where}: {'; '.join(parts)}."


def _count(point: LearningPoint) -> int:
    return point.last - point.first + 1


def _starts(report: Report) -> dict[str, float]:
    """Return the place on the axis from which the trials of each phase are counted."""
    starts, at = {}, 0.0
    for phase, trials in _lengths(report).items():
        starts[phase] = at
        at += trials + PHASE_GAP * _all_trials(report)
    return starts


def _lengths(report: Report) -> dict[str, int]:
    """Return the trials of each phase."""
    return {phase: max(point.last for point in report.learning if point.phase == phase) for phase in _phases(report)}


def _all_trials(report: Report) -> int:
    return sum(_lengths(report).values())


def _chart(report: Report, title: str) -> alt.ConcatChart:
    arms = [arm.key for arm in report.arms if arm.key != report.plan.control] or [report.plan.control]
    control = report.arm_title(report.plan.control)
    panels = [_panel(report, arm) for arm in arms]
    notes = wrapped(
        f"Mean of participants over trials in a row; {level_text(1 - report.plan.alpha)} intervals over participants. "
        f"The grey line in every panel is {control}.",
        1.1 * WIDTH,
    )
    return alt.concat(*panels, columns=1, spacing=PANEL_GAP_PX, title=alt.TitleParams(title, subtitle=notes))


def _panel(report: Report, arm: str) -> Chart:
    width = WIDTH - AXIS_PX
    control = report.plan.control
    layers = [] if arm == control else list(_line(report, control, FAINT, QUIET, SHIFT * _all_trials(report)))
    layers += list(_line(report, arm, BLUE, BLUE, 0.0))
    lines = wrapped(report.arm_title(arm), width)
    heading = alt.Chart(rows([{}])).mark_text(
        text=lines, fontSize=TEXT, fontWeight="bold", baseline="bottom", align="left", color=BLUE
    ).encode(x=alt.value(0), y=alt.value(-8 - TEXT * (len(lines) - 1)))  # fmt: skip
    return alt.layer(*layers, *_names(report), heading).properties(width=width, height=PANEL_PX)


def _scales(report: Report) -> tuple[alt.Scale, alt.Scale]:
    starts = _starts(report)
    last = max(starts[point.phase] + point.last for point in report.learning)
    shown = [point for point in report.learning if point.value is not None]
    ends = [100 * end for point in shown for end in _ends(point)]
    low, high = max(0.0, 10 * ((min(ends) - ROOM) // 10)), min(100.0, 10 * ((max(ends) + ROOM) // 10 + 1))
    return (
        alt.Scale(domain=[0.3, last + 0.7], nice=False, zero=False),
        alt.Scale(domain=[low, high], nice=False, zero=False),
    )


def _ends(point: LearningPoint) -> tuple[float, float, float]:
    value = point.value or 0.0
    low, high = (point.interval.low, point.interval.high) if point.interval else (value, value)
    return low, value, high


def _x(report: Report) -> alt.Axis:
    """Label each phase's first and last bin by the trials in it; more labels would not fit."""
    starts, labels = _starts(report), {}
    for phase in _phases(report):
        points = _of(report, report.arms[0].key, phase)
        for point in (points[0], points[-1]):
            labels[_middle(point, starts)] = _trials(point)
    pairs = " : ".join(f"datum.value == {at} ? '{text}'" for at, text in labels.items())
    return alt.Axis(values=list(labels), labelExpr=f"{pairs} : ''", title=None, grid=False, labelAngle=0, ticks=False)


def _trials(point: LearningPoint) -> str:
    return str(point.first) if point.first == point.last else f"{point.first}\N{EN DASH}{point.last}"


def _middle(point: LearningPoint, starts: dict[str, float]) -> float:
    return starts[point.phase] + (point.first + point.last) / 2


def _line(report: Report, arm: str, line: str, mark: str, shift: float) -> Iterator[alt.Chart]:
    """Yield an arm's intervals, its line, broken between phases, and its points."""
    x_scale, y_scale = _scales(report)
    starts = _starts(report)
    data: list[Row] = []
    for point in report.learning:
        if point.arm == arm and point.value is not None:
            ends = {name: 100 * end for name, end in zip(("low", "value", "high"), _ends(point), strict=True)}
            data.append({"at": _middle(point, starts) + shift, "phase": point.phase, **ends})
    axis = alt.Axis(title=None, tickCount=4, labelExpr="datum.label + ' %'", domain=False, ticks=False)
    x = alt.X("at:Q", scale=x_scale, axis=_x(report))
    value, low = (alt.Y(f"{end}:Q", scale=y_scale, axis=axis) for end in ("value", "low"))
    base = alt.Chart(rows(data)).encode(x=x)
    yield base.mark_rule(strokeWidth=1.5, color=line).encode(y=low, y2="high:Q")
    yield base.mark_line(strokeWidth=2.5, color=line).encode(y=value, detail="phase:N")
    yield base.mark_point(size=50, filled=True, opacity=1, color=mark).encode(y=value)


def _names(report: Report) -> Iterator[alt.Chart]:
    """Yield the phases' titles, at the foot of the panel where they begin."""
    x_scale, _ = _scales(report)
    starts = _starts(report)
    data: list[Row] = [{"at": at + 0.5, "name": report.phase_title(phase)} for phase, at in starts.items()]
    yield alt.Chart(rows(data)).mark_text(align="left", fontSize=TEXT - 2, color=QUIET, dy=-9).encode(
        x=alt.X("at:Q", scale=x_scale, axis=_x(report)), y=alt.value(PANEL_PX), text="name:N"
    )  # fmt: skip

"""The flow of participants, drawn by hand: boxes from top to bottom, then one column an arm."""

from analysis.figures.figure import BAND, FONT, QUIET, TEXT, WIDTH, Figure, described, text_element, wrapped
from analysis.report import Report

LINE_PX = 24
PAD_PX = 12
GAP_PX = 34
ARM_GAP_PX = 12
MARGIN_PX = 8


def flow_figure(report: Report) -> Figure:
    """Draw who arrived, who was allocated to what, who stayed and who was analysed."""
    people = report.flow
    analysed = sum(arm.analysed for arm in people.arms)
    completed = sum(arm.completed for arm in people.arms)
    caption = (
        f"{people.arrived} arrived, {people.allocated} were allocated, "
        f"{completed} completed the study, {analysed} are analysed."
    )
    return Figure("flow", "Flow of participants", caption, f"Flow of participants. {_in_words(report)}", _svg(report))


def _in_words(report: Report) -> str:
    people = report.flow
    arms = " ".join(
        f"{report.arm_title(arm.arm)}: {arm.allocated} allocated, {arm.answered_pre} answered in PRE, "
        f"{arm.answered_post} in POST, {arm.completed} completed, {arm.withdrawn} withdrew, {arm.analysed} analysed."
        for arm in people.arms
    )
    return (
        f"{people.arrived} arrived; {people.declined} declined, {people.failed_check} failed the comprehension check, "
        f"{people.left_before_allocation} left before allocation; {people.allocated} allocated. {arms}"
    )


def _svg(report: Report) -> str:
    people = report.flow
    parts: list[str] = []
    y = float(MARGIN_PX)
    left, wide = float(MARGIN_PX), float(WIDTH)
    y = _box(parts, left, y, wide * 0.44, [(f"{people.arrived} arrived", True)])
    lost = [
        (f"{people.declined} declined", False),
        (f"{people.failed_check} failed the check", False),
        (f"{people.left_before_allocation} left before allocation", False),
    ]
    # Of four columns, the gap between the first two: the line may run on to a second row of arms.
    middle = left + (wide + ARM_GAP_PX) / 4 - ARM_GAP_PX / 2
    side_y = y + GAP_PX / 2
    bottom = _box(parts, left + wide * 0.54, side_y, wide * 0.46, lost)
    _line(parts, middle, side_y + (bottom - side_y) / 2, left + wide * 0.54, side_y + (bottom - side_y) / 2)
    allocated_y = bottom + GAP_PX / 2
    _line(parts, middle, y, middle, allocated_y)
    y = _box(parts, left, allocated_y, wide * 0.44, [(f"{people.allocated} allocated", True)])
    bottom = _arms(report, parts, y, middle)
    height = bottom + MARGIN_PX
    open_tag = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + 2 * MARGIN_PX}" height="{height:g}" '
        f'viewBox="0 0 {WIDTH + 2 * MARGIN_PX} {height:g}" font-family="{FONT}">'
    )
    background = f'<rect width="{WIDTH + 2 * MARGIN_PX}" height="{height:g}" fill="white"/>'
    return described("".join([open_tag, background, *parts, "</svg>"]), f"Flow of participants. {_in_words(report)}")


def _arms(report: Report, parts: list[str], top: float, middle: float) -> float:
    """Draw one column an arm, in rows of as many as leave room for the words; return the lowest edge."""
    abreast = min(4, len(report.flow.arms))
    width = (WIDTH - (abreast - 1) * ARM_GAP_PX) / abreast
    bottom = top
    titles = {arm.arm: wrapped(report.arm_title(arm.arm), width - 2 * PAD_PX) for arm in report.flow.arms}
    deepest = max(len(lines) for lines in titles.values())
    for start in range(0, len(report.flow.arms), abreast):
        y = bottom + GAP_PX
        bar = y - GAP_PX / 2
        centres = []
        for column, arm in enumerate(report.flow.arms[start : start + abreast]):
            x = MARGIN_PX + column * (width + ARM_GAP_PX)
            centres.append(x + width / 2)
            counts = (
                (arm.allocated, "allocated"),
                (arm.answered_pre, "in PRE"),
                (arm.answered_post, "in POST"),
                (arm.completed, "completed"),
                (arm.withdrawn, "withdrew"),
            )
            title = [*titles[arm.arm], *[""] * (deepest - len(titles[arm.arm]))]
            lines = [*((text, True) for text in title), *((f"{n} {what}", False) for n, what in counts)]
            bottom = _box(parts, x, y, width, [*lines, (f"{arm.analysed} analysed", True)])
            _line(parts, x + width / 2, bar, x + width / 2, y)
        _line(parts, min([*centres, middle]), bar, max([*centres, middle]), bar)
        _line(parts, middle, top, middle, bar)
        top = bar
    return bottom


def _box(parts: list[str], x: float, y: float, width: float, lines: list[tuple[str, bool]]) -> float:
    height = len(lines) * LINE_PX + 2 * PAD_PX - 4
    parts.append(
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="3" fill="{BAND}" stroke="{QUIET}"/>'
    )
    for number, (text, bold) in enumerate(lines):
        baseline = y + PAD_PX + number * LINE_PX + 15
        parts.append(text_element(x + PAD_PX, baseline, text, size=TEXT - 1, bold=bold))
    return y + height


def _line(parts: list[str], x1: float, y1: float, x2: float, y2: float) -> None:
    parts.append(f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{QUIET}" stroke-width="1.5"/>')

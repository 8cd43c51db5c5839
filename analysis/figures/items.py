"""The caterpillar: the effect for every item with its interval, from the smallest to the largest, a panel an arm."""

import altair as alt

from analysis.figures.figure import BAND, BLUE, INK, QUIET, TEXT, WIDTH, Chart, Figure, Row, rows, to_svg, wrapped
from analysis.items import UNIT, ItemVariation
from analysis.numbers import amount, between, level_text
from analysis.report import Report

MOST_ABREAST = 2
MOST_NAMED = 40  # items that still have a line of text each
NAMED_PX = 21
UNNAMED_PX = 7
NAME_PX = 92
NAME_LETTERS = 11
GAP_PX = 20
ROOM = 0.15  # of the items' own range, on either side


def items_figure(report: Report) -> Figure | None:
    """Draw the effect for each item in every explained arm; None where no model could be fitted."""
    fitted = [one for one in report.items if one.items]
    if not fitted:
        return None
    title = "Effect on each item, in log odds (logit scale)"
    caption = " ".join(_sentence(report, one) for one in fitted)
    alt_text = f"{title}, against {report.arm_title(report.plan.control)}. {caption}"
    return Figure("items", title, caption, alt_text, to_svg(_chart(report, fitted, title), alt_text))


def _sentence(report: Report, one: ItemVariation) -> str:
    low, high = one.items[0], one.items[-1]
    above = sum(item.interval is not None and item.interval.low > 0 for item in one.items)
    below = sum(item.interval is not None and item.interval.high < 0 for item in one.items)
    new = f"; for a new item {between(one.new_item, UNIT, 2)}" if one.new_item else ""
    return (
        f"{report.arm_title(one.contrast.arm)}: from {amount(low.value, UNIT, 2)} ({low.item}) to "
        f"{amount(high.value, UNIT, 2)} ({high.item}); of {len(one.items)} items {above} have an interval above zero "
        f"and {below} below{new}."
    )


def _chart(report: Report, fitted: list[ItemVariation], title: str) -> alt.ConcatChart:
    abreast = min(MOST_ABREAST, len(fitted))
    is_named = max(len(one.items) for one in fitted) <= MOST_NAMED
    margin = NAME_PX if is_named else 0
    width = (WIDTH - (abreast - 1) * GAP_PX) / abreast - margin
    domain = _domain(fitted)
    panels = [_panel(report, one, domain, width, is_named=is_named) for one in fitted]
    text = (
        f"{level_text(1 - report.plan.alpha)} intervals; effects are drawn towards the average by as much as their "
        f"answers are few. Line: no effect. Dashed: the average item. Shaded: where a new item is expected. "
        f"Right of the line: more right answers than with {report.arm_title(report.plan.control)}."
    )
    return alt.concat(
        *panels, columns=abreast, spacing=GAP_PX, title=alt.TitleParams(title, subtitle=wrapped(text, 1.1 * WIDTH))
    )


def _domain(fitted: list[ItemVariation]) -> list[float]:
    """Return one scale for all panels, with zero in view; of few items a new one is expected anywhere, so it is cut."""
    intervals = [item.interval for one in fitted for item in one.items if item.interval is not None]
    ends = [0.0, *(item.value for one in fitted for item in one.items)]
    ends += [end for interval in intervals for end in (interval.low, interval.high)]
    room = ROOM * (max(ends) - min(ends)) or 1.0
    return [min(ends) - room, max(ends) + room]


def _rows(one: ItemVariation) -> list[Row]:
    return [
        {
            "row": number,
            # The beginning is what keys of one set of items share.
            "name": item.item if len(item.item) <= NAME_LETTERS else f"…{item.item[1 - NAME_LETTERS :]}",
            "value": item.value,
            "low": item.interval.low if item.interval else item.value,
            "high": item.interval.high if item.interval else item.value,
        }
        for number, item in enumerate(one.items)
    ]


def _panel(report: Report, one: ItemVariation, domain: list[float], width: float, *, is_named: bool) -> Chart:
    scale = alt.Scale(domain=domain, nice=False, zero=False)
    height = len(one.items) * (NAMED_PX if is_named else UNNAMED_PX)
    axis = alt.Axis(title="log odds", grid=False, tickCount=5,
                    labelExpr="datum.value == 0 ? '0' : format(datum.value, '+.3~g')")  # fmt: skip
    y = alt.Y("row:Q", axis=None, scale=alt.Scale(domain=[-0.6, len(one.items) - 0.4], reverse=True))
    base = alt.Chart(rows(_rows(one))).encode(y=y)

    def x(name: str) -> alt.X:
        return alt.X(f"{name}:Q", scale=scale, axis=axis)

    average = one.average.estimate if one.average and one.average.estimate is not None else 0.0
    left, right = domain
    band: list[Row] = []
    if one.new_item is not None:
        band = [{"from": max(one.new_item.low, left), "to": min(one.new_item.high, right)}]
    lines = wrapped(report.arm_title(one.contrast.arm), width)
    layers = [
        alt.Chart(rows(band)).mark_rect(color=BAND).encode(x=x("from"), x2="to:Q"),
        alt.Chart(rows([{"at": 0}])).mark_rule(color=QUIET, strokeWidth=1.5).encode(x=x("at")),
        alt.Chart(rows([{"at": average}])).mark_rule(color=BLUE, strokeDash=[3, 4]).encode(x=x("at")),
        base.mark_rule(strokeWidth=2, color=BLUE).encode(x=x("low"), x2="high:Q"),
        base.mark_point(size=45, filled=True, opacity=1, color=INK).encode(x=x("value")),
        alt.Chart(rows([{}])).mark_text(
            text=lines, fontSize=TEXT, fontWeight="bold", baseline="bottom", align="left", color=BLUE
        ).encode(x=alt.value(0), y=alt.value(-8 - TEXT * (len(lines) - 1))),
    ]  # fmt: skip
    names = base.mark_text(align="right", fontSize=TEXT - 2).encode(x=alt.value(-8), text="name:N")
    return alt.layer(*layers, *([names] if is_named else [])).properties(width=width, height=height)

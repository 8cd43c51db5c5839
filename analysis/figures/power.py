"""Power against the number of people, a line an effect."""

from collections.abc import Sequence

import altair as alt

from analysis.figures.figure import BLUE, FAINT, ORANGE, QUIET, TEXT, WIDTH, Chart, Figure, Row, rows, to_svg
from analysis.power.grid import Cell

TARGET = 0.8  # what most funders and journals ask for
HEIGHT_PX = 320
NAMES_PX = 90  # right of the lines, where their names stand
LABEL_POINTS = 6  # a line of text is as high as so many points of power
DASHES = ([1, 0], [7, 4], [2, 3], [10, 3, 2, 3], [1, 6])  # told apart without colour


def power_figure(cells: Sequence[Cell], planned: int) -> Figure:
    """Draw the cells of a grid.

    Parameters
    ----------
    cells : sequence of Cell
        At least one.
    planned : int
        The size that is planned: a line stands there.
    """
    title = "How often the planned analysis finds the effect"
    caption = _caption(cells)
    return Figure("power", title, caption, f"{title}. {caption}", to_svg(_chart(cells, planned, title), caption))


def _caption(cells: Sequence[Cell]) -> str:
    largest = max(cell.n_people for cell in cells)
    parts = [
        f"a gain of {_points(cell)} points in {100 * cell.power:.0f} % of studies"
        for cell in cells
        if cell.n_people == largest
    ]
    return f"With {largest:,} people, {'; '.join(parts)}. The grey line is {100 * TARGET:.0f} %."


def _points(cell: Cell) -> str:
    return f"{100 * cell.effect:.4g}"


def _chart(cells: Sequence[Cell], planned: int, title: str) -> Chart:
    effects = sorted({cell.effect for cell in cells})
    colours = [BLUE if number % 2 == 0 else ORANGE for number in range(len(effects))]
    names = [f"{100 * effect:.4g}" for effect in effects]
    size = alt.X(
        "people:Q", title="People allocated", scale=alt.Scale(zero=False, padding=24), axis=alt.Axis(tickCount=6)
    )
    share = alt.Y(
        "power:Q", title=None, scale=alt.Scale(domain=[0, 100]), axis=alt.Axis(labelExpr="datum.label + ' %'")
    )
    colour = alt.Color("effect:N", scale=alt.Scale(domain=names, range=colours), legend=None)
    base = alt.Chart(rows([_row(cell) for cell in cells])).encode(x=size, color=colour)
    largest = max(cell.n_people for cell in cells)
    ends = alt.Chart(rows(_ends([cell for cell in cells if cell.n_people == largest]))).encode(x=size, color=colour)
    layers = [
        alt.Chart(rows([{"y": 100 * TARGET}])).mark_rule(color=FAINT, strokeWidth=3).encode(y=alt.Y("y:Q")),
        alt.Chart(rows([{"x": planned}])).mark_rule(color=QUIET, strokeDash=[4, 4]).encode(x=alt.X("x:Q")),
        base.mark_line(strokeWidth=2.5).encode(
            y=share,
            strokeDash=alt.StrokeDash("effect:N", scale=alt.Scale(domain=names, range=_dashes(names)), legend=None),
        ),
        base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_point(size=70, filled=True, opacity=1).encode(y=share),
        ends.mark_text(align="left", dx=10, fontSize=TEXT - 2, fontWeight="bold").encode(
            y=alt.Y("label_at:Q"), text="label:N"
        ),
    ]
    notes = [
        "Bars: 95 % intervals for the number of simulated studies.",
        f"Upright line: the {planned:,} people planned.",
    ]
    return alt.layer(*layers).properties(
        width=WIDTH - 60 - NAMES_PX, height=HEIGHT_PX, title=alt.TitleParams(title, subtitle=notes)
    )


def _dashes(names: Sequence[str]) -> list[list[int]]:
    return [DASHES[number % len(DASHES)] for number in range(len(names))]


def _ends(cells: Sequence[Cell]) -> list[Row]:
    """The last cell of each line with the place of its name, moved down where it would cover the one above."""
    found: list[Row] = []
    for cell in sorted(cells, key=lambda cell: (-cell.power, -cell.effect)):
        below = float(found[-1]["label_at"] or 0) - LABEL_POINTS if found else 100.0
        found.append({**_row(cell), "label_at": min(100 * cell.power, below)})
    return found


def _row(cell: Cell) -> Row:
    return {
        "people": cell.n_people,
        "effect": _points(cell),
        "power": 100 * cell.power,
        "low": 100 * cell.interval.low,
        "high": 100 * cell.interval.high,
        "label": f"{_points(cell)} points",
    }

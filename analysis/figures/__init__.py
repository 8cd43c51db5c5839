"""The report as pictures: SVG without scripts, the same in page, report and download."""

from collections.abc import Callable
from typing import Final

from analysis.figures.accuracy import accuracy_figure
from analysis.figures.effects import effects_figure
from analysis.figures.figure import Figure
from analysis.figures.flow import flow_figure
from analysis.figures.items import items_figure
from analysis.figures.learning import learning_figure
from analysis.figures.model_right import model_right_figure
from analysis.figures.sensitivity import sensitivity_figure
from analysis.report import Report

DRAWN: Final[tuple[Callable[[Report], Figure | None], ...]] = (
    effects_figure,
    accuracy_figure,
    learning_figure,
    model_right_figure,
    sensitivity_figure,
    items_figure,
    flow_figure,
)

__all__ = ["Figure", "draw_figures"]


def draw_figures(report: Report) -> tuple[Figure, ...]:
    """Draw every chart of a report, the one that answers the question first.

    Parameters
    ----------
    report : Report

    Returns
    -------
    tuple of Figure
        The same for the same report.
    """
    drawn = [draw(report) for draw in DRAWN]
    return tuple(figure for figure in drawn if figure is not None)

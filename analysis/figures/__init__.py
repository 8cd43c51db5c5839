"""The report as pictures: SVG without scripts, the same in page, report and download."""

from analysis.figures.accuracy import accuracy_figure
from analysis.figures.effects import effects_figure
from analysis.figures.figure import Figure
from analysis.figures.flow import flow_figure
from analysis.figures.model_right import model_right_figure
from analysis.report import Report

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
    return tuple(draw(report) for draw in (effects_figure, accuracy_figure, model_right_figure, flow_figure))

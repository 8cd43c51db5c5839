"""The report as plain text, for a terminal and for report.txt."""

from analysis.numbers import scale_of
from analysis.report import Report
from analysis.text import effects, items, looks, people


def report_text(report: Report) -> str:
    """Return the whole report as lines of text.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        Ends with a line break.
    """
    parts = [
        _heading(report),
        effects.effects("Primary: against control", report, report.primary),
        looks.looks(report),
        effects.effects("Secondary: not in the primary family", report, report.secondary),
        effects.sensitivity(report),
        effects.weighed(report),
        effects.imputed(report),
        effects.protocol(report),
        effects.closed(report),
        items.items(report),
        items.each_item(report),
        items.answer_reliabilities(report),
        items.rating_reliabilities(report),
        effects.others(report),
        items.utility(report),
        people.accuracy(report),
        people.beside(report),
        people.flow(report),
        people.losses(report),
        people.flags(report),
        people.deviations(report),
        people.provenance(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _heading(report: Report) -> str:
    who = "simulated participants" if report.is_simulated else "participants"
    return (
        f"{report.title}\n{report.estimand_title}, in {scale_of(report.unit).noun}\n"
        f"{report.flow.allocated} {who} allocated, stages: {', '.join(report.stages)}"
    )

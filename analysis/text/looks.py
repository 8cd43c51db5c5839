"""The primary family at planned looks, as plain text."""

from analysis.looks import LookOutcome, SequentialTest
from analysis.numbers import amount, between, decimals, level_text, p_text
from analysis.report import Report
from analysis.text.columns import columns, effect_of, name_of


def looks(report: Report) -> str:
    """Each contrast at each look, then its estimate that allows for them."""
    if not report.sequential:
        return ""
    rows = [_row(report, test, outcome) for test in report.sequential for outcome in test.looks]
    ends = [
        [name_of(report, test.contrast), _value(test), _interval(test), p_text(test.p_value)]
        for test in report.sequential
    ]
    return "\n".join(
        [
            "Group-sequential test: the planned decision of a study that was looked at before its end",
            columns(["contrast", "look", "people", "z", "bound", "decision"], rows),
            "",
            columns(["allowing for the looks", effect_of(report), "interval", "p"], ends),
            report.sequential[0].method,
        ]
    )


DECISIONS = {
    "stop_for_effect": "found",
    "stop_for_harm": "found, the other way",
    "go_on": "go on",
    "end_without_effect": "not found",
}


def _row(report: Report, test: SequentialTest, outcome: LookOutcome) -> list[str]:
    bound = "none" if outcome.bound is None else f"{outcome.bound:.3f}"
    people = str(outcome.n_enrolments)
    return [
        name_of(report, test.contrast),
        str(outcome.look),
        people,
        f"{outcome.z:.3f}",
        bound,
        DECISIONS[outcome.action],
    ]


def _value(test: SequentialTest) -> str:
    return amount(test.value, test.unit, decimals(test.interval, test.unit))


def _interval(test: SequentialTest) -> str:
    within = between(test.interval, test.unit, decimals(test.interval, test.unit))
    return f"{within} ({level_text(test.interval.level)})" if test.interval else within

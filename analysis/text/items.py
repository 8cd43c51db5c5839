"""Items, answers and sessions as plain text: how effects vary, how reliable answers are, Utility-K."""

from analysis.estimands.utility_curve import Utility
from analysis.inference.reliability import Reliability
from analysis.items import UNIT as LOG_ODDS
from analysis.items import OneItem, item_table
from analysis.numbers import (
    DASH,
    amount,
    between,
    coefficient,
    level_text,
    p_text,
    percent,
)
from analysis.report import Report
from analysis.text.columns import columns, name_of


def items(report: Report) -> str:
    """How each primary contrast varies over items."""
    header = ["contrast", "does not vary? p", "standard deviation over items", "for the average item",
              f"{level_text(1 - report.plan.alpha)} interval, a new item"]  # fmt: skip
    rows = [
        [
            name_of(report, one.contrast),
            p_text(one.test.p_value if one.test else None),
            amount(one.deviation, LOG_ODDS, 2, signed=False),
            amount(one.average.estimate if one.average else None, LOG_ODDS, 2),
            between(one.new_item, LOG_ODDS, 2),
        ]
        for one in report.items
    ]
    words = "\n".join(f"{name_of(report, one.contrast)}: {one.words}" for one in report.items)
    return f"Effect over the items of POST, in log odds of a right answer\n{columns(header, rows)}\n{words}"


def each_item(report: Report) -> str:
    """Every item with its effect."""
    table = item_table(report.items)
    if not table:
        return ""
    fitted = [one for one in report.items if one.items]
    rows = [[item, *(_item(cell) for cell in cells)] for item, cells in table]
    level = level_text(1 - report.plan.alpha)
    title = f"Effect for each item, in log odds, drawn towards the average ({level} interval)"
    return f"{title}\n{columns(['item', *(name_of(report, one.contrast) for one in fitted)], rows)}"


def _item(cell: OneItem | None) -> str:
    if cell is None:
        return DASH
    value = amount(cell.value, LOG_ODDS, 2)
    return value if cell.interval is None else f"{value} ({between(cell.interval, LOG_ODDS, 2)})"


def answer_reliabilities(report: Report) -> str:
    """Reliability of the answers, by arm."""
    post = report.phase_title(report.plan.post)
    header = [
        "arm",
        "alpha (KR-20)",
        "correlation within people",
        "within items",
        "design effect of the mean",
        "answers",
    ]
    found = report.reliabilities.answers
    rows = [
        [
            report.arm_title(one.arm),
            _reliability(one.alpha),
            _reliability(one.people),
            _reliability(one.items),
            amount(one.design_effect, "", 2, signed=False),
            str(one.n_answers),
        ]
        for one in found
    ]
    words = "\n".join(f"{report.arm_title(one.arm)}: {one.words}" for one in found)
    return f"Reliability of the answers in the phase “{post}”\n{columns(header, rows)}\n{words}"


def _reliability(one: Reliability | None) -> str:
    return DASH if one is None else coefficient(one.value, one.interval)


def rating_reliabilities(report: Report) -> str:
    """Reliability of the ratings, and whether they go with the outcome."""
    if not report.reliabilities.ratings:
        return ""
    header = [
        "arm",
        "questions",
        "alpha",
        "rank correlation with the outcome",
        "without errors of measurement",
        "people",
    ]
    rows = [
        [
            report.arm_title(one.arm),
            str(one.n_questions),
            _reliability(one.alpha),
            coefficient(one.correlation.value, one.correlation.interval) if one.correlation else DASH,
            coefficient(one.disattenuated.value, one.disattenuated.interval) if one.disattenuated else DASH,
            str(one.correlation.n_people) if one.correlation else DASH,
        ]
        for one in report.reliabilities.ratings
    ]
    words = [f"{report.arm_title(one.arm)}: {one.words}" for one in report.reliabilities.ratings if one.words]
    title = "Ratings: do people who rate higher have the better outcomes?"
    return "\n".join([title, columns(header, rows), *words])


def utility(report: Report) -> str:
    """Utility-K of studies with three sessions or more."""
    header = ["session", "examples", "explained", "control", "ratio", "interval", "conservative interval", "n"]
    parts = []
    for one in report.utility:
        rows = [
            [
                report.phase_title(point.session),
                DASH if point.n_examples is None else str(point.n_examples),
                percent(point.explained),
                percent(point.control),
                *_ratio_cells(point.utility),
                "/".join(map(str, point.n_enrolments)),
            ]
            for point in one.curve.points
        ]
        rows.append(["mean (area)", "", "", "", *_ratio_cells(one.curve.area), ""])
        title = f"Utility-K, accuracy over accuracy in control: {name_of(report, one.contrast)}"
        parts.append(f"{title}\n{columns(header, rows)}")
    return "\n\n".join(parts)


def _ratio_cells(utility: Utility) -> list[str]:
    unit = "ratio of proportions correct"
    ends = [between(interval, unit, 2) for interval in (utility.interval, utility.conservative_interval)]
    return [amount(utility.value, unit, 2), *ends]

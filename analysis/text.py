"""The report as plain text, for a terminal and for report.txt."""

from collections.abc import Sequence

from analysis.describe.answers import Ratings, Share
from analysis.describe.flagged import FlaggedShare
from analysis.describe.flow import SampleRatio
from analysis.estimands.utility_curve import Utility
from analysis.inference.reliability import Reliability
from analysis.items import UNIT as LOG_ODDS
from analysis.items import OneItem, item_table
from analysis.numbers import (
    DASH,
    amount,
    between,
    coefficient,
    decimals,
    factor_text,
    level_text,
    p_text,
    percent,
    points,
    scale_of,
    span,
)
from analysis.report import Report
from analysis.types import Contrast, Estimate


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
        _effects("Primary: against control", report, report.primary),
        _effects("Secondary: not in the primary family", report, report.secondary),
        _sensitivity(report),
        _weighed(report),
        _items(report),
        _each_item(report),
        _answer_reliabilities(report),
        _rating_reliabilities(report),
        _others(report),
        _utility(report),
        _accuracy(report),
        _beside(report),
        _flow(report),
        _losses(report),
        _flags(report),
        _deviations(report),
        _provenance(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Set rows under a header, the first column to the left, the others to the right."""
    table = [list(header), *map(list, rows)]
    widths = [max(len(cells[i]) for cells in table) for i in range(len(header))]
    lines = [
        "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                  for i, (cell, width) in enumerate(zip(cells, widths, strict=True))).rstrip()
        for cells in table
    ]  # fmt: skip
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _heading(report: Report) -> str:
    who = "simulated participants" if report.is_simulated else "participants"
    return (
        f"{report.title}\n{report.estimand_title}, in {scale_of(report.unit).noun}\n"
        f"{report.flow.allocated} {who} allocated, stages: {', '.join(report.stages)}"
    )


def _name(report: Report, estimate: Estimate) -> str:
    return f"{report.arm_title(estimate.contrast.arm)} minus {report.arm_title(estimate.contrast.minus)}"


def _counts(estimate: Estimate) -> str:
    return "/".join(str(count) for count in estimate.n_enrolments.values())


def _effects(title: str, report: Report, estimates: Sequence[Estimate]) -> str:
    if not estimates:
        return ""
    level = level_text(1 - report.plan.alpha)
    places = _places(estimates)
    header = ["contrast", _effect_of(report), f"{level} interval", "p", "adjusted p", "conservative interval", "n"]
    has_beside = any(report.without_flagged(estimate) for estimate in estimates)
    header += ["without the flagged"] if has_beside else []
    rows = [
        [
            _name(report, estimate),
            amount(estimate.value, report.unit, places),
            between(estimate.interval, report.unit, places),
            p_text(estimate.p_value),
            p_text(estimate.p_adjusted),
            between(estimate.conservative_interval, report.unit, places),
            _counts(estimate),
            *([_unflagged(report, estimate, places)] if has_beside else []),
        ]
        for estimate in estimates
    ]
    methods = "\n".join(dict.fromkeys(estimate.method for estimate in estimates))
    return f"{title}\n{columns(header, rows)}\n{methods}"


def _unflagged(report: Report, estimate: Estimate, places: int) -> str:
    other = report.without_flagged(estimate)
    if other is None or other.value is None:
        return DASH
    return (
        f"{amount(other.value, report.unit, places)} ({between(other.interval, report.unit, places)}; {_counts(other)})"
    )


def _places(estimates: Sequence[Estimate]) -> int:
    """Return the decimals of a whole table: what its narrowest interval allows, so that its rows can be compared."""
    return max((decimals(e.interval, e.unit) for e in estimates if e.interval is not None), default=1)


def _effect_of(report: Report) -> str:
    return f"effect, {scale_of(report.unit).noun}"


def _sensitivity(report: Report) -> str:
    if not report.sensitivity:
        return ""
    own = _places([estimate for estimate in report.sensitivity if estimate.unit == report.unit])
    header = ["contrast", f"{_effect_of(report)}, or ×", "interval", "p", "n"]
    rows = [
        [
            f"{_name(report, estimate)}; {estimate.label}",
            amount(estimate.value, estimate.unit, places := own if estimate.unit == report.unit else 2),
            between(estimate.interval, estimate.unit, places),
            p_text(estimate.p_value),
            _counts(estimate),
        ]
        for estimate in report.sensitivity
    ]
    return f"Sensitivity: one thing done in another way\n{columns(header, rows)}"


def _weighed(report: Report) -> str:
    header = ["contrast", "too small to matter? p", f"{level_text(1 - 2 * report.plan.alpha)} interval", "Bayes factor",
              "Lee bounds, if losses differ"]  # fmt: skip
    rows = [
        [
            f"{report.arm_title(one.contrast.arm)} minus {report.arm_title(one.contrast.minus)}",
            p_text(one.equivalence_p),
            between(one.equivalence_interval, report.unit, decimals(one.equivalence_interval, report.unit)),
            factor_text(one.bayes_factor),
            between(one.lee_interval, report.unit, decimals(one.lee_interval, report.unit)),
        ]
        for one in report.weighed
    ]
    return f"The primary contrasts, weighed in other ways\n{columns(header, rows)}"


def _minus(report: Report, contrast: Contrast) -> str:
    return f"{report.arm_title(contrast.arm)} minus {report.arm_title(contrast.minus)}"


def _items(report: Report) -> str:
    header = ["contrast", "does not vary? p", "standard deviation over items", "for the average item",
              f"{level_text(1 - report.plan.alpha)} interval, a new item"]  # fmt: skip
    rows = [
        [
            _minus(report, one.contrast),
            p_text(one.test.p_value if one.test else None),
            amount(one.deviation, LOG_ODDS, 2, signed=False),
            amount(one.average.estimate if one.average else None, LOG_ODDS, 2),
            between(one.new_item, LOG_ODDS, 2),
        ]
        for one in report.items
    ]
    words = "\n".join(f"{_minus(report, one.contrast)}: {one.words}" for one in report.items)
    return f"Effect over the items of POST, in log odds of a right answer\n{columns(header, rows)}\n{words}"


def _each_item(report: Report) -> str:
    table = item_table(report.items)
    if not table:
        return ""
    fitted = [one for one in report.items if one.items]
    rows = [[item, *(_item(cell) for cell in cells)] for item, cells in table]
    level = level_text(1 - report.plan.alpha)
    title = f"Effect for each item, in log odds, drawn towards the average ({level} interval)"
    return f"{title}\n{columns(['item', *(_minus(report, one.contrast) for one in fitted)], rows)}"


def _item(cell: OneItem | None) -> str:
    if cell is None:
        return DASH
    value = amount(cell.value, LOG_ODDS, 2)
    return value if cell.interval is None else f"{value} ({between(cell.interval, LOG_ODDS, 2)})"


def _answer_reliabilities(report: Report) -> str:
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


def _rating_reliabilities(report: Report) -> str:
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


def _others(report: Report) -> str:
    if not report.others:
        return ""
    rows = [
        [
            f"{_name(report, estimate)}; {estimate.label}",
            amount(estimate.value, estimate.unit, decimals(estimate.interval, estimate.unit)),
            between(estimate.interval, estimate.unit, decimals(estimate.interval, estimate.unit)),
            p_text(estimate.p_value),
            _counts(estimate),
        ]
        for estimate in report.others
    ]
    title = "Other outcomes, not adjusted, not what the study was planned for (people without one are left out)"
    return f"{title}\n{columns(['contrast', 'effect', 'interval', 'p', 'n'], rows)}"


def _utility(report: Report) -> str:
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
        title = f"Utility-K, accuracy over accuracy in control: {_minus(report, one.contrast)}"
        parts.append(f"{title}\n{columns(header, rows)}")
    return "\n\n".join(parts)


def _ratio_cells(utility: Utility) -> list[str]:
    unit = "ratio of proportions correct"
    ends = [between(interval, unit, 2) for interval in (utility.interval, utility.conservative_interval)]
    return [amount(utility.value, unit, 2), *ends]


def _accuracy(report: Report) -> str:
    phases = [phase for phase in report.phases if any(cell.phase == phase.key for cell in report.accuracy)]
    if not phases:
        return ""
    kinds = {None: "all items", True: "model right", False: "model wrong"}
    rows = [
        [f"{arm.title}, {words}", *(_cell(report.share(arm.key, phase.key, kind)) for phase in phases)]
        for kind, words in kinds.items()
        for arm in report.arms
    ]
    header = ["arm", *(phase.title for phase in phases)]
    return f"Accuracy in per cent, mean of participants (interval; participants)\n{columns(header, rows)}"


def _cell(share: Share | None) -> str:
    if share is None or share.value is None:
        return DASH
    inside = [span(share.interval, 0, signed=False)] if share.interval is not None else []
    return f"{points(share.value, 0, signed=False)} ({'; '.join([*inside, str(share.n_enrolments)])})"


def _beside(report: Report) -> str:
    """Describe what is no outcome, one line an arm, in the phase after learning."""
    post = report.plan.post
    shares = {share.arm: share for share in report.own_label if share.phase == post}
    times = {time.arm: time for time in report.response_times if time.phase == post}
    rated = {rating.arm: rating for rating in report.ratings}
    header = ["arm", "mean outcome", "answers naming the label", "median response time", "mean rating"]
    rows = [
        [
            report.arm_title(mean.arm),
            amount(mean.value, report.unit, decimals(mean.interval, report.unit)),
            percent(shares[mean.arm].value if mean.arm in shares else None),
            _seconds(times[mean.arm].median_ms if mean.arm in times else None),
            _rating(rated.get(mean.arm)),
        ]
        for mean in report.arm_means
    ]
    title = f"Described, not tested (answers and times in the phase “{report.phase_title(post)}”)"
    return f"{title}\n{columns(header, rows)}"


def _seconds(milliseconds: float | None) -> str:
    return DASH if milliseconds is None else f"{milliseconds / 1000:.1f} s"


def _rating(rating: Ratings | None) -> str:
    return DASH if rating is None or rating.value is None else f"{rating.value:.1f} ({rating.n_enrolments})"


def _flow(report: Report) -> str:
    people = report.flow
    header = ["arm", "allocated", "started", "in PRE", "in POST", "completed", "withdrawn", "with outcome", "analysed"]
    rows = [
        [report.arm_title(arm.arm), *(str(n) for n in (arm.allocated, arm.started, arm.answered_pre, arm.answered_post,
         arm.completed, arm.withdrawn, arm.with_outcome, arm.analysed))]
        for arm in people.arms
    ]  # fmt: skip
    return (
        f"Flow: {people.arrived} arrived, {people.declined} declined, {people.failed_check} failed the check, "
        f"{people.left_before_allocation} left before allocation, {people.allocated} allocated\n"
        f"{columns(header, rows)}"
    )


def _losses(report: Report) -> str:
    lines = [
        f"Arms compared, {loss.what}: {sum(loss.lost.values())} people, chi-square p {p_text(loss.chi_square_p)}, "
        f"Fisher p {p_text(loss.fisher_p)}"
        for loss in report.attrition
    ]
    lines += [_ratio(report, ratio) for ratio in report.sample_ratios]
    return "\n".join(lines)


def _ratio(report: Report, ratio: SampleRatio) -> str:
    how = "exact" if ratio.is_exact else "chi-square"
    found = "/".join(str(ratio.counts[arm.key]) for arm in report.arms)
    alarm = "  ALARM: chance hardly explains this" if ratio.is_alarm else ""
    return f"People {ratio.reached} against the planned ratio: {found}, {how} p {p_text(ratio.p_value)}{alarm}"


def _flags(report: Report) -> str:
    """Say whom the frozen rules flagged, by arm; nobody is left out of the primary analysis for it."""
    if not report.flag_rates:
        return "Flags of data quality: the design has no rules"
    header = ["rule", *(arm.title for arm in report.arms), "chi-square p", "Fisher p"]
    rows = [
        [rate.title, *map(_flagged, rate.arms), p_text(rate.chi_square_p), p_text(rate.fisher_p)]
        for rate in report.flag_rates
    ]
    title = "Flags of data quality, frozen and blind to the arm: people flagged (share; interval)"
    return f"{title}\n{columns(header, rows)}"


def _flagged(share: FlaggedShare) -> str:
    if share.interval is None:
        return DASH
    return f"{share.flagged} ({percent(share.flagged / share.allocated)}; {span(share.interval, 0, signed=False)})"


def _deviations(report: Report) -> str:
    if not report.deviations:
        return "Deviations from the plan: none"
    return "Deviations from the plan, and what was missing\n" + "\n".join(f"- {line}" for line in report.deviations)


def _provenance(report: Report) -> str:
    made = report.provenance
    versions = f"analysis {made.analysis}, numpy {made.numpy}, scipy {made.scipy}, Python {made.python}"
    seeds = ", ".join(f"{name} {seed}" for name, seed in made.seeds.items())
    return (
        f"seeds: {seeds}; {versions}\n"
        f"responses.csv sha256 {made.responses_sha256}\ndesign.json   sha256 {made.design_sha256}"
    )

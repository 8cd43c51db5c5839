"""What people did, as plain text: accuracy, times, ratings, losses, flags, deviations; and what it was made from."""

from analysis.describe.answers import Ratings, Share
from analysis.describe.flagged import FlaggedShare
from analysis.describe.flow import SampleRatio
from analysis.numbers import (
    DASH,
    amount,
    decimals,
    p_text,
    percent,
    points,
    span,
)
from analysis.report import Report
from analysis.text.columns import columns


def accuracy(report: Report) -> str:
    """Accuracy by arm and phase."""
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


def beside(report: Report) -> str:
    """Own-label answers, times and ratings, by arm."""
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


def flow(report: Report) -> str:
    """Who went how far."""
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


def losses(report: Report) -> str:
    """Losses compared between arms, and counts against the planned ratio."""
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


def flags(report: Report) -> str:
    """Rates of flags by arm."""
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


def deviations(report: Report) -> str:
    """What was not as planned, and what was missing."""
    if not report.deviations:
        return "Deviations from the plan: none"
    return "Deviations from the plan, and what was missing\n" + "\n".join(f"- {line}" for line in report.deviations)


def provenance(report: Report) -> str:
    """What the report was made from."""
    made = report.provenance
    versions = f"analysis {made.analysis}, numpy {made.numpy}, scipy {made.scipy}, Python {made.python}"
    seeds = ", ".join(f"{name} {seed}" for name, seed in made.seeds.items())
    return (
        f"seeds: {seeds}; {versions}\n"
        f"responses.csv sha256 {made.responses_sha256}\ndesign.json   sha256 {made.design_sha256}"
    )

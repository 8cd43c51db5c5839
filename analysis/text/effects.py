"""What was estimated, as plain text: the planned effects and all that stands beside them."""

from collections.abc import Sequence

from analysis.numbers import (
    DASH,
    amount,
    between,
    decimals,
    deviations_text,
    factor_text,
    level_text,
    p_text,
    percent,
)
from analysis.report import Report
from analysis.text.columns import columns, counts, effect_of, name_of
from analysis.types import Estimate


def effects(title: str, report: Report, estimates: Sequence[Estimate]) -> str:
    """A family of planned estimates."""
    if not estimates:
        return ""
    level = level_text(1 - report.plan.alpha)
    places = _places(estimates)
    header = ["contrast", effect_of(report), f"{level} interval", "p", "adjusted p", "conservative interval", "n"]
    has_beside = any(report.without_flagged(estimate) for estimate in estimates)
    header += ["without the flagged"] if has_beside else []
    rows = [
        [
            name_of(report, estimate.contrast),
            amount(estimate.value, report.unit, places),
            between(estimate.interval, report.unit, places),
            p_text(estimate.p_value),
            p_text(estimate.p_adjusted),
            between(estimate.conservative_interval, report.unit, places),
            counts(estimate),
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
        f"{amount(other.value, report.unit, places)} ({between(other.interval, report.unit, places)}; {counts(other)})"
    )


def _places(estimates: Sequence[Estimate]) -> int:
    """Return the decimals of a whole table: what its narrowest interval allows, so that its rows can be compared."""
    return max((decimals(e.interval, e.unit) for e in estimates if e.interval is not None), default=1)


def sensitivity(report: Report) -> str:
    """The primary contrasts with one thing done in another way."""
    if not report.sensitivity:
        return ""
    own = _places([estimate for estimate in report.sensitivity if estimate.unit == report.unit])
    header = ["contrast", f"{effect_of(report)}, or ×", "interval", "p", "n"]
    rows = [
        [
            f"{name_of(report, estimate.contrast)}; {estimate.label}",
            amount(estimate.value, estimate.unit, places := own if estimate.unit == report.unit else 2),
            between(estimate.interval, estimate.unit, places),
            p_text(estimate.p_value),
            counts(estimate),
        ]
        for estimate in report.sensitivity
    ]
    return f"Sensitivity: one thing done in another way\n{columns(header, rows)}"


def weighed(report: Report) -> str:
    """The primary contrasts against what matters, as odds of the data, and with what losses could hide."""
    header = ["contrast", "too small to matter? p", f"{level_text(1 - 2 * report.plan.alpha)} interval", "Bayes factor",
              "Lee bounds, if losses differ"]  # fmt: skip
    rows = [
        [
            name_of(report, one.contrast),
            p_text(one.equivalence_p),
            between(one.equivalence_interval, report.unit, decimals(one.equivalence_interval, report.unit)),
            factor_text(one.bayes_factor),
            between(one.lee_interval, report.unit, decimals(one.lee_interval, report.unit)),
        ]
        for one in report.weighed
    ]
    return f"The primary contrasts, weighed in other ways\n{columns(header, rows)}"


def imputed(report: Report) -> str:
    """The primary contrasts with missing outcomes imputed."""
    title = "Missing outcomes imputed, and how far off they would have to be"
    if not any(one.method for one in report.losses):
        return f"{title}\n" + "\n".join(dict.fromkeys(one.sentence for one in report.losses))
    header = [
        "contrast",
        effect_of(report),
        "interval",
        "p",
        "missing information",
        "missing",
        "tipping point",
        "in SD",
    ]
    rows = [
        [
            name_of(report, one.contrast),
            amount(one.value, report.unit, places := decimals(one.interval, report.unit)),
            between(one.interval, report.unit, places),
            p_text(one.p_value),
            percent(one.missing_information),
            "/".join(map(str, one.n_missing.values())),
            amount(one.tipping_shift, report.unit, places),
            deviations_text(one.tipping_deviations),
        ]
        for one in report.losses
    ]
    words = [f"{name_of(report, one.contrast)}: {one.sentence}" for one in report.losses]
    return "\n".join([title, columns(header, rows), *words])


def protocol(report: Report) -> str:
    """The primary contrasts among those who did as planned, and among compliers."""
    if not report.protocol:
        return ""
    header = ["contrast", "per protocol", "interval", "left out", "among compliers", "interval", "compliers"]
    rows = [
        [
            name_of(report, one.contrast),
            amount(one.per_protocol, report.unit, places := decimals(one.per_protocol_interval, report.unit)),
            between(one.per_protocol_interval, report.unit, places),
            "/".join(map(str, one.n_left_out.values())),
            amount(one.complier_effect, report.unit, places := decimals(one.complier_interval, report.unit)),
            between(one.complier_interval, report.unit, places),
            percent(one.complier_share),
        ]
        for one in report.protocol
    ]
    words = [
        f"{name_of(report, one.contrast)}: {one.per_protocol_sentence} {one.complier_sentence}"
        for one in report.protocol
    ]
    return "\n".join([f"Who did as planned, {effect_of(report)}", columns(header, rows), *words])


def closed(report: Report) -> str:
    """Content against mere attention."""
    if not report.closed:
        return ""
    several = len(report.closed) > 1
    lines = [f"{report.arm_title(one.placebo)}: {one.sentence}" if several else one.sentence for one in report.closed]
    methods = dict.fromkeys(f"{one.method}; at most {one.draws:,} re-draws each" for one in report.closed if one.method)
    return "\n".join(["What explanations say, or only that there is one", *lines, *methods])


def others(report: Report) -> str:
    """Outcomes that the plan does not ask about."""
    if not report.others:
        return ""
    rows = [
        [
            f"{name_of(report, estimate.contrast)}; {estimate.label}",
            amount(estimate.value, estimate.unit, decimals(estimate.interval, estimate.unit)),
            between(estimate.interval, estimate.unit, decimals(estimate.interval, estimate.unit)),
            p_text(estimate.p_value),
            counts(estimate),
        ]
        for estimate in report.others
    ]
    title = "Other outcomes, not adjusted, not what the study was planned for (people without one are left out)"
    return f"{title}\n{columns(['contrast', 'effect', 'interval', 'p', 'n'], rows)}"

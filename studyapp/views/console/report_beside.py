"""What stands beside the estimates of a report: losses imputed, who did as planned, content and attention."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext

from analysis.closed import Closed, Hypothesis
from analysis.looks import LookOutcome, SequentialTest
from analysis.losses import Imputed
from analysis.numbers import MINUS, amount, between, decimals, deviations_text, p_text, percent, scale_of
from analysis.protocol import Protocol
from analysis.report import Report
from analysis.types import Contrast


@dataclass(frozen=True)
class ImputedRow:
    """A primary contrast with the missing outcomes imputed; `missing` is by arm."""

    name: str
    missing: str
    value: str
    interval: str
    p: str
    information: str
    shift: str
    words: str


@dataclass(frozen=True)
class ProtocolRow:
    """A primary contrast among those who did as planned, and among compliers; `left_out` is by arm."""

    name: str
    per_protocol: str
    per_protocol_interval: str
    per_protocol_words: str
    left_out: str
    among: str
    among_interval: str
    among_words: str
    compliers: str


@dataclass(frozen=True)
class ClosedRow:
    """One hypothesis of a closed test."""

    name: str
    kind: str
    p: str
    p_adjusted: str
    is_shown: bool


@dataclass(frozen=True)
class ClosedTable:
    """The closed test with one placebo, and its sentence."""

    placebo: str
    rows: tuple[ClosedRow, ...]
    sentence: str


@dataclass(frozen=True)
class LookRow:
    """One primary contrast at one look; `estimate` stands with the last one."""

    name: str
    look: int
    people: int
    z: str
    bound: str
    decision: str
    estimate: str
    interval: str
    p: str


def look_rows(report: Report) -> list[LookRow]:
    """The primary contrasts at the planned looks; empty where none were planned."""
    return [_look_row(report, test, outcome) for test in report.sequential for outcome in test.looks]


def _look_row(report: Report, test: SequentialTest, outcome: LookOutcome) -> LookRow:
    is_last = outcome is test.looks[-1]
    places = decimals(test.interval, test.unit)
    decisions = {
        "stop_for_effect": gettext("found"),
        "stop_for_harm": gettext("found, the other way"),
        "go_on": gettext("go on"),
        "end_without_effect": gettext("not found"),
    }
    return LookRow(
        name=_name(report, test.contrast),
        look=outcome.look,
        people=outcome.n_enrolments,
        z=f"{outcome.z:.2f}".replace("-", MINUS),
        bound="–" if outcome.bound is None else f"{outcome.bound:.2f}",
        decision=decisions[outcome.action],
        estimate=amount(test.value, test.unit, places) if is_last else "",
        interval=between(test.interval, test.unit, places) if is_last else "",
        p=p_text(test.p_value) if is_last else "",
    )


def imputed_rows(report: Report) -> list[ImputedRow]:
    """The primary contrasts with the missing outcomes imputed; empty where nobody lacks one."""
    if nobody_lost(report):
        return []
    return [_imputed_row(report, one) for one in report.losses]


def nobody_lost(report: Report) -> str:
    """The sentence that nobody lacks an outcome, or nothing where somebody does."""
    lost = any(n for one in report.losses for n in one.n_missing.values())
    return "" if lost else next((one.sentence for one in report.losses), "")


def _imputed_row(report: Report, one: Imputed) -> ImputedRow:
    unit, places = report.unit, decimals(one.interval, report.unit)
    shift = amount(one.tipping_shift, unit, places)
    if one.tipping_deviations is not None:
        shift = gettext("%(shift)s %(unit)s; %(deviations)s SD") % {
            "shift": shift,
            "unit": scale_of(unit).noun,
            "deviations": deviations_text(one.tipping_deviations),
        }
    return ImputedRow(
        name=_name(report, one.contrast),
        missing=" / ".join(map(str, one.n_missing.values())),
        value=amount(one.value, unit, places),
        interval=between(one.interval, unit, places),
        p=p_text(one.p_value),
        information=percent(one.missing_information),
        shift=shift,
        words=one.sentence,
    )


def protocol_rows(report: Report) -> list[ProtocolRow]:
    """The primary contrasts given who did as planned; empty where the design does not say what is shown."""
    return [_protocol_row(report, one) for one in report.protocol]


def _protocol_row(report: Report, one: Protocol) -> ProtocolRow:
    unit = report.unit
    places, among = decimals(one.per_protocol_interval, unit), decimals(one.complier_interval, unit)
    return ProtocolRow(
        name=_name(report, one.contrast),
        per_protocol=amount(one.per_protocol, unit, places),
        per_protocol_interval=between(one.per_protocol_interval, unit, places),
        per_protocol_words=one.per_protocol_sentence,
        left_out=" / ".join(map(str, one.n_left_out.values())),
        among=amount(one.complier_effect, unit, among),
        among_interval=between(one.complier_interval, unit, among),
        among_words=one.complier_sentence,
        compliers=percent(one.complier_share),
    )


def closed_tests(report: Report) -> list[ClosedTable]:
    """What was shown of content and of mere attention, with each placebo."""
    return [_closed_table(report, one) for one in report.closed]


def _closed_table(report: Report, one: Closed) -> ClosedTable:
    rows = tuple(_closed_row(report, hypothesis) for hypothesis in one.hypotheses)
    return ClosedTable(report.arm_title(one.placebo), rows, one.sentence)


def _closed_row(report: Report, one: Hypothesis) -> ClosedRow:
    return ClosedRow(
        name=_name(report, one.contrast),
        kind=gettext("content") if one.kind == "content" else gettext("mere attention"),
        p=p_text(one.p_value),
        p_adjusted=p_text(one.p_adjusted),
        is_shown=one.is_shown,
    )


def _name(report: Report, contrast: Contrast) -> str:
    titles = {"arm": report.arm_title(contrast.arm), "other": report.arm_title(contrast.minus)}
    return gettext("%(arm)s minus %(other)s") % titles

"""Who was shown what the plan says, and what that does to the effect: per protocol, and among those who comply.

Neither replaces the comparison as allocated. Who does as planned may differ between the arms, so the difference per
protocol is no randomized comparison; the complier average causal effect is one, if the arm matters only through the
explanation's being seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.design import Design, TrialBlock
from analysis.enrolments import Enrolments
from analysis.estimands.base import Outcome
from analysis.estimation import Estimation, primary_comparisons, values_where_observed
from analysis.inference.compliers import ComplierEffect, PerProtocol, complier_effect, per_protocol
from analysis.numbers import percent
from analysis.table import ResponseTable
from analysis.types import BoolArray, Contrast, Interval


@dataclass(frozen=True)
class Protocol:
    """One primary contrast, given who did as planned.

    Parameters
    ----------
    contrast : Contrast
    n_as_planned : mapping of str to int
        People allocated who did as planned, by arm: in an explained arm those who were shown every explanation, in the
        other those with all their learning trials.
    n_left_out : mapping of str to int
        People allocated who are not in the difference per protocol, by arm.
    per_protocol : float or None
        The difference among those who did as planned, in the estimand's unit; None where an arm has nobody left. Not a
        randomized comparison.
    per_protocol_interval : Interval or None
    per_protocol_sentence : str
        What it must not be taken for.
    complier_effect : float or None
        Among those who see every explanation because they are given it; None where nobody did, or an arm has too few.
    complier_interval : Interval or None
        None where it has no end, or nobody differs from anybody.
    complier_p : float or None
        Of no effect; that of the difference as allocated.
    complier_share : float or None
        Of the explained arm's people with a value: those who saw every explanation.
    complier_sentence : str
        What it assumes, or why there is none.
    method, reference : str
    """

    contrast: Contrast
    n_as_planned: Mapping[str, int]
    n_left_out: Mapping[str, int]
    per_protocol: float | None
    per_protocol_interval: Interval | None
    per_protocol_sentence: str
    complier_effect: float | None
    complier_interval: Interval | None
    complier_p: float | None
    complier_share: float | None
    complier_sentence: str
    method: str
    reference: str


@dataclass(frozen=True)
class Adherence:
    """Who of everybody allocated met what was planned; both of shape (n,).

    Parameters
    ----------
    was_shown : bool array
        Who answered or went through every trial that shows an explanation in the arms that have one.
    learned : bool array
        Who went through every trial of the learning phases, and of the blocks that show explanations to others.
    """

    was_shown: BoolArray
    learned: BoolArray


def adherence(table: ResponseTable, design: Design, enrolments: Enrolments) -> Adherence | None:
    """Say who did as planned, by the rows they have.

    A trial that shows an explanation is mostly one of learning; in a counterfactual design it is a test. Exposure is
    equal by design, so the arm without explanations is held to the same trials.

    Parameters
    ----------
    table : ResponseTable
    design : Design
    enrolments : Enrolments

    Returns
    -------
    Adherence or None
        None where the design does not say which of its trials show an explanation.
    """
    learning = {phase.key for phase in design.phases if phase.kind == "learning"}
    showing = [block for block in design.blocks if block.shows_explanation]
    if not showing:
        return None
    positions = enrolments.positions(table)
    as_control = [block for block in design.blocks if block.shows_explanation or block.phase in learning]
    return Adherence(*(_has_all(table, positions, len(enrolments), blocks) for blocks in (showing, as_control)))


def _has_all(table: ResponseTable, positions: np.ndarray, n: int, blocks: Sequence[TrialBlock]) -> BoolArray:
    """Say who of n people has a row for every trial of these blocks; shape (n,)."""
    found = np.ones(n, dtype=np.bool_)
    for block in blocks:
        rows = (table.phase == block.phase) & (table.block == block.block) & (table.item != "") & (positions >= 0)
        items, column = np.unique(table.item[rows].astype(np.str_), return_inverse=True)
        cells = np.unique(positions[rows] * max(1, len(items)) + column)
        found &= np.bincount(cells // max(1, len(items)), minlength=n) >= block.n_trials
    return found


def as_planned(work: Estimation, outcome: Outcome, who: Adherence | None) -> tuple[Protocol, ...]:
    """Compare those who did as planned, and estimate the effect among those who comply, for each primary contrast.

    Parameters
    ----------
    work : Estimation
    outcome : Outcome
        Under the plan's missing-data rule.
    who : Adherence or None

    Returns
    -------
    tuple of Protocol
        In the order of the primary contrasts; empty where the design does not say what is shown.
    """
    if who is None:
        return ()
    primary = primary_comparisons(work.design)
    pairs = work.pairs(primary)
    return tuple(_as_planned(work, outcome, who, one.contrast, pair) for one, pair in zip(primary, pairs, strict=True))


def _as_planned(
    work: Estimation, outcome: Outcome, who: Adherence, contrast: Contrast, pair: tuple[int, int]
) -> Protocol:
    first, second = (work.allocation.arm == k for k in pair)
    values = values_where_observed(work, outcome)
    shown, learned = who.was_shown[first], who.learned[second]
    kept = per_protocol(values[first], shown, values[second], learned, level=work.level)
    # What the control arm sees are the trials without an explanation, so nobody there uses any.
    nobody = np.zeros(len(learned), dtype=np.bool_)
    among = complier_effect(values[first], shown, values[second], nobody, level=work.level)
    keys = [work.design.arms[k].key for k in pair]
    allocated = int(first.sum()), int(second.sum())
    left_out = {key: n - counted for key, n, counted in zip(keys, allocated, kept.n, strict=True)}
    return Protocol(
        contrast=contrast,
        n_as_planned=dict(zip(keys, (int(shown.sum()), int(learned.sum())), strict=True)),
        n_left_out=left_out,
        per_protocol=kept.difference.value,
        per_protocol_interval=kept.difference.interval,
        per_protocol_sentence=_caution(kept, left_out),
        complier_effect=among.value,
        complier_interval=among.interval,
        complier_p=among.p_value,
        complier_share=among.complier_share.value,
        complier_sentence=_assumption(among, work.design.arm(contrast.arm).title),
        method=f"{kept.method}; {among.method}",
        reference=f"{kept.reference}; {among.reference}",
    )


def _caution(kept: PerProtocol, left_out: Mapping[str, int]) -> str:
    lost = sum(left_out.values())
    if not lost:
        return "Everybody did as planned, so these are the arms as randomized."
    if kept.difference.value is None:
        return "In an arm nobody with an outcome did as planned."
    return (
        f"Not a randomized comparison: {lost} of {lost + sum(kept.n)} people {'is' if lost == 1 else 'are'} left out, "
        "and who is may differ between the arms."
    )


def _assumption(among: ComplierEffect, title: str) -> str:
    share = among.complier_share.value
    if share is None or min(among.n) < 2 or among.by_allocation.value is None:
        return "An arm has too few outcomes."
    if not share:
        return f"Nobody in {title} was shown every explanation, so nothing can be said of those who are."
    ends = "" if among.is_bounded else " Too few are for the interval to have an end."
    return (
        f"The effect among the {percent(share)} of {title} who were shown every explanation, if the arm matters only "
        f"through that.{ends}"
    )

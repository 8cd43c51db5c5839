"""How many of each arm were flagged, rule by rule, and whether arms differ in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.design import Design
from analysis.enrolments import Enrolments
from analysis.inference.counts import fisher_p, independence_p, share_interval
from analysis.quality.flags import Flags
from analysis.quality.registry import RULES, meaning
from analysis.types import BoolArray, IntArray, Interval

ANY = "any"


@dataclass(frozen=True)
class FlaggedShare:
    """People flagged among those allocated to one arm, with Wilson's interval for their share."""

    arm: str
    flagged: int
    allocated: int
    interval: Interval | None


@dataclass(frozen=True)
class FlagRate:
    """What a rule flagged, by arm.

    Parameters
    ----------
    rule : str
        Its key, or "any" for people flagged by at least one.
    title, meaning : str
    arms : tuple of FlaggedShare
    chi_square_p, fisher_p : float or None
        That a share is the same in all arms; None where nobody or everybody is flagged.
    """

    rule: str
    title: str
    meaning: str
    arms: tuple[FlaggedShare, ...]
    chi_square_p: float | None
    fisher_p: float | None

    @property
    def flagged(self) -> int:
        """People flagged, over all arms."""
        return sum(share.flagged for share in self.arms)


def flag_rates(flags: Flags, design: Design, enrolments: Enrolments, level: float) -> tuple[FlagRate, ...]:
    """Count flags by arm, those of any rule first; empty where the design has no rules.

    Parameters
    ----------
    flags : Flags
        Of the enrolments, in their order.
    design : Design
    enrolments : Enrolments
    level : float
        Of the intervals.
    """
    if not flags.rules:
        return ()
    marks = [(ANY, "Any of the rules", "at least one of the rules below", flags.of_anybody)]
    for number, planned in enumerate(flags.rules):
        rule = RULES[planned.rule]
        marks.append((planned.rule, rule.title, meaning(planned.rule, planned.params), flags.raised[:, number]))
    return tuple(
        FlagRate(key, title, text, *_by_arm(raised, design, enrolments, level)) for key, title, text, raised in marks
    )


def _by_arm(
    raised: BoolArray, design: Design, enrolments: Enrolments, level: float
) -> tuple[tuple[FlaggedShare, ...], float | None, float | None]:
    arm_of = enrolments.allocation.arm
    flagged = _counts(arm_of[raised], len(design.arms))
    allocated = _counts(arm_of, len(design.arms))
    clear = [n - k for k, n in zip(flagged, allocated, strict=True)]
    shares = tuple(
        FlaggedShare(arm.key, k, n, share_interval(k, n, level))
        for arm, k, n in zip(design.arms, flagged, allocated, strict=True)
    )
    return shares, independence_p(flagged, clear), fisher_p(flagged, clear)


def _counts(arms: IntArray, n_arms: int) -> Sequence[int]:
    return [int(n) for n in np.bincount(arms, minlength=n_arms)]

"""Looks before the end: what is computed at one, and what all of them together decide about the primary family.

The contrasts share alpha by Holm's steps: each starts with an equal part, and what one no longer needs goes to those
that are left (Maurer & Bretz 2013, Statistics in Biopharmaceutical Research 5, with equal weights). Within its part a
contrast spends as planned (Lan & DeMets 1983).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from scipy import stats

from analysis.codec import decode
from analysis.errors import InputError, ReportError
from analysis.estimands.base import Outcome
from analysis.estimation import Estimation, primary_comparisons
from analysis.inference.sequential.looks import Action, Decision, Look, LookPlan, bounds_at, decide
from analysis.inference.sequential.stopped import estimate_after_stopping
from analysis.inference.welch import welch
from analysis.types import Contrast, Interval

METHOD: Final = "group-sequential test of participants' values; alpha is spent as planned and shared by Holm's steps"
REFERENCE: Final = "Lan & DeMets 1983, Biometrika 70; Maurer & Bretz 2013, Stat. Biopharm. Res. 5; Tsiatis et al. 1984"
FARTHEST: Final = 30.0  # standard deviations: no bound lies there


@dataclass(frozen=True)
class ContrastLook:
    """One primary contrast at one look.

    Parameters
    ----------
    contrast : Contrast
    value, standard_error : float or None
        Welch's, in the estimand's unit; None where an arm had too few outcomes.
    z : float or None
        The normal deviate with the p-value of Welch's t test.
    """

    contrast: Contrast
    value: float | None
    standard_error: float | None
    z: float | None


@dataclass(frozen=True)
class LookMade:
    """What a look found.

    Parameters
    ----------
    n_enrolments : int
        People whose outcomes were counted.
    time : float
        The same as a share of those planned.
    contrasts : tuple of ContrastLook
        The primary family, in the design's order.
    """

    n_enrolments: int
    time: float
    contrasts: tuple[ContrastLook, ...]


@dataclass(frozen=True)
class LookOutcome:
    """What one look decided about one contrast; `time`, `bound`, `spent` and `action` as in `Decision`."""

    look: int
    n_enrolments: int
    time: float
    z: float
    bound: float | None
    spent: float
    action: Action


@dataclass(frozen=True)
class SequentialTest:
    """A primary contrast tested at every look that was made.

    Parameters
    ----------
    contrast : Contrast
    alpha : float
        What Holm's steps left it with.
    looks : tuple of LookOutcome
        The last one is the end of the study, unless a bound was crossed before.
    crossed_at : int or None
        The look whose bound was crossed.
    value, interval, p_value
        Median-unbiased estimate, interval of level 1 - alpha, and p-value, all allowing for the looks; in `unit`. None
        where an arm has too few outcomes.
    unit : str
    deviations : tuple of str
    method, reference : str
    """

    contrast: Contrast
    alpha: float
    looks: tuple[LookOutcome, ...]
    crossed_at: int | None
    value: float | None
    interval: Interval | None
    p_value: float | None
    unit: str
    deviations: tuple[str, ...]
    method: str = METHOD
    reference: str = REFERENCE


def look_now(work: Estimation, outcome: Outcome, planned: int) -> LookMade:
    """Compute what a look needs.

    Parameters
    ----------
    work : Estimation
    outcome : Outcome
        Of those who are counted, under the plan's missing-data rule.
    planned : int
        People planned.
    """
    found = tuple(_contrast_now(work, outcome, one.contrast) for one in primary_comparisons(work.design))
    return LookMade(len(outcome.values), len(outcome.values) / planned, found)


def _contrast_now(work: Estimation, outcome: Outcome, contrast: Contrast) -> ContrastLook:
    keys = [arm.key for arm in work.design.arms]
    first, second = (outcome.values[work.allocation.arm == keys.index(key)] for key in (contrast.arm, contrast.minus))
    found = welch(first, second, work.level)
    if found.value is None or not found.standard_error or found.degrees_of_freedom is None:
        return ContrastLook(contrast, found.value, found.standard_error, None)
    tail = stats.t.sf(abs(found.value) / found.standard_error, found.degrees_of_freedom)
    z = min(float(stats.norm.isf(tail)), FARTHEST)
    return ContrastLook(contrast, found.value, found.standard_error, z if found.value >= 0 else -z)


def sequential_tests(
    plan: LookPlan, looks: Sequence[LookMade], unit: str, *, is_over: bool = True
) -> tuple[SequentialTest, ...]:
    """Test the primary family at looks.

    Parameters
    ----------
    plan : LookPlan
        Its alpha is that of the whole family.
    looks : sequence of LookMade
        In order, at least one.
    unit : str
        Of the estimand.
    is_over : bool
        Whether the last of them is the end of the study, where all of alpha may be spent.

    Returns
    -------
    tuple of SequentialTest
        In the family's order.

    Raises
    ------
    InputError
        When the looks contradict themselves, or each other's contrasts.
    """
    _check(looks)
    alphas = _alphas(plan, looks, is_over)
    return tuple(_test(replace(plan, alpha=alpha), looks, k, unit, is_over) for k, alpha in enumerate(alphas))


def _alphas(plan: LookPlan, looks: Sequence[LookMade], is_over: bool) -> list[float]:
    """What Holm's steps leave each contrast with, look after look: who has crossed shares no more."""
    n_contrasts = len(looks[-1].contrasts)
    decided: dict[int, float] = {}
    for n in range(1, len(looks) + 1):
        while len(decided) < n_contrasts:  # each round leaves fewer
            part = replace(plan, alpha=plan.alpha / (n_contrasts - len(decided)))
            left = (k for k in range(n_contrasts) if k not in decided)
            newly = [k for k in left if _crossed_at(_decisions(part, looks[:n], k, is_over and n == len(looks)))]
            decided |= dict.fromkeys(newly, part.alpha)
            if not newly:
                break
    return [decided.get(k, plan.alpha / max(n_contrasts - len(decided), 1)) for k in range(n_contrasts)]


def _decisions(plan: LookPlan, made: Sequence[LookMade], k: int, is_over: bool) -> tuple[Decision, ...]:
    return decide(plan, _looks(made, k, is_over), unplanned="report")


def _looks(made: Sequence[LookMade], k: int, is_over: bool) -> list[Look]:
    return [Look(look.time, look.contrasts[k].z or 0.0, is_over and look is made[-1]) for look in made]


def _crossed_at(decisions: Sequence[Decision]) -> int | None:
    return next((one.look for one in decisions if one.action.startswith("stop")), None)


def stops(plan: LookPlan, looks: Sequence[LookMade]) -> bool:
    """Whether the last of these looks, none of them the end, has left no primary contrast open."""
    alphas = _alphas(plan, looks, is_over=False)
    plans = [replace(plan, alpha=alpha) for alpha in alphas]
    return all(_crossed_at(_decisions(own, looks, k, is_over=False)) for k, own in enumerate(plans))


def read_looks(source: Path | str) -> tuple[LookMade, ...]:
    """Read looks.json.

    Parameters
    ----------
    source : Path or str
        A path, or the JSON itself (a text that begins with a bracket).

    Raises
    ------
    InputError
        When it is not what `codec.encode` wrote of a tuple of `LookMade`.
    """
    text = source if isinstance(source, str) and source.lstrip().startswith("[") else Path(source).read_text("utf-8")
    try:
        found = decode(tuple[LookMade, ...], json.loads(text), "looks")
    except (json.JSONDecodeError, ReportError) as error:
        raise InputError("looks.json", [str(error)]) from error
    assert isinstance(found, tuple)
    return found


def _check(looks: Sequence[LookMade]) -> None:
    family = [one.contrast for one in looks[-1].contrasts]
    strange = [k for k, look in enumerate(looks, 1) if [one.contrast for one in look.contrasts] != family]
    if strange:
        raise InputError("looks", [f"look {k}: expected the primary contrasts of the design" for k in strange])


def _test(plan: LookPlan, made: Sequence[LookMade], k: int, unit: str, is_over: bool) -> SequentialTest:
    """One contrast with the alpha that the plan has, up to the first bound that it crosses."""
    decisions = _decisions(plan, made, k, is_over)
    crossed_at = _crossed_at(decisions)
    told = decisions[: crossed_at or len(made)]
    bare = SequentialTest(
        contrast=made[-1].contrasts[k].contrast,
        alpha=plan.alpha,
        looks=tuple(_outcome(d, look.n_enrolments) for d, look in zip(told, made, strict=False)),
        crossed_at=crossed_at,
        value=None,
        interval=None,
        p_value=None,
        unit=unit,
        deviations=tuple(sentence for d in told for sentence in d.deviations),
    )
    return _estimated(bare, plan, _looks(made, k, is_over)[: len(told)], made[len(told) - 1].contrasts[k])


def _outcome(d: Decision, n: int) -> LookOutcome:
    return LookOutcome(d.look, n, d.time, d.z, d.bound, d.spent, d.action)


def _estimated(test: SequentialTest, plan: LookPlan, looks: Sequence[Look], last: ContrastLook) -> SequentialTest:
    if last.z is None or not last.standard_error or last.value is None:
        return test
    # As z is that of a t test, the information is that of an estimate which has this z.
    error = last.value / last.z if last.z else last.standard_error
    informations = [look.time / looks[-1].time / error**2 for look in looks]
    found = estimate_after_stopping(bounds_at(plan, looks), informations, last.z, level=1 - plan.alpha, unit=test.unit)
    return replace(test, value=found.estimate, interval=found.interval, p_value=found.p_value)

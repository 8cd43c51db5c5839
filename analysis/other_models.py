"""The gain in accuracy by other models than the planned one: what a reader who trusts another would have found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.errors import AnalysisError
from analysis.estimands.base import Outcome
from analysis.estimands.gain_in_accuracy import Answers, Gain
from analysis.estimation import Comparison, Estimation
from analysis.inference.ancova import ancova
from analysis.inference.cluster_robust import cluster_robust
from analysis.inference.mixed.constrained import ConstrainedFit, fit_constrained
from analysis.inference.mixed.effect import Effect
from analysis.inference.welch import welch
from analysis.types import BoolArray, Estimate, FloatArray, IntArray, Interval

UNIT = "proportion correct"
ODDS = "ratio of odds"


def other_models(work: Estimation, outcome: Outcome, primary: Sequence[Comparison]) -> Iterator[Estimate]:
    """Estimate the primary contrasts by Welch's test, ANCOVA, a mixed model and a logit model with robust errors.

    People without an answer in one of the phases are left out of the first two, whatever the plan's rule, and count
    with the answers they gave in the others.

    Parameters
    ----------
    work : Estimation
    outcome : Outcome
        Nothing is estimated unless it is a gain in accuracy.
    primary : sequence of Comparison

    Yields
    ------
    Estimate
        Of the family "sensitivity".
    """
    if not isinstance(outcome, Gain) or not outcome.is_observed.any():
        return
    pairs = work.pairs(primary)
    yield from (_welch(work, outcome, *one) for one in zip(primary, pairs, strict=True))
    yield from (_ancova(work, outcome, *one) for one in zip(primary, pairs, strict=True))
    trials = _trials(outcome, work.allocation.arm)
    yield from _mixed(work, trials, primary, pairs)
    yield from (_logit(work, trials, *one) for one in zip(primary, pairs, strict=True))


@dataclass(frozen=True)
class _Trials:
    """Answers of both phases, one row for each person, item and phase; all arrays have shape (n,)."""

    correct: FloatArray
    given: FloatArray
    participant: IntArray
    item: IntArray
    is_post: BoolArray
    arm: IntArray

    def people(self, work: Estimation, pair: tuple[int, int]) -> dict[str, int]:
        """Count those of each arm who gave an answer."""
        return {work.design.arms[k].key: len(np.unique(self.participant[self.arm == k])) for k in pair}


def _trials(gain: Gain, arm: IntArray) -> _Trials:
    parts = [_long(answers, is_post) for answers, is_post in ((gain.pre, False), (gain.post, True))]
    correct, given, participant, item, is_post = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _Trials(correct, given, participant, item, is_post, arm[participant])


def _long(answers: Answers, is_post: bool) -> tuple[FloatArray, FloatArray, IntArray, IntArray, BoolArray]:
    participant, item = np.nonzero(answers.given)
    return (
        answers.correct[participant, item],
        answers.given[participant, item],
        participant,
        item,
        np.full(len(item), is_post),
    )


def _estimate(
    work: Estimation,
    comparison: Comparison,
    label: str,
    counts: dict[str, int],
    *,
    method: str,
    unit: str = UNIT,
    value: float | None = None,
    interval: Interval | None = None,
    p_value: float | None = None,
) -> Estimate:
    return Estimate(
        estimand=work.design.plan.estimand,
        contrast=comparison.contrast,
        family="sensitivity",
        label=label,
        value=value,
        unit=unit,
        interval=interval,
        conservative_interval=None,
        p_value=p_value,
        p_adjusted=None,
        n_enrolments=counts,
        method=method,
    )


def _welch(work: Estimation, gain: Gain, comparison: Comparison, pair: tuple[int, int]) -> Estimate:
    values = np.where(gain.is_observed, gain.values, np.nan)
    first, second = (values[work.allocation.arm == k] for k in pair)
    found = welch(first, second, work.level)
    p_value = None
    if found.value is not None and found.standard_error and found.degrees_of_freedom:
        p_value = float(2 * stats.t.sf(abs(found.value) / found.standard_error, found.degrees_of_freedom))
    return _estimate(
        work,
        comparison,
        "Welch's t test of gains",
        _counted(work, gain, pair),
        method="Welch's t test on the gains of people with answers in both phases",
        value=found.value,
        interval=found.interval,
        p_value=p_value,
    )


def _counted(work: Estimation, gain: Gain, pair: tuple[int, int]) -> dict[str, int]:
    return {work.design.arms[k].key: int(gain.is_observed[work.allocation.arm == k].sum()) for k in pair}


def _ancova(work: Estimation, gain: Gain, comparison: Comparison, pair: tuple[int, int]) -> Estimate:
    label, counts = "accuracy after, given accuracy before", _counted(work, gain, pair)
    if not min(counts.values()):
        return _estimate(work, comparison, label, counts, method="an arm has nobody with answers in both phases")
    whole = np.ones((gain.n_items, 1))
    before, after = gain.pre.accuracy(whole)[:, 0], gain.post.accuracy(whole)[:, 0]
    fit = ancova(after, before, work.allocation.arm, control=pair[1], level=work.level)
    found = next((difference for difference in fit.differences if difference.arm == pair[0]), None)
    return _estimate(
        work,
        comparison,
        label,
        counts,
        method=f"{fit.method}; {fit.reference}",
        value=found.value if found else None,
        interval=found.interval if found else None,
        p_value=found.p_value if found else None,
    )


def _mixed(
    work: Estimation, trials: _Trials, primary: Sequence[Comparison], pairs: Sequence[tuple[int, int]]
) -> Iterator[Estimate]:
    """Fit one model for all arms; every contrast as a difference of proportions and as a ratio of odds."""
    label, odds = "mixed model of every answer", "mixed model of every answer, odds for one person and item"
    try:
        fit = _constrained(trials, len(work.design.arms))
    except AnalysisError as error:
        yield from (
            _estimate(work, one, label, trials.people(work, pair), method=f"mixed model: {error}")
            for one, pair in zip(primary, pairs, strict=True)
        )
        return
    gains = [fit.marginal_gain(*pair, work.level) for pair in pairs]
    for one, pair, gain in zip(primary, pairs, gains, strict=True):
        yield _of_effect(work, one, label, trials.people(work, pair), gain.risk_difference, fit)
    for one, pair, gain in zip(primary, pairs, gains, strict=True):
        if gain.conditional_odds_ratio is not None:
            yield _of_effect(work, one, odds, trials.people(work, pair), gain.conditional_odds_ratio, fit)


def _constrained(trials: _Trials, n_arms: int) -> ConstrainedFit:
    return fit_constrained(
        correct=trials.correct,
        arm=trials.arm,
        is_post=trials.is_post,
        participants=trials.participant,
        items=trials.item,
        n_arms=n_arms,
        trials=trials.given,
    )


def _of_effect(
    work: Estimation, comparison: Comparison, label: str, counts: dict[str, int], effect: Effect, fit: ConstrainedFit
) -> Estimate:
    known = fit.fit.certificate
    remarks = [
        "post + post:arm, people and items crossed, arms equal before; " + effect.method,
        *(["a variance is zero"] if known.is_singular else []),
        *(["some answers are told apart perfectly: no maximum"] if known.is_separated else []),
        effect.reference,
    ]
    return _estimate(
        work,
        comparison,
        label,
        counts,
        method="; ".join(remarks),
        unit=effect.unit,
        value=effect.estimate if known.is_maximum else None,
        interval=effect.interval,
        p_value=effect.p_value,
    )


def _logit(work: Estimation, trials: _Trials, comparison: Comparison, pair: tuple[int, int]) -> Estimate:
    """Answers of the two arms alone; the errors allow for a person's answers to be alike (CR2)."""
    rows = np.isin(trials.arm, pair)
    after, explained = trials.is_post[rows].astype(np.float64), (trials.arm[rows] == pair[0]).astype(np.float64)
    columns = np.stack([np.ones(len(after)), after, explained, after * explained], axis=1)
    names = ("(Intercept)", "post", "arm", "post:arm")
    repeats = trials.given[rows].astype(np.int64)
    outcome, people = _single_answers(trials.correct[rows], repeats), np.repeat(trials.participant[rows], repeats)
    fit = cluster_robust(
        outcome, np.repeat(columns, repeats, axis=0), names, people, link="logit", correction="CR2", level=work.level
    )
    found = fit.coefficients[3] if fit.problem is None else None
    return _estimate(
        work,
        comparison,
        "logit model, odds over people and items",
        trials.people(work, pair),
        method=f"post * arm; {fit.method}; {fit.reference}" if fit.problem is None else fit.problem,
        unit=ODDS,
        value=None if found is None or found.value is None else float(np.exp(found.value)),
        interval=_odds(found.interval) if found else None,
        p_value=found.p_value if found else None,
    )


def _single_answers(correct: FloatArray, given: IntArray) -> FloatArray:
    """Return counts as single answers, shape (given.sum(),): the right ones first."""
    first = np.cumsum(given) - given
    number = np.arange(int(given.sum())) - np.repeat(first, given)
    single: FloatArray = (number < np.repeat(correct, given)).astype(np.float64)
    return single


def _odds(interval: Interval | None) -> Interval | None:
    if interval is None:
        return None
    return Interval(float(np.exp(interval.low)), float(np.exp(interval.high)), interval.level)

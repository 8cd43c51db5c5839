"""What the people without an outcome could change: their outcomes imputed, and how far off these would have to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np

from analysis.enrolments import Enrolments
from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Outcome
from analysis.estimands.scores import lay_out, scored_in
from analysis.estimation import Estimation, primary_comparisons
from analysis.inference.imputation import Incomplete, TippingPoint, tipping_point
from analysis.numbers import amount, decimals, deviations_text, scale_of
from analysis.table import ResponseTable
from analysis.types import BoolArray, Contrast, FloatArray, Interval

N_IMPUTATIONS: Final = 50
PER_COLUMN: Final = 10  # outcomes an arm must have for each covariate; with fewer, strata only add noise
ROUNDING: Final = 1e-9
NOBODY: Final = "Nobody in these arms lacks an outcome."
ALIKE: Final = "Nobody differs from anybody within these arms, so nothing can be learned about who is missing."


@dataclass(frozen=True)
class Imputed:
    """One primary contrast over everybody allocated, the missing outcomes imputed many times.

    Parameters
    ----------
    contrast : Contrast
    n_missing : mapping of str to int
        People without an outcome of their own, by arm.
    value : float or None
        In the estimand's unit; None where nobody lacks an outcome, or an arm has too few to learn from.
    interval : Interval or None
    p_value : float or None
    missing_information : float or None
        Share of the variance that comes from not knowing the missing outcomes.
    tipping_shift : float or None
        Added to what was imputed in the first arm, the smallest with which the interval holds zero; in the estimand's
        unit. None where there is none.
    tipping_deviations : float or None
        The same in standard deviations of the outcomes observed in that arm.
    sentence : str
        What the losses could change.
    method, reference : str
        Empty where nothing was computed.
    """

    contrast: Contrast
    n_missing: Mapping[str, int]
    value: float | None
    interval: Interval | None
    p_value: float | None
    missing_information: float | None
    tipping_shift: float | None
    tipping_deviations: float | None
    sentence: str
    method: str
    reference: str


@dataclass(frozen=True)
class Baseline:
    """What is known of people before they learn.

    Parameters
    ----------
    accuracy : float array, shape (n,)
        Share of right answers in PRE; NaN for who gave none.
    strata : float array, shape (n, n_strata - 1)
        1 where the person is of that stratum, the first one left out.
    """

    accuracy: FloatArray
    strata: FloatArray

    def covariates(self, observed: BoolArray, arm: BoolArray) -> tuple[FloatArray, str]:
        """Return the covariates of one contrast's people, shape (n, n_covariates), and their names.

        Parameters
        ----------
        observed, arm : bool array, shape (2, n)
            Who of each arm has an outcome, and who is in it.
        """
        columns, names = [], []
        if not np.isnan(self.accuracy[arm.any(axis=0)]).all():
            columns, names = [self.accuracy], ["accuracy in PRE"]
        fewest = int(observed.sum(axis=1).min())
        if self.strata.shape[1] and fewest >= PER_COLUMN * (self.strata.shape[1] + len(columns)):
            columns, names = [*columns, *self.strata.T], [*names, "stratum"]
        found = np.stack(columns, axis=1) if columns else np.empty((len(self.accuracy), 0))
        return found, " and ".join(names)


def baseline(table: ResponseTable, enrolments: Enrolments, pre: str) -> Baseline:
    """Read what is known of everybody allocated before they learn.

    Parameters
    ----------
    table : ResponseTable
    enrolments : Enrolments
    pre : str
        Key of the phase PRE.

    Returns
    -------
    Baseline
    """
    positions, n = enrolments.positions(table), len(enrolments)
    rows = scored_in(table, [pre])
    answers = lay_out(table, positions, n, rows).means(table.correct == 1, rows)
    given = table.trial_type == "allocation"
    strata, member = np.unique(table.stratum[given].astype(np.str_), return_inverse=True)
    indicators = np.zeros((n, len(strata)))
    indicators[positions[given], member] = 1
    return Baseline(answers.reweighted(np.ones((answers.n_items, 1)))[:, 0], indicators[:, 1:])


def impute_losses(work: Estimation, outcome: Outcome, known: Baseline) -> tuple[Imputed, ...]:
    """Impute the missing outcomes of each primary contrast, and look for the shift that would change its conclusion.

    Parameters
    ----------
    work : Estimation
    outcome : Outcome
        What its missing-data rule fills in counts as missing here.
    known : Baseline

    Returns
    -------
    tuple of Imputed
        In the order of the primary contrasts.
    """
    primary = primary_comparisons(work.design)
    pairs = work.pairs(primary)
    return tuple(_impute(work, outcome, known, one.contrast, pair) for one, pair in zip(primary, pairs, strict=True))


def _impute(work: Estimation, outcome: Outcome, known: Baseline, contrast: Contrast, pair: tuple[int, int]) -> Imputed:
    arm = np.stack([work.allocation.arm == k for k in pair])
    observed = arm & outcome.is_observed
    missing = {work.design.arms[k].key: int(n) for k, n in zip(pair, (arm & ~observed).sum(axis=1), strict=True)}
    if not any(missing.values()):
        return _without_numbers(contrast, missing, NOBODY)
    values = np.where(outcome.is_observed, outcome.values, np.nan)
    if observed.any() and not any(_differs(values[who]) for who in observed):
        return _without_numbers(contrast, missing, ALIKE)
    covariates, names = known.covariates(observed, arm)
    first, second = (Incomplete(values[who], covariates[who]) for who in arm)
    share = sum(missing.values()) / int(arm.sum())
    m = max(N_IMPUTATIONS, ceil(100 * share))
    found = tipping_point(first, second, seed=work.seeds[1], n_imputations=m, level=work.level)
    return _imputed(work, contrast, missing, found, is_spread=_differs(values[observed[0]]), names=names)


def _differs(values: FloatArray) -> bool:
    """Whether people differ by more than rounding: 5/7 - 2/7 and 4/7 - 1/7 are not the same in binary."""
    return bool(len(values)) and bool(np.ptp(values) > ROUNDING * np.abs(values).max())


def _without_numbers(contrast: Contrast, missing: Mapping[str, int], why: str) -> Imputed:
    return Imputed(contrast, missing, None, None, None, None, None, None, why, "", "")


def _imputed(
    work: Estimation,
    contrast: Contrast,
    missing: Mapping[str, int],
    found: TippingPoint,
    *,
    is_spread: bool,
    names: str,
) -> Imputed:
    imputed = found.unshifted
    pooled = imputed.pooled
    if pooled is None:
        return _without_numbers(contrast, missing, found.sentence)
    deviations = found.in_deviations if is_spread else None
    return Imputed(
        contrast=contrast,
        n_missing=missing,
        value=pooled.value,
        interval=pooled.interval,
        p_value=pooled.p_value,
        missing_information=pooled.missing_information,
        tipping_shift=found.shift,
        tipping_deviations=deviations,
        sentence=_sentence(work, contrast, found, pooled.interval, deviations),
        method=f"{imputed.method}; covariates: {names or 'none'}; {found.method}",
        reference=imputed.reference,
    )


def _sentence(
    work: Estimation, contrast: Contrast, found: TippingPoint, interval: Interval, deviations: float | None
) -> str:
    if found.shift is None:
        return found.sentence
    unit, title = ESTIMANDS[work.design.plan.estimand].unit, work.design.arm(contrast.arm).title
    beside = f" ({deviations_text(deviations)} standard deviations)" if deviations is not None else ""
    return (
        f"The interval reaches zero once the missing outcomes of {title} differ by "
        f"{amount(found.shift, unit, decimals(interval, unit))} {scale_of(unit).noun}{beside} from what that arm and "
        "the covariates say."
    )

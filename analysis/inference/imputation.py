"""Outcomes that are missing filled in many times, and how far they would have to be off to change the conclusion.

Rubin, D. B. (1987), Multiple Imputation for Nonresponse in Surveys: each missing value is drawn from what the observed
ones of the same arm, with the same covariates, say it could be, parameters drawn too; estimates of the completed data
are pooled so that the interval knows what was invented. Degrees of freedom by Barnard, J. & Rubin, D. B. (1999),
Biometrika 86. A shift added to what was filled in asks what if people who left did worse (delta adjustment; Carpenter,
J. R. & Kenward, M. G. 2013, Multiple Imputation and its Application, chapter 10).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isinf
from typing import Final

import numpy as np
from scipy import optimize

from analysis.errors import InputError
from analysis.inference.student import t_interval, t_quantile, two_sided_p
from analysis.types import FloatArray, Interval

REFERENCE: Final = "Rubin 1987, Multiple Imputation for Nonresponse in Surveys; Barnard & Rubin 1999, Biometrika 86"

ROUNDING: Final = 1e-12


@dataclass(frozen=True)
class Pooled:
    """Estimates of several completed data sets made one.

    Parameters
    ----------
    value : float
    standard_error : float
        Root of within + (1 + 1/m) between.
    degrees_of_freedom : float
    p_value : float or None
        Of zero; None where nothing varies.
    interval : Interval
    within, between : float
        Mean of the variances, and variance of the estimates.
    missing_information : float
        Share of the variance that comes from not knowing the missing values.
    n_imputations : int
    method, reference : str
    """

    value: float
    standard_error: float
    degrees_of_freedom: float
    p_value: float | None
    interval: Interval
    within: float
    between: float
    missing_information: float
    n_imputations: int
    method: str
    reference: str


def pool(
    estimates: Sequence[float], variances: Sequence[float], *, complete_freedom: float = inf, level: float = 0.95
) -> Pooled:
    """Pool estimates by Rubin's rules.

    Parameters
    ----------
    estimates, variances : sequence of float
        One an imputation: the estimate, and the square of its standard error.
    complete_freedom : float
        Degrees of freedom there would be without missing values; infinite gives Rubin's (1987) own.
    level : float

    Returns
    -------
    Pooled

    Raises
    ------
    InputError
        When there are fewer than two imputations, or not as many variances.
    """
    m = len(estimates)
    if m < 2 or len(variances) != m:
        raise InputError("pooling", [f"expected two or more estimates and as many variances, found {m} and "
                                     f"{len(variances)}"])  # fmt: skip
    value, within = float(np.mean(estimates)), float(np.mean(variances))
    between = float(np.var(estimates, ddof=1))
    total = within + (1 + 1 / m) * between
    share = (1 + 1 / m) * between / total if total > 0 else 0.0
    freedom = _freedom(share, m, complete_freedom)
    error = float(np.sqrt(total))
    return Pooled(
        value=value,
        standard_error=error,
        degrees_of_freedom=freedom,
        p_value=two_sided_p(value / error, freedom) if error > 0 else None,
        interval=t_interval(value, error, freedom, level) if error > 0 else Interval(value, value, level),
        within=within,
        between=between,
        missing_information=share,
        n_imputations=m,
        method=f"{m} imputations pooled by Rubin's rules, Barnard and Rubin's degrees of freedom",
        reference=REFERENCE,
    )


def _freedom(share: float, m: int, complete: float) -> float:
    """Return the degrees of freedom, never more than complete data have (Barnard & Rubin 1999, eq. 3)."""
    old = (m - 1) / share**2 if share > ROUNDING else inf
    if isinf(complete):
        return old
    observed = (complete + 1) / (complete + 3) * complete * (1 - share)
    return 1 / (1 / old + 1 / observed) if observed > 0 else old


@dataclass(frozen=True)
class Incomplete:
    """One arm, its outcomes not all known.

    Parameters
    ----------
    outcome : float array, shape (n,)
        NaN where it is missing.
    covariates : float array, shape (n, n_covariates)
        Known before the arm was given, such as the accuracy in PRE. A missing one is the mean of both arms, which is
        right in a randomized study (White, I. R. & Thompson, S. G. 2005, Statist. Med. 24).
    """

    outcome: FloatArray
    covariates: FloatArray


@dataclass(frozen=True)
class ImputedDifference:
    """A difference of two means, first minus second, over everybody allocated.

    Parameters
    ----------
    pooled : Pooled or None
        In the unit of the outcome; None where an arm has too few outcomes to learn from.
    shift : tuple of float
        Added to what was filled in, in the first and the second arm.
    n, n_missing : tuple of int
        People of each arm, and those whose outcome was filled in.
    method, reference : str
    """

    pooled: Pooled | None
    shift: tuple[float, float]
    n: tuple[int, int]
    n_missing: tuple[int, int]
    method: str
    reference: str


@dataclass(frozen=True)
class TippingPoint:
    """How far off the missing outcomes of the first arm would have to be.

    Parameters
    ----------
    shift : float or None
        Added to what was filled in there, the smallest with which the interval holds zero; in the unit of the
        outcome. None where it holds zero already, or nothing is missing.
    in_deviations : float or None
        The same in standard deviations of the observed outcomes of that arm.
    unshifted : ImputedDifference
    sentence, method, reference : str
    """

    shift: float | None
    in_deviations: float | None
    unshifted: ImputedDifference
    sentence: str
    method: str
    reference: str


@dataclass(frozen=True)
class _Filled:
    """Both arms with what was drawn for them, so that shifts are tried on the same draws."""

    outcomes: tuple[FloatArray, FloatArray]  # (n_imputations, n)
    missing: tuple[FloatArray, FloatArray]  # (n,), 1 where filled in

    def difference(self, shift: tuple[float, float], level: float) -> Pooled:
        first, second = (y + s * gap for y, s, gap in zip(self.outcomes, shift, self.missing, strict=True))
        parts = [y.var(axis=1, ddof=1) / y.shape[1] for y in (first, second)]
        total = parts[0] + parts[1]
        with np.errstate(divide="ignore", invalid="ignore"):
            freedom = total**2 / sum(part**2 / (y.shape[1] - 1) for part, y in zip(parts, (first, second), strict=True))
        complete = float(np.mean(freedom)) if (total > 0).all() else inf
        estimates = first.mean(axis=1) - second.mean(axis=1)
        return pool(estimates.tolist(), total.tolist(), complete_freedom=complete, level=level)


def imputed_difference(
    first: Incomplete,
    second: Incomplete,
    *,
    seed: int,
    n_imputations: int = 50,
    shift: tuple[float, float] = (0.0, 0.0),
    level: float = 0.95,
) -> ImputedDifference:
    """Estimate a difference of means over everybody allocated, missing outcomes filled in arm by arm.

    Parameters
    ----------
    first, second : Incomplete
    seed : int
    n_imputations : int
        At least 2; as many as there are percents missing is a good rule.
    shift : tuple of float
        Added to what is filled in, in the first and the second arm.
    level : float

    Returns
    -------
    ImputedDifference
        Without an estimate where an arm has fewer than three outcomes to learn from and some are missing.

    Raises
    ------
    InputError
        When the parts do not fit each other.

    Notes
    -----
    Where covariates tell very much Rubin's variance may be too large, since what is filled in rests on them and the
    difference of means does not use them (Meng 1994, Stat. Sci. 9, section 3). The measured rate stands in
    docs/calibration.md.
    """
    filled = _fill(first, second, n_imputations, seed)
    return ImputedDifference(
        pooled=filled.difference(shift, level) if filled is not None else None,
        shift=shift,
        n=(len(first.outcome), len(second.outcome)),
        n_missing=(int(np.isnan(first.outcome).sum()), int(np.isnan(second.outcome).sum())),
        method=f"{n_imputations} imputations by linear regression on the covariates within the arm, Welch's difference",
        reference=REFERENCE,
    )


def tipping_point(
    first: Incomplete, second: Incomplete, *, seed: int, n_imputations: int = 50, level: float = 0.95
) -> TippingPoint:
    """Find the shift of the first arm's missing outcomes that takes the difference's interval to zero.

    Parameters
    ----------
    first, second, seed, n_imputations, level
        As in `imputed_difference`; all shifts are tried on the same draws.

    Returns
    -------
    TippingPoint

    Raises
    ------
    InputError
        When the parts do not fit each other.
    """
    unshifted = imputed_difference(first, second, seed=seed, n_imputations=n_imputations, level=level)
    filled, pooled = _fill(first, second, n_imputations, seed), unshifted.pooled
    share = unshifted.n_missing[0] / max(1, unshifted.n[0])
    if pooled is None or filled is None or not share or pooled.interval.low <= 0 <= pooled.interval.high:
        return _no_tipping_point(unshifted, "delta adjustment")

    def beyond_zero(shift: float) -> float:
        found = filled.difference((shift, 0.0), level)
        half = t_quantile((1 + level) / 2, found.degrees_of_freedom) * found.standard_error
        return abs(found.value) - half

    # With this shift the difference itself is zero, so the interval holds zero somewhere before.
    to_nothing = -pooled.value / share
    shift = float(optimize.brentq(beyond_zero, *sorted((0.0, to_nothing)), xtol=1e-12))
    spread = float(np.nanstd(first.outcome, ddof=1))
    return TippingPoint(
        shift=shift,
        in_deviations=shift / spread if spread > 0 else None,
        unshifted=unshifted,
        sentence=f"The interval reaches zero once those whose outcome is missing in the first arm differ by "
        f"{shift:+.3g} from what their arm and covariates say.",
        method="delta adjustment of the first arm's imputed outcomes, the same draws for every shift",
        reference=REFERENCE,
    )


def _no_tipping_point(unshifted: ImputedDifference, method: str) -> TippingPoint:
    if unshifted.pooled is None:
        why = "An arm has too few outcomes to fill in the missing ones."
    elif not unshifted.n_missing[0]:
        why = "No outcome is missing in the first arm."
    else:
        why = "The interval holds zero without any shift."
    return TippingPoint(None, None, unshifted, why, method, REFERENCE)


def _fill(first: Incomplete, second: Incomplete, n_imputations: int, seed: int) -> _Filled | None:
    arms = first, second
    _check(arms, n_imputations)
    known = np.concatenate([arm.covariates for arm in arms])
    count = (~np.isnan(known)).sum(axis=0)
    means = np.where(count > 0, np.nansum(known, axis=0) / np.maximum(count, 1), 0.0)
    children = np.random.SeedSequence(seed).spawn(2)
    filled = []
    for arm, child in zip(arms, children, strict=True):
        covariates = np.where(np.isnan(arm.covariates), means, arm.covariates) - means
        outcomes = _impute(arm.outcome, covariates, n_imputations, np.random.default_rng(child))
        if outcomes is None or len(arm.outcome) < 2:
            return None
        filled.append(outcomes)
    gaps = tuple(np.isnan(arm.outcome).astype(np.float64) for arm in arms)
    return _Filled((filled[0], filled[1]), (gaps[0], gaps[1]))


def _check(arms: Sequence[Incomplete], n_imputations: int) -> None:
    found = []
    for name, arm in zip(("first", "second"), arms, strict=True):
        if arm.covariates.ndim != 2 or len(arm.covariates) != len(arm.outcome):
            found.append(
                f"{name} arm: expected one row of covariates a person, shape ({len(arm.outcome)}, n_covariates), found "
                f"{arm.covariates.shape}"
            )
    if not found and arms[0].covariates.shape[1] != arms[1].covariates.shape[1]:
        found.append("covariates: expected the same ones in both arms")
    if n_imputations < 2:
        found.append(f"n_imputations: expected at least 2, found {n_imputations}")
    if found:
        raise InputError("imputation", found)


def _impute(outcome: FloatArray, covariates: FloatArray, m: int, generator: np.random.Generator) -> FloatArray | None:
    """Fill in one arm m times, shape (m, n), by drawing variance, coefficients and values (Rubin 1987, example 5.1)."""
    missing = np.isnan(outcome)
    if not missing.any():
        return np.tile(outcome, (m, 1))
    columns = np.column_stack([np.ones(len(outcome)), covariates])
    x, y = columns[~missing], outcome[~missing]
    if len(y) <= x.shape[1] + 1:  # too few to learn slopes from; the arm's mean is all there is
        columns, x = columns[:, :1], x[:, :1]
    if len(y) < 3:
        return None
    # By eigenvectors, so that a covariate without spread, or two that are one, do no harm.
    values, vectors = np.linalg.eigh(x.T @ x)
    is_known = values > 1e-10 * values.max()
    inverse_root = (vectors * np.where(is_known, 1 / np.sqrt(np.where(is_known, values, 1.0)), 0.0)) @ vectors.T
    beta = inverse_root @ inverse_root @ (x.T @ y)
    freedom = len(y) - int(is_known.sum())
    squares = float(((y - x @ beta) ** 2).sum())
    sigma = np.sqrt(squares / generator.chisquare(freedom, size=m))
    slopes = beta + sigma[:, None] * (generator.standard_normal((m, len(beta))) @ inverse_root)
    noise = sigma[:, None] * generator.standard_normal((m, int(missing.sum())))
    filled = np.tile(outcome, (m, 1))
    filled[:, missing] = slopes @ columns[missing].T + noise
    return filled

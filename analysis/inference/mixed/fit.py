"""Fit a binomial mixed model with crossed participants and items, and say how well the fit is founded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special, stats

from analysis.errors import InputError
from analysis.inference.mixed.ascent import Maximum, maximise
from analysis.inference.mixed.families import FAMILIES, Link
from analysis.inference.mixed.laplace import Laplace, Parameters
from analysis.inference.mixed.layout import Layout, lay_out
from analysis.types import BoolArray, FloatArray, IntArray, Interval

START_INTERCEPT: Final = 0.7  # standard deviations to start from, on the logit scale
START_SLOPE: Final = 0.3
PROBIT_SCALE: Final = 0.6  # of a logit coefficient
ON_THE_BOUNDARY: Final = 1e-3  # a standard deviation below this is zero for every purpose
SEPARATED: Final = 12.0  # fixed effects that add up to more than this stand for a probability of 0 or 1


@dataclass(frozen=True)
class Certificate:
    """What shows that a fit is the maximum, or what it is instead.

    Parameters
    ----------
    gain : float
        What one more Newton step would add to the log-likelihood; rounding, for a maximum.
    smallest_eigenvalue : float
        Of minus the Hessian in units of the parameters' standard errors; above 0 for a maximum.
    is_singular : bool
        A variance is zero or a correlation 1: a result, not a failure.
    is_separated : bool
        Fixed effects tell some answers perfectly, so their estimates run off to infinity and mean nothing.
    evaluations : int
        Of likelihood and gradient.
    """

    gain: float
    smallest_eigenvalue: float
    is_singular: bool
    is_separated: bool
    evaluations: int

    @property
    def is_maximum(self) -> bool:
        """Whether the fit may be reported."""
        return self.gain < 1e-6 and self.smallest_eigenvalue > 0.0 and not self.is_separated


@dataclass(frozen=True)
class MixedFit:
    """A fitted model.

    Parameters
    ----------
    names : tuple of str
        Of the fixed effects.
    coefficients : float array, shape (n_fixed,)
        Conditional on participant and item, on the scale of the link.
    covariance : float array, shape (n_fixed, n_fixed)
        From the Hessian over all parameters, the variances' uncertainty included.
    participant_covariance : float array, shape (k, k)
        Of intercept and slopes over participants.
    item_covariance : float array, shape (c, c)
        Of intercept and slopes over items.
    loglik : float
        Laplace approximation, with the binomial coefficients.
    link : {"logit", "probit"}
    n_trials, n_participants, n_items : int
    certificate : Certificate
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    covariance: FloatArray
    participant_covariance: FloatArray
    item_covariance: FloatArray
    loglik: float
    link: Link
    n_trials: int
    n_participants: int
    n_items: int
    certificate: Certificate

    @property
    def standard_errors(self) -> FloatArray:
        """Return the standard errors of the coefficients."""
        errors: FloatArray = np.sqrt(np.diag(self.covariance))
        return errors

    def contrast(self, weights: Sequence[float]) -> tuple[float, float]:
        """Return a linear combination of the coefficients and its standard error."""
        direction = np.asarray(weights, dtype=np.float64)
        return float(direction @ self.coefficients), float(np.sqrt(direction @ self.covariance @ direction))

    def p_value(self, name: str) -> float:
        """Return the two-sided Wald p-value of a coefficient."""
        number = self.names.index(name)
        return float(2.0 * stats.norm.sf(abs(self.coefficients[number]) / self.standard_errors[number]))

    def interval(self, name: str, level: float = 0.95) -> Interval:
        """Return the Wald interval of a coefficient."""
        number = self.names.index(name)
        reach = stats.norm.isf((1.0 - level) / 2.0) * self.standard_errors[number]
        value = self.coefficients[number]
        return Interval(float(value - reach), float(value + reach), level)


def fit_binomial(
    *,
    correct: FloatArray,
    fixed: FloatArray,
    names: Sequence[str],
    participants: IntArray,
    items: IntArray,
    participant_slopes: FloatArray | None = None,
    item_slopes: FloatArray | None = None,
    trials: FloatArray | None = None,
    link: Link = "logit",
) -> MixedFit:
    """Fit a binomial mixed model by maximum Laplace likelihood.

    Parameters
    ----------
    correct : float array, shape (n,)
        Right answers: 0 or 1 of a single trial, or a count of `trials`. NaN for a trial that is missing.
    fixed : float array, shape (n, n_fixed)
        Design of the fixed effects, with an intercept if there is to be one.
    names : sequence of str
        Of its columns.
    participants, items : int array, shape (n,)
        Who answered what; any whole numbers.
    participant_slopes, item_slopes : float array, shape (n, k), optional
        Variables whose effect differs between participants or items, beside the intercepts; correlated with them.
    trials : float array, shape (n,), optional
        Answers that `correct` counts; 1 by default.
    link : {"logit", "probit"}

    Returns
    -------
    MixedFit

    Raises
    ------
    InputError
        For arrays of different lengths, counts outside 0 to `trials`, a rank-deficient design, or no observation.
    AnalysisError
        When the ascent ends before the maximum.

    Notes
    -----
    Source: Breslow & Clayton (1993) for the approximation; Baayen, Davidson & Bates (2008) for crossed participants
    and items. The maximum is that of glmmTMB (tests/analysis/inference/mixed).
    """
    seen = ~np.isnan(correct)
    counts = np.ones(len(correct)) if trials is None else np.asarray(trials, dtype=np.float64)
    _check(correct, counts, fixed, names, participants, items, seen)
    people, person = np.unique(participants[seen], return_inverse=True)
    things, thing = np.unique(items[seen], return_inverse=True)
    by_person, by_thing = _with_intercept(participant_slopes, seen), _with_intercept(item_slopes, seen)
    participants_are_rows = len(people) >= len(things)
    rows, columns = (person, by_person), (thing, by_thing)
    if not participants_are_rows:
        rows, columns = columns, rows
    layout = lay_out(
        successes=correct[seen],
        trials=counts[seen],
        fixed=fixed[seen],
        rows=rows[0],
        row_design=rows[1],
        columns=columns[0],
        column_design=columns[1],
    )
    top = maximise(Laplace(layout, FAMILIES[link]), _start(layout, link))
    factors = (top.parameters.row_factor[0], top.parameters.column_factor[0])
    covariances = tuple(factor @ factor.T for factor in factors)
    return MixedFit(
        names=tuple(names),
        coefficients=top.parameters.beta[0],
        covariance=_covariance(top)[: len(names), : len(names)],
        participant_covariance=covariances[0 if participants_are_rows else 1],
        item_covariance=covariances[1 if participants_are_rows else 0],
        loglik=top.loglik + _log_coefficients(correct[seen], counts[seen]),
        link=link,
        n_trials=int(seen.sum()),
        n_participants=len(people),
        n_items=len(things),
        certificate=_certificate(top, fixed[seen], factors),
    )


def _check(
    correct: FloatArray,
    counts: FloatArray,
    fixed: FloatArray,
    names: Sequence[str],
    participants: IntArray,
    items: IntArray,
    seen: BoolArray,
) -> None:
    problems = []
    lengths = {len(correct), len(counts), len(fixed), len(participants), len(items)}
    if len(lengths) > 1:
        raise InputError("the mixed model", [f"arrays of one length were expected, lengths {sorted(lengths)} came"])
    if fixed.ndim != 2 or fixed.shape[1] != len(names):
        problems.append(f"fixed: a column for each of {len(names)} names was expected, shape {fixed.shape} came")
    if not seen.any():
        problems.append("correct: at least one answer was expected, none came; is everything missing?")
    elif ((correct[seen] < 0) | (correct[seen] > counts[seen])).any():
        problems.append("correct: counts from 0 to `trials` were expected; others came")
    elif fixed.ndim == 2 and (rank := int(np.linalg.matrix_rank(fixed[seen]))) < fixed.shape[1]:
        problems.append(f"fixed: {fixed.shape[1]} independent columns were expected, {rank} are; leave out the others")
    if problems:
        raise InputError("the mixed model", problems)


def _with_intercept(slopes: FloatArray | None, seen: BoolArray) -> FloatArray:
    ones = np.ones((int(seen.sum()), 1))
    return ones if slopes is None else np.concatenate([ones, slopes[seen].reshape(len(ones), -1)], axis=1)


def _start(layout: Layout, link: Link) -> Parameters:
    """Start from the model without random effects after a few steps of scoring, and middling variances."""
    family = FAMILIES[link]
    flat = layout.fixed.reshape(-1, layout.n_fixed)
    beta = np.zeros(layout.n_fixed)
    for _ in range(4):
        eta = (flat @ beta).reshape(layout.successes.shape)
        terms = family.terms(eta, layout.successes, layout.trials)
        information = flat.T @ (terms.weight.reshape(-1, 1) * flat)
        beta = beta + np.linalg.solve(information + 1e-6 * np.eye(len(beta)), flat.T @ terms.score.ravel())
        beta = np.clip(beta, -4.0, 4.0)  # separated data would run away already here
    return Parameters(
        beta[None],
        _start_factor(layout.row_design.shape[-1], link),
        _start_factor(layout.column_design.shape[-1], link),
    )


def _start_factor(n_effects: int, link: Link) -> FloatArray:
    deviations = np.full(n_effects, START_SLOPE)
    deviations[0] = START_INTERCEPT
    factor: FloatArray = np.diag(deviations * (PROBIT_SCALE if link == "probit" else 1.0))[None]
    return factor


def _log_coefficients(correct: FloatArray, trials: FloatArray) -> float:
    if (trials == 1.0).all():
        return 0.0
    ways = special.gammaln(trials + 1) - special.gammaln(correct + 1) - special.gammaln(trials - correct + 1)
    return float(ways.sum())


def _covariance(top: Maximum) -> FloatArray:
    """Invert minus the Hessian; a direction of no information at all gets an infinite variance, not an error."""
    values, vectors = np.linalg.eigh(-top.hessian)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(values > 1e-10 * values.max(), 1.0 / values, np.inf)
        covariance: FloatArray = np.einsum("ij,j,kj->ik", vectors, np.minimum(inverse, 1e12), vectors)
    return covariance


def _certificate(top: Maximum, fixed: FloatArray, factors: tuple[FloatArray, FloatArray]) -> Certificate:
    covariance = _covariance(top)
    scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    standardised = -top.hessian * np.outer(scale, scale)
    reach = np.abs(fixed @ top.parameters.beta[0])
    return Certificate(
        gain=float(0.5 * top.gradient @ covariance @ top.gradient),
        smallest_eigenvalue=float(np.linalg.eigvalsh(standardised).min()),
        is_singular=any(float(np.abs(np.diag(factor)).min()) < ON_THE_BOUNDARY for factor in factors),
        is_separated=bool((reach > SEPARATED).any()),
        evaluations=top.evaluations,
    )

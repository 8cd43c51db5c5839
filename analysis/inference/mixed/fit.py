"""Fit a binomial mixed model with crossed participants and items, and say how well the fit is founded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special, stats

from analysis.errors import InputError
from analysis.inference.mixed.ascent import Maximum, maximise
from analysis.inference.mixed.crossing import Crossing, check_lengths, cross, design_problems
from analysis.inference.mixed.families import FAMILIES, Link
from analysis.inference.mixed.information import inverse_of
from analysis.inference.mixed.laplace import Laplace, Parameters
from analysis.inference.mixed.layout import Layout
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
    parameter_covariance : float array, shape (n_parameters, n_parameters)
        Of all parameters: fixed effects, then the lower triangles (row by row) of the participants' and the items'
        factors. Zero for the entries that uncorrelated slopes leave out.
    participant_factor, item_factor : float array, shape (k, k) and (c, c)
        Lower triangular: covariance = factor @ factor'.
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
    parameter_covariance: FloatArray
    participant_factor: FloatArray
    item_factor: FloatArray
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


@dataclass(frozen=True)
class BinomialModel:
    """Answers and the model for them; the fields are the arguments of `fit_binomial`, which explains them."""

    correct: FloatArray
    fixed: FloatArray
    names: tuple[str, ...]
    participants: IntArray
    items: IntArray
    participant_slopes: FloatArray | None = None
    item_slopes: FloatArray | None = None
    trials: FloatArray | None = None
    link: Link = "logit"
    participant_slopes_correlated: bool = True
    item_slopes_correlated: bool = True

    @property
    def seen(self) -> BoolArray:
        """Return which trials have an answer."""
        return ~np.isnan(self.correct)

    @property
    def counts(self) -> FloatArray:
        """Return how many answers each trial counts."""
        return np.ones(len(self.correct)) if self.trials is None else np.asarray(self.trials, dtype=np.float64)


@dataclass(frozen=True)
class Solution:
    """A fit with all that it was made of, for what needs more than its results."""

    model: BinomialModel
    crossing: Crossing
    laplace: Laplace
    top: Maximum


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
    participant_slopes_correlated: bool = True,
    item_slopes_correlated: bool = True,
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
        Variables whose effect differs between participants or items, beside the intercepts.
    trials : float array, shape (n,), optional
        Answers that `correct` counts; 1 by default.
    link : {"logit", "probit"}
    participant_slopes_correlated, item_slopes_correlated : bool
        Whether intercept and slopes may be correlated; otherwise they are independent.

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
    model = BinomialModel(
        correct,
        fixed,
        tuple(names),
        participants,
        items,
        participant_slopes,
        item_slopes,
        trials,
        link,
        participant_slopes_correlated,
        item_slopes_correlated,
    )
    return describe(solve(model))


def solve(model: BinomialModel) -> Solution:
    """Find the maximum; raises what `fit_binomial` raises."""
    _check(model)
    seen = model.seen
    crossing = cross(
        participants=model.participants,
        items=model.items,
        participant_slopes=model.participant_slopes,
        item_slopes=model.item_slopes,
        seen=seen,
    )
    layout = crossing.lay_out(successes=model.correct[seen], trials=model.counts[seen], fixed=model.fixed[seen])
    laplace = Laplace(layout, FAMILIES[model.link])
    free = crossing.free(
        layout.n_fixed,
        correlated_people=model.participant_slopes_correlated,
        correlated_items=model.item_slopes_correlated,
    )
    return Solution(model, crossing, laplace, maximise(laplace, _start(layout, model.link), free))


def describe(solution: Solution) -> MixedFit:
    """Return the results of a fit."""
    model, crossing, top = solution.model, solution.crossing, solution.top
    seen, n_fixed = model.seen, len(model.names)
    factors = (top.parameters.row_factor[0], top.parameters.column_factor[0])
    of_people, of_items = crossing.in_layout(*factors)
    covariance = covariance_of_all(top)
    order = crossing.order_of_report(n_fixed)
    return MixedFit(
        names=model.names,
        coefficients=top.parameters.beta[0],
        covariance=covariance[:n_fixed, :n_fixed],
        participant_covariance=of_people @ of_people.T,
        item_covariance=of_items @ of_items.T,
        parameter_covariance=covariance[np.ix_(order, order)],
        participant_factor=of_people,
        item_factor=of_items,
        loglik=top.loglik + _log_coefficients(model.correct[seen], model.counts[seen]),
        link=model.link,
        n_trials=int(seen.sum()),
        n_participants=len(crossing.people),
        n_items=len(crossing.items),
        certificate=certify(top, model.fixed[seen] @ top.parameters.beta[0]),
    )


def _check(model: BinomialModel) -> None:
    correct, counts, seen = model.correct, model.counts, model.seen
    check_lengths(
        correct=correct,
        counts=counts,
        fixed=model.fixed,
        participants=model.participants,
        items=model.items,
        participant_slopes=model.participant_slopes,
        item_slopes=model.item_slopes,
    )
    problems = design_problems(model.fixed, len(model.names), seen)
    if not seen.any():
        problems.append("correct: at least one answer was expected, none came; is everything missing?")
    elif ((correct[seen] < 0) | (correct[seen] > counts[seen])).any():
        problems.append("correct: counts from 0 to `trials` were expected; others came")
    if problems:
        raise InputError("the mixed model", problems)


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
        start_factor(layout.row_design.shape[-1], link),
        start_factor(layout.column_design.shape[-1], link),
    )


def start_factor(n_effects: int, link: Link) -> FloatArray:
    """Return a factor of middling standard deviations to start from."""
    deviations = np.full(n_effects, START_SLOPE)
    deviations[0] = START_INTERCEPT
    factor: FloatArray = np.diag(deviations * (PROBIT_SCALE if link == "probit" else 1.0))[None]
    return factor


def _log_coefficients(correct: FloatArray, trials: FloatArray) -> float:
    if (trials == 1.0).all():
        return 0.0
    ways = special.gammaln(trials + 1) - special.gammaln(correct + 1) - special.gammaln(trials - correct + 1)
    return float(ways.sum())


def covariance_of_all(top: Maximum) -> FloatArray:
    """Return the covariance of all packed parameters; 0 for those that were not fitted."""
    whole = np.zeros((len(top.free), len(top.free)))
    whole[np.ix_(top.free, top.free)] = free_covariance(top)
    return whole


def free_covariance(top: Maximum) -> FloatArray:
    """Invert minus the Hessian; a direction of no information at all gets an infinite variance, not an error."""
    return inverse_of(-top.hessian)


def certify(top: Maximum, fixed_part: FloatArray) -> Certificate:
    """Return the certificate of a maximum whose fixed effects add up to `fixed_part`, an entry a trial."""
    covariance = free_covariance(top)
    factors = (top.parameters.row_factor[0], top.parameters.column_factor[0])
    scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    standardised = -top.hessian * np.outer(scale, scale)
    return Certificate(
        gain=float(0.5 * top.gradient @ covariance @ top.gradient),
        smallest_eigenvalue=float(np.linalg.eigvalsh(standardised).min()),
        is_singular=any(float(np.abs(np.diag(factor)).min()) < ON_THE_BOUNDARY for factor in factors),
        is_separated=bool((np.abs(fixed_part) > SEPARATED).any()),
        evaluations=top.evaluations,
    )

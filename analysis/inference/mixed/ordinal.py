"""Fit a cumulative-link mixed model: ratings, ordered but not measured, of crossed participants and items."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from analysis.errors import InputError
from analysis.inference.mixed.ascent import Maximum, maximise
from analysis.inference.mixed.crossing import Crossing, check_lengths, cross, design_problems
from analysis.inference.mixed.cumulative import CumulativeLaplace
from analysis.inference.mixed.effect import Effect
from analysis.inference.mixed.families import Link
from analysis.inference.mixed.fit import Certificate, certify, covariance_of_all, start_factor
from analysis.inference.mixed.laplace import Parameters
from analysis.inference.mixed.layout import Layout
from analysis.inference.mixed.marginal import integrate
from analysis.types import BoolArray, FloatArray, IntArray

REFERENCE: Final = "McCullagh (1980); Christensen (2019), ordinal::clmm; Liddell & Kruschke (2018)"


@dataclass(frozen=True)
class OrdinalFit:
    """A fitted cumulative-link mixed model: P(rating <= j) = F(threshold_j - fixed effects - random effects).

    Parameters
    ----------
    names : tuple of str
        Of the fixed effects; a positive one means higher ratings.
    coefficients, covariance : float arrays, shape (n_fixed,) and (n_fixed, n_fixed)
        Conditional on participant and item, on the scale of the link.
    categories : tuple of float
        Ratings that were given at all, in order.
    thresholds, threshold_errors : float array, shape (n_categories - 1,)
        Between them, with standard errors.
    participant_covariance, item_covariance : float array, shape (k, k) and (c, c)
    loglik : float
        Laplace approximation.
    link : {"logit", "probit"}
    n_trials, n_participants, n_items : int
    certificate : Certificate
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    covariance: FloatArray
    categories: tuple[float, ...]
    thresholds: FloatArray
    threshold_errors: FloatArray
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

    def contrast(self, weights: Sequence[float], level: float = 0.95) -> Effect:
        """Return a linear combination of the coefficients, with Wald's interval and test."""
        if len(weights) != len(self.names):
            raise InputError("weights", [f"{len(self.names)} were expected, {len(weights)} came"])
        direction = np.asarray(weights, dtype=np.float64)
        error = float(np.sqrt(max(float(direction @ self.covariance @ direction), 0.0)))
        return Effect.difference(
            float(direction @ self.coefficients),
            error if self.certificate.is_maximum else None,
            level=level,
            unit="log odds of a higher rating" if self.link == "logit" else "latent standard deviations",
            n_participants=self.n_participants,
            method="cumulative-link mixed model, Wald",
            reference=REFERENCE,
        )

    def effect(self, name: str, level: float = 0.95) -> Effect:
        """Return a coefficient."""
        return self.contrast([float(own == name) for own in self.names], level)

    def odds_ratio(self, weights: Sequence[float], level: float = 0.95) -> Effect | None:
        """Return the ratio of the odds of a higher rating that a contrast stands for; None under a probit link."""
        found = self.contrast(weights, level)
        return found.as_ratio("ratio of odds of a higher rating") if self.link == "logit" else None

    def probabilities(
        self,
        fixed: FloatArray,
        participant_slopes: FloatArray | None = None,
        item_slopes: FloatArray | None = None,
    ) -> FloatArray:
        """Return how people at large would rate items at large: random effects integrated out.

        Parameters
        ----------
        fixed : float array, shape (n_cells, n_fixed)
        participant_slopes, item_slopes : float array, shape (n_cells, k), optional
            Values of the variables with slopes; 0 by default.

        Returns
        -------
        float array, shape (n_cells, n_categories)
        """
        variance = np.zeros(len(fixed))
        parts = ((self.participant_covariance, participant_slopes), (self.item_covariance, item_slopes))
        for covariance, slopes in parts:
            design = np.zeros((len(fixed), len(covariance)))
            design[:, 0] = 1.0
            if slopes is not None:
                design[:, 1:] = slopes.reshape(len(fixed), -1)
            variance += np.einsum("ni,ij,nj->n", design, covariance, design)
        eta = fixed @ self.coefficients
        below = [integrate(self.link, threshold - eta, variance)[0] for threshold in self.thresholds]
        return np.diff(np.column_stack([np.zeros(len(fixed)), *below, np.ones(len(fixed))]), axis=1)


def fit_ordinal(
    *,
    ratings: FloatArray,
    fixed: FloatArray,
    names: Sequence[str],
    participants: IntArray,
    items: IntArray,
    participant_slopes: FloatArray | None = None,
    item_slopes: FloatArray | None = None,
    participant_slopes_correlated: bool = True,
    item_slopes_correlated: bool = True,
    link: Link = "logit",
) -> OrdinalFit:
    """Fit a cumulative-link mixed model by maximum Laplace likelihood.

    Parameters
    ----------
    ratings : float array, shape (n,)
        Ordered answers, such as 1 to 5; only their order counts. NaN for a missing one.
    fixed : float array, shape (n, n_fixed)
        Design of the fixed effects without an intercept: the thresholds are in its place.
    names : sequence of str
        Of its columns.
    participants, items : int array, shape (n,)
        Who rated what; any whole numbers.
    participant_slopes, item_slopes : float array, shape (n, k), optional
        Variables whose effect differs between participants or items, beside the intercepts.
    participant_slopes_correlated, item_slopes_correlated : bool
        Whether intercept and slopes may be correlated.
    link : {"logit", "probit"}

    Returns
    -------
    OrdinalFit
        A rating that nobody gave has no threshold: what is estimated is the order of those given.

    Raises
    ------
    InputError
        For arrays of different lengths, a design that is rank-deficient with an intercept, or fewer than two ratings
        that were given at all.
    AnalysisError
        When the ascent ends before the maximum.
    """
    seen = ~np.isnan(ratings)
    check_lengths(ratings=ratings, fixed=fixed, participants=participants, items=items)
    check_lengths(ratings=ratings, participant_slopes=participant_slopes, item_slopes=item_slopes)
    _check(ratings, fixed, len(names), seen)
    categories, category = np.unique(ratings[seen], return_inverse=True)
    crossing = cross(
        participants=participants,
        items=items,
        participant_slopes=participant_slopes,
        item_slopes=item_slopes,
        seen=seen,
    )
    layout = crossing.lay_out(successes=category.astype(np.float64), trials=np.ones(len(category)), fixed=fixed[seen])
    n_thresholds = len(categories) - 1
    free = crossing.free(
        n_thresholds + len(names),
        correlated_people=participant_slopes_correlated,
        correlated_items=item_slopes_correlated,
    )
    laplace = CumulativeLaplace(layout, link, n_thresholds)
    top = maximise(laplace, _start(layout, category, link), free)
    return _describe(top, tuple(names), categories, crossing, link, fixed[seen])


def _describe(
    top: Maximum,
    names: tuple[str, ...],
    categories: FloatArray,
    crossing: Crossing,
    link: Link,
    design: FloatArray,
) -> OrdinalFit:
    n_thresholds = len(categories) - 1
    beta, covariance = top.parameters.beta[0], covariance_of_all(top)
    of_people, of_items = crossing.in_layout(top.parameters.row_factor[0], top.parameters.column_factor[0])
    own = slice(n_thresholds, n_thresholds + len(names))
    return OrdinalFit(
        names=names,
        coefficients=beta[own],
        covariance=covariance[own, own],
        categories=tuple(float(category) for category in categories),
        thresholds=beta[:n_thresholds],
        threshold_errors=np.sqrt(np.diag(covariance)[:n_thresholds]),
        participant_covariance=of_people @ of_people.T,
        item_covariance=of_items @ of_items.T,
        loglik=top.loglik,
        link=link,
        n_trials=len(design),
        n_participants=len(crossing.people),
        n_items=len(crossing.items),
        certificate=certify(top, design @ beta[own]),
    )


def _check(ratings: FloatArray, fixed: FloatArray, n_names: int, seen: BoolArray) -> None:
    problems = design_problems(fixed, n_names, seen, intercept=True)
    given = np.unique(ratings[seen])
    if len(given) < 2:
        problems.append(f"ratings: at least two different ones were expected, {len(given)} came; nothing to compare")
    if np.isinf(given).any():
        problems.append("ratings: finite numbers were expected, infinite ones came")
    if problems:
        raise InputError("the ordinal mixed model", problems)


def _start(layout: Layout, category: IntArray, link: Link) -> Parameters:
    """Start from the shares of the categories, no effects, and middling variances."""
    shares = np.cumsum(np.bincount(category))[:-1] / len(category)
    thresholds = special.logit(shares) if link == "logit" else special.ndtri(shares)
    beta = np.concatenate([1.1 * thresholds, np.zeros(layout.n_fixed)])
    factors = (start_factor(design.shape[-1], link) for design in (layout.row_design, layout.column_design))
    return Parameters(beta[None], *factors)

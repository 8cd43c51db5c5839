"""Ordered answers: log-likelihood of a category between two thresholds, and its Laplace approximation.

P(y <= j) = F(tau_j - eta) with the logistic or normal F (McCullagh 1980). With a = tau_y - eta above and
b = tau_(y-1) - eta below, the log-likelihood of an answer is g(a, b) = log(F(a) - F(b)). The thresholds are parameters
like the fixed effects, and packed before them.
"""

from copy import copy
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from scipy import special

from analysis.inference.mixed.families import Link, Terms
from analysis.inference.mixed.laplace import Curvature, Evaluation, Laplace, Modes, Parameters
from analysis.inference.mixed.layout import Layout
from analysis.types import FloatArray, IntArray

ENDLESS: Final = 1e6  # the outermost thresholds: F there is 0 or 1, and its derivatives are 0, exactly


@dataclass(frozen=True)
class Slopes:
    """Partial derivatives of g in a (upper) and b (lower), each of the shape of eta; `aab` is that by a, a and b."""

    a: FloatArray
    b: FloatArray
    aa: FloatArray
    ab: FloatArray
    bb: FloatArray
    aaa: FloatArray
    aab: FloatArray
    abb: FloatArray
    bbb: FloatArray


class Cumulative:
    """A family of ordered categories, given the thresholds.

    Parameters
    ----------
    link : {"logit", "probit"}
    thresholds : float array, shape (n_categories - 1,)
        Increasing.
    """

    def __init__(self, link: Link, thresholds: FloatArray) -> None:
        self.link, self.thresholds = link, thresholds
        self._bounds = np.concatenate([[-ENDLESS], thresholds, [ENDLESS]])

    def terms(self, eta: FloatArray, successes: FloatArray, trials: FloatArray) -> Terms:
        """Return log-likelihood, score and weight; `successes` are categories from 0, `trials` 0 for none."""
        loglik, slopes = self._densities(eta, successes)
        score = -(slopes[0] + slopes[1])
        aa, ab, bb = slopes[2:5]
        return Terms(trials * loglik, trials * score, -trials * (aa + 2.0 * ab + bb))

    def weight_slope(self, eta: FloatArray, successes: FloatArray, trials: FloatArray) -> FloatArray:
        """Return the derivative of `weight` in eta."""
        by = self.slopes(eta, successes, trials)
        return by.aaa + 3.0 * by.aab + 3.0 * by.abb + by.bbb

    def probability(self, eta: FloatArray) -> FloatArray:
        """Return the probability of each category, in a last axis."""
        inverse = special.expit if self.link == "logit" else special.ndtr
        below: FloatArray = inverse(self._bounds - eta[..., None])
        return np.diff(below, axis=-1)

    def slopes(self, eta: FloatArray, successes: FloatArray, trials: FloatArray) -> Slopes:
        """Return all derivatives up to the third, by the quotient rule from f / (F(a) - F(b)) and its derivatives."""
        upper, lower = self._between(eta, successes)
        log_mass = self._log_mass(upper, lower)
        (a, a1, a2), (b, b1, b2) = (self._ratios(at, log_mass) for at in (upper, lower))
        parts = (
            a,
            -b,
            a1 - a**2,
            a * b,
            -b1 - b**2,
            a2 - 3.0 * a * a1 + 2.0 * a**3,
            b * (a1 - 2.0 * a**2),
            a * (b1 + 2.0 * b**2),
            -b2 - 3.0 * b * b1 - 2.0 * b**3,
        )
        return Slopes(*(trials * part for part in parts))

    def _densities(self, eta: FloatArray, successes: FloatArray) -> tuple[FloatArray, tuple[FloatArray, ...]]:
        """Return the log-likelihood and its first two orders of derivatives."""
        upper, lower = self._between(eta, successes)
        log_mass = self._log_mass(upper, lower)
        (a, a1, _), (b, b1, _) = (self._ratios(at, log_mass) for at in (upper, lower))
        return log_mass, (a, -b, a1 - a**2, a * b, -b1 - b**2)

    def _between(self, eta: FloatArray, successes: FloatArray) -> tuple[FloatArray, FloatArray]:
        category = successes.astype(np.int64)
        return self._bounds[category + 1] - eta, self._bounds[category] - eta

    def _log_mass(self, upper: FloatArray, lower: FloatArray) -> FloatArray:
        """Return log(F(upper) - F(lower)) without cancellation in the tails."""
        if self.link == "logit":
            # F(a) - F(b) = F(a) F(-b) (1 - exp(b - a))
            mass: FloatArray = special.log_expit(upper) + special.log_expit(-lower) + np.log1p(-np.exp(lower - upper))
            return mass
        turned = upper + lower > 0.0
        high, low = np.where(turned, -lower, upper), np.where(turned, -upper, lower)
        whole = special.log_ndtr(high)
        in_tail: FloatArray = whole + np.log1p(-np.exp(special.log_ndtr(low) - whole))
        return in_tail

    def _ratios(self, at: FloatArray, log_mass: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return f, f' and f'' at a bound over the mass between the bounds."""
        if self.link == "logit":
            ratio = np.exp(special.log_expit(at) + special.log_expit(-at) - log_mass)
            below = special.expit(at)
            return ratio, ratio * (1.0 - 2.0 * below), ratio * (1.0 - 6.0 * below * (1.0 - below))
        ratio = np.exp(-0.5 * at**2 - 0.5 * np.log(2.0 * np.pi) - log_mass)
        return ratio, -at * ratio, (at**2 - 1.0) * ratio


class CumulativeLaplace(Laplace):
    """The approximation for ordered answers; `beta` holds the thresholds, then the fixed effects."""

    family: Cumulative

    def __init__(self, layout: Layout, link: Link, n_thresholds: int) -> None:
        super().__init__(layout, Cumulative(link, np.arange(n_thresholds, dtype=np.float64)))
        self._n_thresholds = n_thresholds
        self._category: IntArray = layout.successes.astype(np.int64).ravel()

    def evaluate(self, at: Parameters, start: Modes) -> Evaluation:
        """Find the modes, then the log-likelihood and its gradient; thresholds out of order have none."""
        if (np.diff(at.beta[0, : self._n_thresholds]) <= 0.0).any():
            nothing = Parameters(*(np.zeros_like(part) for part in (at.beta, at.row_factor, at.column_factor)))
            return Evaluation(np.array([-np.inf]), nothing, np.zeros_like(at.beta), start)
        return self._given(at)._evaluate(self._rest(at), start)

    def curvature(self, at: Parameters, start: Modes) -> Curvature:
        """Return the information on thresholds and fixed effects, and the shrinkages."""
        return self._given(at)._curvature(self._rest(at), start)

    def reach(self, at: Parameters) -> float:
        """Return how far from 0 the fixed effects, the thresholds left out, add up to in any observation."""
        return super().reach(self._rest(at))

    def _given(self, at: Parameters) -> Self:
        other = copy(self)
        other.family = Cumulative(self.family.link, at.beta[0, : self._n_thresholds])
        return other

    def _rest(self, at: Parameters) -> Parameters:
        return Parameters(at.beta[:, self._n_thresholds :], at.row_factor, at.column_factor)

    def _evaluate(self, at: Parameters, start: Modes) -> Evaluation:
        loadings = self._loadings(at)
        modes, eta, terms, system, penalised = self._find_modes(at, loadings, start)
        of = self._implicit(loadings, eta, system)
        rest = self._gradient_of(loadings, modes, terms, of)
        by = self.family.slopes(eta, self.layout.successes, self.layout.trials)
        # As by eta: the likelihood's own slope, that of log|H| at the modes, and that through the modes.
        weight_a, weight_b = -(by.aaa + 2.0 * by.aab + by.abb), -(by.aab + 2.0 * by.abb + by.bbb)
        score_a, score_b = -(by.aa + by.ab), -(by.ab + by.bb)
        upper = by.a - 0.5 * of.leverage * weight_a - 0.5 * of.through * score_a
        lower = by.b - 0.5 * of.leverage * weight_b - 0.5 * of.through * score_b
        thresholds = self._by_threshold(upper, lower)
        gradient = Parameters(np.concatenate([thresholds, rest.beta[0]])[None], rest.row_factor, rest.column_factor)
        profile = np.concatenate([self._by_threshold(by.a, by.b), self._by_beta(terms.score)[0]])
        return Evaluation(penalised - 0.5 * system.logdet, gradient, profile[None], modes)

    def _by_threshold(self, upper: FloatArray, lower: FloatArray) -> FloatArray:
        """Return sums over the answers just below each threshold of `upper`, and just above it of `lower`."""
        n = self._n_thresholds + 1
        above, below = (np.bincount(self._category, part.ravel(), n) for part in (lower, upper))
        return (below[:-1] + above[1:]).astype(np.float64, copy=False)

    def _curvature(self, at: Parameters, start: Modes) -> Curvature:
        loadings = self._loadings(at)
        _, eta, terms, system, _ = self._find_modes(at, loadings, start)
        by = self.family.slopes(eta, self.layout.successes, self.layout.trials)
        change = self._score_slopes(by, terms)
        n, length = self._n_thresholds, change.shape[-1]
        flat = change.reshape(-1, length)
        information = np.empty((length, length))
        information[:n, :n] = -self._between_thresholds(by)
        information[:, n:] = -flat.T @ self.layout.fixed.reshape(-1, length - n)
        information[n:, :n] = information[:n, n:].T
        for j in range(length):
            rows, columns = self._gather(loadings, change[..., j])
            information[:, j] -= flat.T @ self._spread(loadings, *system.solve(rows, columns)).ravel()
        own_rows, own_columns, _ = self._own_blocks(loadings, system)
        return Curvature(
            information[None],
            1.0 - np.diagonal(own_rows, axis1=-2, axis2=-1).mean(axis=1),
            1.0 - np.diagonal(own_columns, axis1=-2, axis2=-1).mean(axis=1),
        )

    def _score_slopes(self, by: Slopes, terms: Terms) -> FloatArray:
        """Return the derivative of each answer's score by thresholds and fixed effects, in a last axis."""
        category = self._category.reshape(self.layout.successes.shape)
        places = np.arange(self._n_thresholds)
        below, above = category[..., None] == places, category[..., None] == places + 1
        thresholds = -(by.aa + by.ab)[..., None] * below - (by.ab + by.bb)[..., None] * above
        return np.concatenate([thresholds, -terms.weight[..., None] * self.layout.fixed], axis=-1)

    def _between_thresholds(self, by: Slopes) -> FloatArray:
        """Return the second derivatives of the likelihood by the thresholds: neighbours meet in one category."""
        own = np.diag(self._by_threshold(by.aa, by.bb))
        n = self._n_thresholds + 1
        neighbours = np.bincount(self._category, by.ab.ravel(), n)[1:-1]
        both: FloatArray = own + np.diag(neighbours, 1) + np.diag(neighbours, -1)
        return both

"""What the model says about people and items at large: probabilities with the random effects integrated out.

A coefficient of a mixed model holds for one participant and one item; averaged over both, effects on probabilities
and odds are smaller (Zeger, Liang & Albert 1988, section 3). The random part of a cell's linear predictor is normal
with variance s^2 = z'Sigma z + q'Omega q, so that its probability is a single integral whatever the number of slopes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from scipy import special

from analysis.errors import InputError
from analysis.inference.mixed.effect import Effect
from analysis.inference.mixed.families import Link
from analysis.inference.mixed.fit import MixedFit
from analysis.types import FloatArray

REFERENCE: Final = "Zeger, Liang & Albert (1988), Biometrics 44"
UNIT: Final = "proportion correct"
LARGEST_STEP: Final = 0.25
HALF_RANGE: Final = 9.0  # standard deviations; beyond lies 2e-19 of the normal distribution
WIDEST: Final = 200.0  # a standard deviation on the logit scale beyond which all that matters is the sign


@dataclass(frozen=True)
class MarginalCells:
    """Probabilities of a correct answer over people and items, and what can be said about their differences.

    Parameters
    ----------
    names : tuple of str
        Of the cells.
    probabilities : float array, shape (n_cells,)
    jacobian : float array, shape (n_cells, n_parameters)
        Derivatives by all parameters, in the order of `MixedFit.parameter_covariance`.
    conditional : float array, shape (n_cells,)
        The linear predictor of the typical participant and item.
    conditional_jacobian : float array, shape (n_cells, n_parameters)
    fit : MixedFit
    """

    names: tuple[str, ...]
    probabilities: FloatArray
    jacobian: FloatArray
    conditional: FloatArray
    conditional_jacobian: FloatArray
    fit: MixedFit

    @property
    def covariance(self) -> FloatArray:
        """Return the covariance of the probabilities, by the delta method; shape (n_cells, n_cells)."""
        covariance: FloatArray = self.jacobian @ self.fit.parameter_covariance @ self.jacobian.T
        return covariance

    def probability(self, name: str, level: float = 0.95) -> Effect:
        """Return a cell's probability; its interval is made on the logit scale and stays between 0 and 1."""
        weights = [float(cell == name) for cell in self.names]
        return self._log_odds(weights, level).as_probability(UNIT)

    def risk_difference(self, weights: Sequence[float], level: float = 0.95) -> Effect:
        """Return a contrast of probabilities, such as (post - pre) explained minus (post - pre) control."""
        direction = self._direction(weights)
        return self._effect(
            float(direction @ self.probabilities), direction @ self.jacobian, level, UNIT, "marginal, delta method"
        )

    def odds_ratio(self, weights: Sequence[float], level: float = 0.95) -> Effect:
        """Return the same contrast as a ratio of marginal odds."""
        return self._log_odds(weights, level).as_ratio("ratio of odds")

    def conditional_odds_ratio(self, weights: Sequence[float], level: float = 0.95) -> Effect | None:
        """Return the same contrast as a ratio of odds of one participant and item; None under a probit link."""
        if self.fit.link != "logit":
            return None
        direction = self._direction(weights)
        found = self._effect(
            float(direction @ self.conditional),
            direction @ self.conditional_jacobian,
            level,
            "log odds",
            "conditional on participant and item, Wald",
        )
        return found.as_ratio("ratio of odds")

    def _log_odds(self, weights: Sequence[float], level: float) -> Effect:
        direction = self._direction(weights)
        inside = np.clip(self.probabilities, 1e-300, 1.0 - 1e-16)
        slopes = (direction / (inside * (1.0 - inside))) @ self.jacobian
        value = float(direction @ special.logit(inside))
        return self._effect(value, slopes, level, "log odds", "marginal, delta method on the log odds")

    def _direction(self, weights: Sequence[float]) -> FloatArray:
        if len(weights) != len(self.names):
            raise InputError("weights", [f"one for each of {len(self.names)} cells was expected, {len(weights)} came"])
        return np.asarray(weights, dtype=np.float64)

    def _effect(self, value: float, slopes: FloatArray, level: float, unit: str, method: str) -> Effect:
        error = float(np.sqrt(max(float(slopes @ self.fit.parameter_covariance @ slopes), 0.0)))
        return Effect.difference(
            value,
            error if self.fit.certificate.is_maximum else None,
            level=level,
            unit=unit,
            n_participants=self.fit.n_participants,
            method=method,
            reference=REFERENCE,
        )


def marginal_cells(
    fit: MixedFit,
    *,
    names: Sequence[str],
    fixed: FloatArray,
    participant_slopes: FloatArray | None = None,
    item_slopes: FloatArray | None = None,
) -> MarginalCells:
    """Integrate participants and items out of the probabilities of some cells.

    Parameters
    ----------
    fit : MixedFit
    names : sequence of str
        Of the cells.
    fixed : float array, shape (n_cells, n_fixed)
        Their rows of the design that was fitted.
    participant_slopes, item_slopes : float array, shape (n_cells, k), optional
        Their values of the variables that had slopes in the fit.

    Returns
    -------
    MarginalCells

    Raises
    ------
    InputError
        When the columns are not those of the fit.

    Notes
    -----
    Under the probit link the integral has a closed form; under the logit link the trapezoidal rule has an error below
    1e-12, since it converges geometrically for what is analytic in a strip (Trefethen & Weideman 2014, section 5).
    """
    of_people = _with_intercept(participant_slopes, len(fixed), len(fit.participant_factor), "participant_slopes")
    of_items = _with_intercept(item_slopes, len(fixed), len(fit.item_factor), "item_slopes")
    if fixed.ndim != 2 or fixed.shape != (len(names), len(fit.names)):
        wanted = f"a row for each of {len(names)} cells and {len(fit.names)} columns were expected"
        raise InputError("fixed", [f"{wanted}, shape {fixed.shape} came"])
    loaded = of_people @ fit.participant_factor, of_items @ fit.item_factor
    conditional = fixed @ fit.coefficients
    variance = sum((part**2).sum(axis=1) for part in loaded)
    probability, by_eta, by_variance = integrate(fit.link, conditional, np.asarray(variance))
    triangles = [_by_factor(design, part) for design, part in zip((of_people, of_items), loaded, strict=True)]
    n_others = sum(part.shape[1] for part in triangles)
    return MarginalCells(
        names=tuple(names),
        probabilities=probability,
        jacobian=np.column_stack([by_eta[:, None] * fixed, *(by_variance[:, None] * part for part in triangles)]),
        conditional=conditional,
        conditional_jacobian=np.column_stack([fixed, np.zeros((len(fixed), n_others))]),
        fit=fit,
    )


def integrate(link: Link, eta: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return E g(eta + e), e normal with mean 0 and this variance, and its derivatives by eta and by the variance.

    By the variance it is E g'' / 2 (the heat equation), which needs no division where the variance is 0.

    Parameters
    ----------
    link : {"logit", "probit"}
    eta, variance : float array, shape (n,)

    Returns
    -------
    tuple of three float arrays, shape (n,)
    """
    if link == "probit":
        spread = np.sqrt(1.0 + variance)
        scaled = eta / spread
        density = np.exp(-0.5 * scaled**2) / np.sqrt(2.0 * np.pi)
        return special.ndtr(scaled), density / spread, -0.5 * scaled * density / spread**2
    deviation = np.minimum(np.sqrt(variance), WIDEST)
    # The poles of the logistic function lie pi / s off the real line: the error is of order exp(-2 pi^2 / (s step)).
    step = min(LARGEST_STEP, 0.5 / max(float(deviation.max(initial=0.0)), 1e-9))
    half = int(np.ceil(HALF_RANGE / step))
    nodes = step * np.arange(-half, half + 1)
    weights = np.exp(-0.5 * nodes**2)
    mean = partial(np.average, axis=1, weights=weights)
    values = special.expit(eta[:, None] + deviation[:, None] * nodes)
    slopes = values * special.expit(-(eta[:, None] + deviation[:, None] * nodes))
    return mean(values), mean(slopes), 0.5 * mean(slopes * (1.0 - 2.0 * values))


def _by_factor(design: FloatArray, loaded: FloatArray) -> FloatArray:
    """Return the derivative of z'F F'z by the lower triangle of F: 2 z_a (F'z)_b."""
    rows, columns = np.tril_indices(design.shape[1])
    derivative: FloatArray = 2.0 * design[:, rows] * loaded[:, columns]
    return derivative


def _with_intercept(slopes: FloatArray | None, n_cells: int, n_effects: int, name: str) -> FloatArray:
    ones = np.ones((n_cells, 1))
    whole = ones if slopes is None else np.column_stack([ones, slopes.reshape(len(slopes), -1)])
    if whole.shape[1] != n_effects:
        raise InputError(name, [f"{n_effects - 1} columns were expected, as in the fit; {whole.shape[1] - 1} came"])
    return whole

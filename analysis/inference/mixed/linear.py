"""Fit a linear mixed model with crossed participants and items; tests with Satterthwaite's degrees of freedom."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from analysis.errors import InputError
from analysis.inference.mixed.crossing import Crossing, check_lengths, cross, design_problems
from analysis.inference.mixed.effect import Effect
from analysis.inference.mixed.fit import ON_THE_BOUNDARY, Certificate
from analysis.inference.mixed.gaussian import Products
from analysis.inference.mixed.reml import Criterion, Minimum, minimise
from analysis.types import BoolArray, FloatArray, IntArray

REFERENCE: Final = "Satterthwaite (1946); Fai & Cornelius (1996); Kuznetsova, Brockhoff & Christensen (2017)"
RESIDUAL_IS_ROUNDING: Final = 1e-4  # of the values' deviation
MOST_FREEDOM: Final = 1e12  # degrees of freedom beyond which t is normal
NO_SPREAD: Final = 1e-12  # residuals below this share of the values are rounding


@dataclass(frozen=True)
class FTest:
    """A test that several contrasts are zero together.

    Parameters
    ----------
    statistic, p_value : float or None
        None where nothing varies.
    degrees_of_freedom : int
        Of the numerator: independent contrasts.
    residual_degrees_of_freedom : float or None
        Of the denominator.
    n_participants : int
    method, reference : str
    """

    statistic: float | None
    p_value: float | None
    degrees_of_freedom: int
    residual_degrees_of_freedom: float | None
    n_participants: int
    method: str
    reference: str


@dataclass(frozen=True)
class LinearFit:
    """A fitted linear mixed model.

    Parameters
    ----------
    names : tuple of str
        Of the fixed effects.
    coefficients : float array, shape (n_fixed,)
        In `unit`.
    covariance : float array, shape (n_fixed, n_fixed)
    participant_covariance, item_covariance : float array, shape (k, k) and (c, c)
        Of intercept and slopes.
    residual_deviation : float
        Standard deviation of what is left.
    loglik : float
        Restricted log-likelihood, or the log-likelihood if `is_restricted` is false. Infinite where nothing is left.
    is_restricted : bool
    unit : str
    n_trials, n_participants, n_items : int
    certificate : Certificate
    covariance_slopes : float array, shape (n_variances, n_fixed, n_fixed)
        Derivatives of `covariance` by the free entries of the factors and the residual deviation.
    variance_covariance : float array, shape (n_variances, n_variances)
        Covariance of the latter, from the Hessian.
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    covariance: FloatArray
    participant_covariance: FloatArray
    item_covariance: FloatArray
    residual_deviation: float
    loglik: float
    is_restricted: bool
    unit: str
    n_trials: int
    n_participants: int
    n_items: int
    certificate: Certificate
    covariance_slopes: FloatArray
    variance_covariance: FloatArray

    @property
    def standard_errors(self) -> FloatArray:
        """Return the standard errors of the coefficients."""
        errors: FloatArray = np.sqrt(np.diag(self.covariance))
        return errors

    def degrees_of_freedom(self, weights: Sequence[float]) -> float | None:
        """Return Satterthwaite's degrees of freedom of a contrast; None where nothing varies.

        2 v^2 / (g'A g), with v the contrast's variance, g its derivative by the variances and A their covariance
        (Kuznetsova et al. 2017, section 2.3).
        """
        direction = np.asarray(weights, dtype=np.float64)
        variance = float(direction @ self.covariance @ direction)
        slopes = np.einsum("i,vij,j->v", direction, self.covariance_slopes, direction)
        spread = float(slopes @ self.variance_covariance @ slopes)
        return 2.0 * variance**2 / spread if spread > 0.0 and variance > 0.0 else None

    def contrast(self, weights: Sequence[float], level: float = 0.95) -> Effect:
        """Return a linear combination of the coefficients, with the t test of Satterthwaite's degrees of freedom."""
        if len(weights) != len(self.names):
            raise InputError("weights", [f"{len(self.names)} were expected, {len(weights)} came"])
        direction = np.asarray(weights, dtype=np.float64)
        freedom = self.degrees_of_freedom(weights)
        error = float(np.sqrt(max(float(direction @ self.covariance @ direction), 0.0)))
        return Effect.difference(
            float(direction @ self.coefficients),
            error if freedom is not None else None,
            level=level,
            unit=self.unit,
            n_participants=self.n_participants,
            method=f"linear mixed model by {'REML' if self.is_restricted else 'ML'}, Satterthwaite",
            reference=REFERENCE,
            degrees_of_freedom=freedom,
        )

    def effect(self, name: str, level: float = 0.95) -> Effect:
        """Return a coefficient."""
        return self.contrast([float(own == name) for own in self.names], level)

    def test(self, contrasts: FloatArray) -> FTest:
        """Test that several contrasts are zero together (Fai & Cornelius 1996, section 2).

        Parameters
        ----------
        contrasts : float array, shape (n_contrasts, n_fixed)
        """
        rows = np.atleast_2d(np.asarray(contrasts, dtype=np.float64))
        values, vectors = np.linalg.eigh(rows @ self.covariance @ rows.T)
        telling = values > 1e-10 * max(float(values.max(initial=0.0)), 1e-300)
        directions = vectors[:, telling].T @ rows
        squares = (directions @ self.coefficients) ** 2 / values[telling]
        freedoms = [self.degrees_of_freedom(direction.tolist()) for direction in directions]
        known = np.array([freedom for freedom in freedoms if freedom is not None])
        method = "F test of the linear mixed model"
        if not len(known) or len(known) < len(freedoms):
            return FTest(None, None, int(telling.sum()), None, self.n_participants, method, REFERENCE)
        statistic, freedom = float(squares.mean()), _joint_freedom(known)
        p = float(stats.f.sf(statistic, len(known), freedom))
        return FTest(statistic, p, len(known), freedom, self.n_participants, method, REFERENCE)


def fit_linear(
    *,
    values: FloatArray,
    fixed: FloatArray,
    names: Sequence[str],
    participants: IntArray,
    items: IntArray,
    participant_slopes: FloatArray | None = None,
    item_slopes: FloatArray | None = None,
    participant_slopes_correlated: bool = True,
    item_slopes_correlated: bool = True,
    restricted: bool = True,
    unit: str = "unit of the outcome",
) -> LinearFit:
    """Fit a linear mixed model by restricted or plain maximum likelihood.

    With right answers (0 or 1) as values it is the linear probability mixed model.

    Parameters
    ----------
    values : float array, shape (n,)
        The outcome in `unit`; NaN for a trial that is missing.
    fixed : float array, shape (n, n_fixed)
        Design of the fixed effects, with an intercept if there is to be one.
    names : sequence of str
        Of its columns.
    participants, items : int array, shape (n,)
        Who answered what; any whole numbers.
    participant_slopes, item_slopes : float array, shape (n, k), optional
        Variables whose effect differs between participants or items, beside the intercepts.
    participant_slopes_correlated, item_slopes_correlated : bool
        Whether intercept and slopes may be correlated.
    restricted : bool
        REML, for estimates; False for ML, which likelihood ratios of fixed effects need.
    unit : str

    Returns
    -------
    LinearFit
        Data that do not vary at all included: standard errors are 0, and contrasts have no interval.

    Raises
    ------
    InputError
        For arrays of different lengths, infinite values, a rank-deficient design, or too few observations.

    Notes
    -----
    A factor of one level, or of a level for each observation, cannot be told from the intercept or the residual: its
    variance is held at 0, and `certificate.is_singular`. Source: Patterson & Thompson (1971); Bates et al. (2015).
    """
    seen = ~np.isnan(values)
    check_lengths(values=values, fixed=fixed, participants=participants, items=items)
    check_lengths(values=values, participant_slopes=participant_slopes, item_slopes=item_slopes)
    _check(values, fixed, len(names), seen)
    crossing = cross(
        participants=participants,
        items=items,
        participant_slopes=participant_slopes,
        item_slopes=item_slopes,
        seen=seen,
    )
    design = fixed[seen]
    # Least squares first: what is left has no large mean whose square would drown the rest.
    first = np.linalg.lstsq(design, values[seen], rcond=None)[0].astype(np.float64, copy=False)
    left = values[seen] - design @ first
    names = tuple(names)
    if np.abs(left).max() <= NO_SPREAD * max(float(np.abs(values[seen]).max()), 1e-300):
        return _without_spread(names, first, crossing, restricted, unit)
    scale = float(np.sqrt(np.mean(left**2)))
    layout = crossing.lay_out(successes=left / scale, trials=np.ones(len(left)), fixed=design)
    masks = crossing.in_layout(
        _free(crossing.person_design, len(crossing.people), participant_slopes_correlated),
        _free(crossing.item_design, len(crossing.items), item_slopes_correlated),
    )
    found = minimise(Criterion(Products.of(layout, len(left)), masks, reml=restricted))
    return _describe(found, names, first, scale, crossing, restricted, unit)


def _describe(
    found: Minimum,
    names: tuple[str, ...],
    first: FloatArray,
    scale: float,
    crossing: Crossing,
    restricted: bool,
    unit: str,
) -> LinearFit:
    """Return the results, from units of `scale` back to those of the values."""
    n, sigma = len(crossing.person), found.sigma * scale
    of_people, of_items = crossing.in_layout(*found.factors)
    freedom = n - len(names) if restricted else n
    return LinearFit(
        names=names,
        coefficients=first + scale * found.profile.beta,
        covariance=sigma**2 * found.profile.unscaled,
        participant_covariance=sigma**2 * of_people @ of_people.T,
        item_covariance=sigma**2 * of_items @ of_items.T,
        residual_deviation=sigma,
        loglik=-0.5 * (found.deviance + 2.0 * freedom * np.log(scale)),
        is_restricted=restricted,
        unit=unit,
        n_trials=n,
        n_participants=len(crossing.people),
        n_items=len(crossing.items),
        certificate=_certificate(found),
        covariance_slopes=scale**2 * found.covariance_slopes,
        variance_covariance=_variance_covariance(found),
    )


def _without_spread(
    names: tuple[str, ...], coefficients: FloatArray, crossing: Crossing, restricted: bool, unit: str
) -> LinearFit:
    n_fixed = len(names)
    nothing = np.zeros((n_fixed, n_fixed))
    k, c = crossing.person_design.shape[1], crossing.item_design.shape[1]
    return LinearFit(
        names=names,
        coefficients=coefficients,
        covariance=nothing,
        participant_covariance=np.zeros((k, k)),
        item_covariance=np.zeros((c, c)),
        residual_deviation=0.0,
        loglik=float("inf"),
        is_restricted=restricted,
        unit=unit,
        n_trials=len(crossing.person),
        n_participants=len(crossing.people),
        n_items=len(crossing.items),
        certificate=Certificate(0.0, 0.0, is_singular=True, is_separated=False, evaluations=0),
        covariance_slopes=nothing[None],
        variance_covariance=np.zeros((1, 1)),
    )


def _check(values: FloatArray, fixed: FloatArray, n_names: int, seen: BoolArray) -> None:
    problems = design_problems(fixed, n_names, seen)
    if np.isinf(values).any():
        problems.append("values: finite numbers were expected, infinite ones came; a time of 0 ms has no logarithm")
    if int(seen.sum()) <= n_names:
        problems.append(f"values: more than {n_names} observations were expected, {int(seen.sum())} came")
    if problems:
        raise InputError("the linear mixed model", problems)


def _free(design: FloatArray, n_levels: int, correlated: bool) -> BoolArray:
    """Return which entries of a factor are fitted."""
    size = design.shape[1]
    free = np.tril(np.ones((size, size), dtype=np.bool_)) if correlated else np.eye(size, dtype=np.bool_)
    return free & (1 < n_levels < len(design))


def _variance_covariance(found: Minimum) -> FloatArray:
    """Invert the Hessian, directions of no information left out, as lmerTest does."""
    values, vectors = np.linalg.eigh(found.hessian)
    telling = values > 1e-8 * values.max()
    covariance: FloatArray = 2.0 * (vectors[:, telling] / values[telling]) @ vectors[:, telling].T
    return covariance


def _certificate(found: Minimum) -> Certificate:
    covariance = _variance_covariance(found)
    gradient = np.append(found.gradient, 0.0)
    scale = np.sqrt(np.diag(covariance))
    # Each factor's own deviations in units of the residual's. Where nothing is left for the residual they run off.
    no_residual = found.sigma <= RESIDUAL_IS_ROUNDING
    deviations = np.concatenate([np.abs(np.diag(factor)) for factor in found.factors])
    return Certificate(
        gain=float(0.125 * gradient @ covariance @ gradient),
        smallest_eigenvalue=float(np.linalg.eigvalsh(0.5 * found.hessian * np.outer(scale, scale)).min()),
        is_singular=bool((deviations < ON_THE_BOUNDARY).any() or no_residual),
        is_separated=False,
        evaluations=found.evaluations,
    )


def _joint_freedom(freedoms: FloatArray) -> float:
    """Return the denominator's degrees of freedom whose F has the mean of the average of the squared t's."""
    if np.ptp(freedoms) < 1e-8 * freedoms.max():
        return float(freedoms.mean())
    if (freedoms <= 2.0).any():
        return 2.0
    # The mean of F is nu / (nu - 2): E = sum nu_m / (nu_m - 2), and 2 E / (E - q) with E - q free of cancellation.
    known = np.minimum(freedoms, MOST_FREEDOM)
    return float((known / (known - 2.0)).sum() / (1.0 / (known - 2.0)).sum())

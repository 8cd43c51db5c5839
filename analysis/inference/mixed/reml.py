"""The minimum of the (restricted) likelihood criterion over the variances, and how sure they are."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize

from analysis.inference.mixed.gaussian import Factors, Products, Profile, profile
from analysis.types import BoolArray, FloatArray

START_INTERCEPT: Final = 0.6  # standard deviations to start from, of the residual's
START_SLOPE: Final = 0.3
LARGEST: Final = 1e5  # of a factor's entries: beside such deviations the residuals are rounding
NOTHING: Final = 1e-10  # the smallest residual deviation, in units of the values' own: what is left is rounding
STEP: Final = 1e-3  # of differences of the exact gradient, of fourth order: error 1e-12 relative, rounding alike
POLISHES: Final = 4
_OPTIONS: Final = {"ftol": 1e-14, "gtol": 1e-6, "maxiter": 500, "maxcor": 20}


@dataclass(frozen=True)
class Minimum:
    """Where the search ended.

    Parameters
    ----------
    factors : pair of float arrays
        Rows and columns, relative to sigma.
    sigma : float
        Residual standard deviation.
    profile : Profile
    deviance : float
        Minus twice the (restricted) log-likelihood.
    gradient : float array, shape (n_free,)
        Of the deviance by the free entries of the factors, sigma profiled out.
    hessian : float array, shape (n_free + 1, n_free + 1)
        Of the deviance by the free entries and sigma.
    covariance_slopes : float array, shape (n_free + 1, n_fixed, n_fixed)
        Derivatives of the coefficients' covariance by the same.
    evaluations : int
    """

    factors: Factors
    sigma: float
    profile: Profile
    deviance: float
    gradient: FloatArray
    hessian: FloatArray
    covariance_slopes: FloatArray
    evaluations: int


class Criterion:
    """Minus twice the (restricted) log-likelihood of some data, as a function of the free entries of the factors.

    Parameters
    ----------
    products : Products
    free : pair of bool arrays, shape (k, k) and (c, c)
        Entries of the factors that are fitted; the others are 0.
    reml : bool
    """

    def __init__(self, products: Products, free: tuple[BoolArray, BoolArray], *, reml: bool) -> None:
        self.products, self.free, self.reml = products, free, reml
        self.evaluations = 0
        self.freedom = products.n - (products.total.shape[0] - 1 if reml else 0)

    def factors(self, place: FloatArray) -> Factors:
        """Return the factors at some place."""
        split = int(self.free[0].sum())
        first, second = (np.zeros(mask.shape) for mask in self.free)
        first[self.free[0]], second[self.free[1]] = place[:split], place[split:]
        return first, second

    def profile(self, place: FloatArray) -> Profile:
        """Solve at some place."""
        self.evaluations += 1
        return profile(self.products, self.factors(place))

    def sigma(self, found: Profile) -> float:
        """Return the residual standard deviation that is best there."""
        return max(float(np.sqrt(max(found.residual, 0.0) / self.freedom)), NOTHING)

    def deviance(self, found: Profile, sigma: float) -> float:
        """Return the criterion."""
        information = np.linalg.slogdet(found.weighted[:-1, :-1])[1] if self.reml else 0.0
        scale = self.freedom * np.log(2.0 * np.pi * sigma**2)
        return float(found.logdet + information + scale + found.residual / sigma**2)

    def slopes(self, found: Profile, sigma: float) -> FloatArray:
        """Return its derivatives by the free entries of the factors, sigma held."""
        return self._free_of(self._slopes_by_factor(found, sigma))

    def slopes_of_all(self, place: FloatArray, sigma: float) -> FloatArray:
        """Return its derivatives by the free entries and sigma."""
        found = self.profile(place)
        by_sigma = 2.0 * self.freedom / sigma - 2.0 * found.residual / sigma**3
        return np.append(self.slopes(found, sigma), by_sigma)

    def residual_slopes(self, found: Profile) -> FloatArray:
        """Return the derivatives of r^2 by the free entries."""
        return self._free_of(found.residual_slopes())

    def covariance_slopes(self, found: Profile, sigma: float) -> FloatArray:
        """Return the derivatives of sigma^2 (X'V^-1 X)^-1 by the free entries and sigma."""
        by_factor = self._free_of(found.unscaled_slopes()) * sigma**2
        return np.concatenate([by_factor, 2.0 * sigma * found.unscaled[None]])

    def _slopes_by_factor(self, found: Profile, sigma: float) -> Factors:
        rows, columns = (
            logdet + residual / sigma**2
            for logdet, residual in zip(found.logdet_slopes, found.residual_slopes(), strict=True)
        )
        if not self.reml:
            return rows, columns
        of_rows, of_columns = found.information_slopes()
        return rows + of_rows, columns + of_columns

    def _free_of(self, of_factors: Factors) -> FloatArray:
        return np.concatenate([part[mask] for part, mask in zip(of_factors, self.free, strict=True)])


def minimise(criterion: Criterion) -> Minimum:
    """Find the minimum: quasi-Newton steps with the exact gradient, then Newton's with the Hessian."""
    place = _start(criterion.free)

    def profiled(at: FloatArray) -> tuple[float, FloatArray]:
        found = criterion.profile(at)
        sigma = criterion.sigma(found)
        return criterion.deviance(found, sigma), criterion.slopes(found, sigma)

    if len(place):
        bounds = [(-LARGEST, LARGEST)] * len(place)
        place = optimize.minimize(profiled, place, jac=True, method="L-BFGS-B", bounds=bounds, options=_OPTIONS).x
        place = _polished(criterion, profiled(place)[0], place)
    found = criterion.profile(place)
    sigma = criterion.sigma(found)
    return Minimum(
        criterion.factors(place),
        sigma,
        found,
        criterion.deviance(found, sigma),
        criterion.slopes(found, sigma),
        _hessian(criterion, place, sigma),
        criterion.covariance_slopes(found, sigma),
        criterion.evaluations,
    )


def _start(free: tuple[BoolArray, BoolArray]) -> FloatArray:
    starts = []
    for mask in free:
        deviations = np.full(len(mask), START_SLOPE)
        deviations[0] = START_INTERCEPT
        starts.append(np.diag(deviations)[mask])
    return np.concatenate(starts)


def _polished(criterion: Criterion, deviance: float, place: FloatArray) -> FloatArray:
    """Go Newton steps while they lead downwards, to where rounding begins; one rough Hessian does for all."""
    values, vectors = np.linalg.eigh(_rough_hessian(criterion, place))
    if values.min() <= 1e-10 * values.max():
        return place
    for _ in range(POLISHES):
        found = criterion.profile(place)
        gradient = criterion.slopes(found, criterion.sigma(found))
        tried = place - vectors @ ((vectors.T @ gradient) / values)
        there = criterion.profile(tried)
        lower = criterion.deviance(there, criterion.sigma(there))
        if not lower <= deviance + 1e-12 * abs(deviance):
            break
        far = np.abs(tried - place).max()
        place, deviance = tried, lower
        if far < 1e-10:
            break
    return place


def _rough_hessian(criterion: Criterion, place: FloatArray) -> FloatArray:
    """Return central differences of the profiled gradient."""
    hessian = np.empty((len(place), len(place)))
    for number, shift in enumerate(1e-4 * np.eye(len(place))):
        up, down = (criterion.profile(place + way * shift) for way in (1.0, -1.0))
        change = criterion.slopes(up, criterion.sigma(up)) - criterion.slopes(down, criterion.sigma(down))
        hessian[number] = change / 2e-4
    symmetric: FloatArray = 0.5 * (hessian + hessian.T)
    return symmetric


def _hessian(criterion: Criterion, place: FloatArray, sigma: float) -> FloatArray:
    """Return differences of the exact gradient, of fourth order by the factors; by sigma in closed form."""
    n = len(place)
    hessian = np.empty((n + 1, n + 1))
    found = criterion.profile(place)
    for number in range(n):
        size = STEP * max(1.0, abs(float(place[number])))
        shift = size * np.eye(n)[number]
        one, two = (
            criterion.slopes_of_all(place + far * shift, sigma) - criterion.slopes_of_all(place - far * shift, sigma)
            for far in (1.0, 2.0)
        )
        hessian[number] = (8.0 * one - two) / (12.0 * size)
    hessian[n, :n] = hessian[:n, n] = -2.0 * criterion.residual_slopes(found) / sigma**3
    hessian[n, n] = -2.0 * criterion.freedom / sigma**2 + 6.0 * found.residual / sigma**4
    symmetric: FloatArray = 0.5 * (hessian + hessian.T)
    return symmetric

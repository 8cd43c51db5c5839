"""The maximum of the approximated likelihood: quasi-Newton ascent, then the Hessian and a certificate."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.errors import AnalysisError
from analysis.inference.mixed.laplace import Curvature, Evaluation, Laplace, Modes, Parameters
from analysis.inference.mixed.packing import pack, unpack
from analysis.types import BoolArray, FloatArray

GAIN: Final = 1e-9  # stop when a step promises less than this of the log-likelihood
LONGEST_STEP: Final = 2.0
MAX_STEPS: Final = 200
PATIENCE: Final = 60  # steps after which fixed effects that stand for certainty are taken to run away for ever
FAR: Final = 40.0  # on the scale of the link; a probability of 1 but for rounding
STEP_OF_DIFFERENCES: Final = 0.01  # in standard errors: error of the Hessian about 1e-5 relative, noise below


@dataclass(frozen=True)
class Maximum:
    """Where the ascent ended, for one data set.

    Parameters
    ----------
    parameters : Parameters
    loglik : float
    gradient : float array, shape (n_free,)
        At the maximum, by the free ones of the parameters that `packing.pack` packs.
    hessian : float array, shape (n_free, n_free)
        Of the log-likelihood, by differences of the exact gradient.
    free : bool array, shape (n_parameters,)
        Which parameters were fitted; the others stayed where they began.
    modes : Modes
    evaluations : int
        Of likelihood and gradient, those of the Hessian included.
    """

    parameters: Parameters
    loglik: float
    gradient: FloatArray
    hessian: FloatArray
    free: BoolArray
    modes: Modes
    evaluations: int


def maximise(laplace: Laplace, start: Parameters, free: BoolArray | None = None) -> Maximum:
    """Climb from `start` to the maximum.

    Parameters
    ----------
    laplace : Laplace
    start : Parameters
        With one set.
    free : bool array, shape (n_parameters,), optional
        Which packed parameters to fit: all by default, every fixed effect in any case.

    Raises
    ------
    AnalysisError
        When no step leads upwards although the gradient is not zero; it carries what to look at.
    """
    climb = _Climb(laplace, start, np.ones(pack(start).shape[1], dtype=np.bool_) if free is None else free)
    climb.to_the_top()
    hessian = climb.hessian()
    climb.newton_step(hessian)
    return Maximum(
        climb.parameters(climb.place),
        climb.loglik,
        climb.gradient,
        hessian,
        climb.free,
        climb.modes,
        climb.evaluations,
    )


class _Climb:
    """One ascent. The place, and what is known there."""

    def __init__(self, laplace: Laplace, start: Parameters, free: BoolArray) -> None:
        self._laplace, self._start, self.free = laplace, start, free
        self.evaluations = 0
        self.modes = laplace.no_effects()
        place = self._free_of(start)
        self._go_to(place, self._evaluate(place))
        inverse = _first_inverse(laplace.curvature(start, self.modes), start, laplace)
        self._inverse = inverse[np.ix_(free, free)]

    def parameters(self, place: FloatArray) -> Parameters:
        """Return all parameters, those included that are not fitted."""
        whole = pack(self._start)
        whole[0, self.free] = place
        return unpack(whole, self._start)

    def _free_of(self, parameters: Parameters) -> FloatArray:
        free: FloatArray = pack(parameters)[0, self.free]
        return free

    def _evaluate(self, place: FloatArray) -> Evaluation:
        self.evaluations += 1
        return self._laplace.evaluate(self.parameters(place), self.modes)

    def _go_to(self, place: FloatArray, found: Evaluation) -> None:
        self.place, self.loglik, self.modes = place, float(found.loglik[0]), found.modes
        self.gradient, self.profile = self._free_of(found.gradient), found.profile[0]

    def to_the_top(self) -> None:
        """BFGS steps on the inverse Hessian (Nocedal & Wright 2006, algorithm 6.1) with backtracking."""
        for number in range(MAX_STEPS):
            direction = self._inverse @ self.gradient
            if 0.5 * self.gradient @ direction < GAIN:
                return
            if number >= PATIENCE and self._laplace.reach(self.parameters(self.place)) > FAR:
                return  # separated answers have no maximum; the certificate says so
            direction *= min(1.0, LONGEST_STEP / np.abs(direction).max())
            before = self.gradient
            step = self._step_along(direction)
            self._learn(step, before - self.gradient)
        raise AnalysisError(
            f"the mixed model did not converge in {MAX_STEPS} steps (log-likelihood {self.loglik:.6f}); look for a"
            " fixed effect that is a combination of others"
        )

    def _step_along(self, direction: FloatArray) -> FloatArray:
        rise = float(self.gradient @ direction)
        share = 1.0
        while share > 1e-8:
            found = self._evaluate(self.place + share * direction)
            if found.loglik[0] >= self.loglik + 1e-4 * share * rise - 1e-11 * abs(self.loglik):
                step = share * direction
                self._go_to(self.place + step, found)
                return step
            share *= 0.4
        raise AnalysisError(
            f"the mixed model stopped at log-likelihood {self.loglik:.6f} with a gradient of"
            f" {np.abs(self.gradient).max():.3g}; look for a fixed effect that is a combination of others"
        )

    def _learn(self, step: FloatArray, fall: FloatArray) -> None:
        curvature = float(step @ fall)
        if curvature <= 1e-10 * float(np.sqrt((step @ step) * (fall @ fall))):
            return
        identity = np.eye(len(step))
        left = identity - np.outer(step, fall) / curvature
        self._inverse = left @ self._inverse @ left.T + np.outer(step, step) / curvature

    def hessian(self) -> FloatArray:
        """Differences of the exact gradient: central ones by the factors, one-sided ones by beta.

        By beta the penalised likelihood has a second derivative in closed form, so that differences are taken of the
        rest alone, that of -log|H| / 2. It is some percent of the whole, and so is its error: one side is enough.
        """
        n_fixed = self._start.beta.shape[-1]
        sizes = STEP_OF_DIFFERENCES * np.sqrt(np.clip(np.diag(self._inverse), 1e-6, 1.0))
        shifts = np.diag(sizes)
        hessian = np.empty((len(sizes), len(sizes)))
        for number in range(n_fixed, len(sizes)):
            up, down = (
                self._free_of(self._evaluate(self.place + way * shifts[number]).gradient) for way in (1.0, -1.0)
            )
            hessian[number] = hessian[:, number] = (up - down) / (2.0 * sizes[number])
        here = self.gradient[:n_fixed] - self.profile
        information = self._laplace.curvature(self.parameters(self.place), self.modes).beta[0]
        for number in range(n_fixed):
            found = self._evaluate(self.place + shifts[number])
            rest = found.gradient.beta[0] - found.profile[0]
            hessian[number, :n_fixed] = (rest - here) / sizes[number] - information[number]
        symmetric: FloatArray = 0.5 * (hessian + hessian.T)
        return symmetric

    def newton_step(self, hessian: FloatArray) -> None:
        """Go the last step with the Hessian itself, where it leads upwards."""
        values, vectors = np.linalg.eigh(-hessian)
        if values.min() <= 0.0:
            return
        step = vectors @ ((vectors.T @ self.gradient) / values)
        if np.abs(step).max() > 1e-12:
            found = self._evaluate(self.place + step)
            if found.loglik[0] >= self.loglik - 1e-12 * abs(self.loglik):
                self._go_to(self.place + step, found)


def _first_inverse(curvature: Curvature, start: Parameters, laplace: Laplace) -> FloatArray:
    """Return the first quasi-Newton matrix: the information on beta, and a rough one on each factor.

    Were the effects themselves seen, the information on a standard deviation s of n levels would be 2n / s^2; what
    the data explain of them, the shrinkage, counts twice.
    """
    n_fixed = start.beta.shape[-1]
    of = laplace.layout
    parts = (
        (start.row_factor[0], curvature.row_shrinkage[0], of.n_rows),
        (start.column_factor[0], curvature.column_shrinkage[0], of.n_columns),
    )
    diagonal = [
        max(levels * (1.0 + (a == b)) * shrinkage[a] * shrinkage[b], 1.0) / max(factor[b, b] ** 2, 0.01)
        for factor, shrinkage, levels in parts
        for a, b in zip(*np.tril_indices(len(factor)), strict=True)
    ]
    inverse = np.zeros((n_fixed + len(diagonal), n_fixed + len(diagonal)))
    inverse[:n_fixed, :n_fixed] = np.linalg.inv(curvature.beta[0] + 1e-8 * np.eye(n_fixed))
    np.fill_diagonal(inverse[n_fixed:, n_fixed:], 1.0 / np.array(diagonal))
    return inverse

"""Many data sets of one shape fitted side by side: what planning by simulation needs, at a fraction of the cost.

All start where the truth is, which a simulation knows, and climb with one quasi-Newton matrix, the inverse Hessian
that a few full fits agree on. Where they arrive each set's own Hessian is taken by differences of the exact gradient:
it makes the last step, and the standard errors that a full fit has, the variances' uncertainty included.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.errors import AnalysisError
from analysis.inference.mixed.ascent import maximise
from analysis.inference.mixed.families import Family
from analysis.inference.mixed.information import inverse_of, is_definite
from analysis.inference.mixed.laplace import Evaluation, Laplace, Modes, Parameters
from analysis.inference.mixed.layout import Layout
from analysis.inference.mixed.packing import pack, unpack
from analysis.types import BoolArray, FloatArray, IntArray

# Of the log-likelihood that a step must promise to be gone: 0.014 standard errors, which the last step leads over.
GAIN: Final = 1e-4
MAX_STEPS: Final = 40
MAX_ROUNDS: Final = 6
# Of the differences, in standard errors: so short that one Newton step finds the modes again to about 1e-10, and the
# Hessian is good to about 1e-4.
STEP_OF_DIFFERENCES: Final = 1e-4


@dataclass(frozen=True)
class BatchFit:
    """Fits of many sets.

    Parameters
    ----------
    coefficients, standard_errors : float array, shape (n_sets, n_fixed)
    converged : bool array, shape (n_sets,)
        The others are to be counted and shown, never dropped in silence.
    """

    coefficients: FloatArray
    standard_errors: FloatArray
    converged: BoolArray


def pilot(layout: Layout, family: Family, truth: Parameters) -> FloatArray:
    """Fit every set of a small layout in full, and return what they tell the many.

    Returns
    -------
    float array, shape (n_parameters, n_parameters)
        The inverse of their mean information on all parameters: a quasi-Newton matrix to start with.

    Raises
    ------
    AnalysisError
        When none of them has a maximum: the design cannot be fitted.
    """
    sets = (layout.take(np.array([number])) for number in range(layout.n_sets))
    hessians = [maximise(Laplace(one, family), truth).hessian for one in sets]
    founded = [-hessian for hessian in hessians if is_definite(-hessian)]
    if not founded:
        raise AnalysisError("none of the pilot studies could be fitted; plan more people, more trials or fewer effects")
    inverse: FloatArray = np.linalg.inv(np.mean(founded, axis=0))
    return inverse


def fit_batch(layout: Layout, family: Family, truth: Parameters, inverse: FloatArray) -> BatchFit:
    """Fit all sets of a layout, starting from the truth.

    Parameters
    ----------
    layout : Layout
    family : Family
    truth : Parameters
        With one set: what every set was simulated from.
    inverse : float array, shape (n_parameters, n_parameters)
        What `pilot` found.

    Returns
    -------
    BatchFit
        With z statistics within 0.01 of those of full fits (tests/analysis/inference/mixed/test_batch.py).
    """
    n_sets = layout.n_sets
    start = Parameters(
        *(np.repeat(part, n_sets, axis=0) for part in (truth.beta, truth.row_factor, truth.column_factor))
    )
    climb = _Climb(Laplace(layout, family), start, inverse)
    last, covariance = climb.to_the_tops()
    errors = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    return BatchFit((climb.places + last)[:, : layout.n_fixed], errors[:, : layout.n_fixed], climb.arrived)


class _Climb:
    """Many ascents at once, an entry a set in everything; sets that have arrived are taken out of the work."""

    def __init__(self, laplace: Laplace, start: Parameters, inverse: FloatArray) -> None:
        self._whole, self._start = laplace, start
        self._inverse = np.repeat(inverse[None], len(start.beta), axis=0)
        self._shifts = np.diag(STEP_OF_DIFFERENCES * np.sqrt(np.diag(inverse)))
        found = laplace.evaluate(start, laplace.no_effects())
        self.places, self.modes = pack(start), found.modes
        self.loglik, self.gradient = found.loglik.copy(), pack(found.gradient)
        self.arrived = np.zeros(len(self.places), dtype=np.bool_)

    def to_the_tops(self) -> tuple[FloatArray, FloatArray]:
        """Climb; return the last steps, which are left to go, and the covariances there.

        A set whose own Hessian promises more of the last step than its quasi-Newton matrix did climbs on with it: near
        a variance of zero the likelihood is flatter than any pilot's.
        """
        sets = np.arange(len(self.places))
        last, covariance = np.zeros_like(self.places), np.zeros_like(self._inverse)
        for _ in range(MAX_ROUNDS):
            self._climb(sets)
            information = self._information(sets)
            self._inverse[sets], covariance[sets] = inverse_of(information, unknown=0.0), inverse_of(information)
            last[sets], far = self._steps(sets)
            sets = sets[far]
            if not len(sets):
                break
        self.arrived[sets] = False
        return last, covariance

    def _steps(self, sets: IntArray) -> tuple[FloatArray, BoolArray]:
        """Return the next steps of some sets, and which of them promise to be worth it."""
        steps = np.einsum("bij,bj->bi", self._inverse[sets], self.gradient[sets])
        return steps, 0.5 * np.einsum("bi,bi->b", self.gradient[sets], steps) > GAIN

    def _climb(self, climbing: IntArray) -> None:
        self.arrived[climbing] = True
        share = np.ones(len(self.places))
        for _ in range(MAX_STEPS):
            steps, far = self._steps(climbing)
            climbing, steps = climbing[far], steps[far]
            if not len(climbing):
                break
            steps *= share[climbing, None]
            found = self._evaluate(climbing, steps)
            up = found.loglik >= self.loglik[climbing] - 1e-10 * np.abs(self.loglik[climbing])
            share[climbing] = np.where(up, 1.0, 0.5 * share[climbing])
            self._go_to(climbing[up], steps[up], found, up)
        self.arrived[climbing] = False

    def _evaluate(self, sets: IntArray, steps: FloatArray) -> Evaluation:
        part = self._part(sets)
        start = Modes(self.modes.rows[sets], self.modes.columns[sets])
        return part.evaluate(unpack(self.places[sets] + steps, self._start), start)

    def _go_to(self, sets: IntArray, steps: FloatArray, found: Evaluation, up: BoolArray) -> None:
        gradient = pack(found.gradient)[up]
        self._learn(sets, steps, self.gradient[sets] - gradient)
        self.places[sets] += steps
        self.loglik[sets], self.gradient[sets] = found.loglik[up], gradient
        self.modes.rows[sets], self.modes.columns[sets] = found.modes.rows[up], found.modes.columns[up]

    def _learn(self, sets: IntArray, steps: FloatArray, falls: FloatArray) -> None:
        """Update the matrices of some sets (BFGS), where the step tells of curvature."""
        curvature = np.einsum("bi,bi->b", steps, falls)
        telling = curvature > 1e-12
        sets, steps, falls, curvature = sets[telling], steps[telling], falls[telling], curvature[telling, None, None]
        left = np.eye(steps.shape[1]) - steps[:, :, None] * falls[:, None, :] / curvature
        outer = steps[:, :, None] * steps[:, None, :] / curvature
        self._inverse[sets] = left @ self._inverse[sets] @ left.swapaxes(1, 2) + outer

    def _part(self, sets: IntArray) -> Laplace:
        if len(sets) == len(self.places):
            return self._whole
        return Laplace(self._whole.layout.take(sets), self._whole.family)

    def _information(self, sets: IntArray) -> FloatArray:
        """Return minus the Hessians of some sets, by differences of the gradient along each parameter."""
        part, modes = self._part(sets), Modes(self.modes.rows[sets], self.modes.columns[sets])
        falls = []
        for way in self._shifts:
            found = part.evaluate(unpack(self.places[sets] + way, self._start), modes)
            falls.append((self.gradient[sets] - pack(found.gradient)) / way.sum())
        slopes = np.stack(falls, axis=2)
        symmetric: FloatArray = 0.5 * (slopes + slopes.swapaxes(1, 2))
        return symmetric

"""Intervals that hold at all times together: look whenever, stop for any reason.

Robbins, H. (1970), Ann. Math. Statist. 41, 1397-1409; Howard, S. R., Ramdas, A., McAuliffe, J. & Sekhon, J. (2021),
Ann. Statist. 49, 1055-1080 (two-sided normal mixture); Waudby-Smith, I., Arbour, D., Sinha, R., Kennedy, E. H. &
Ramdas, A. (2024), Ann. Statist. 52, 2613-2640 (the same with an estimated variance, as steps grow many).
"""

from dataclasses import dataclass
from math import log, sqrt
from typing import Final

import numpy as np
from scipy import special

from analysis.errors import InputError
from analysis.inference.sequential.blocks import BlockSteps
from analysis.types import Interval

FIRST: Final = 10  # steps before the estimated variance is trusted


@dataclass(frozen=True)
class SequencePoint:
    """The effect after some steps, with an interval that holds at every step together.

    Parameters
    ----------
    step : int
        Filled permuted blocks used, from 1.
    estimate : float
        Mean of the blocks' differences, by size.
    interval : Interval or None
        None before enough steps, or while no block differs from another.
    n_enrolments : int
        People with an outcome so far.
    """

    step: int
    estimate: float
    interval: Interval | None
    n_enrolments: int


@dataclass(frozen=True)
class ConfidenceSequence:
    """An effect over the course of a study.

    Parameters
    ----------
    points : tuple of SequencePoint
        One a step; empty while no block is full.
    rho2 : float
        Variance of the mixing distribution, in units of the steps' variance.
    unit : str
    method, reference : str
    """

    points: tuple[SequencePoint, ...]
    rho2: float
    unit: str
    method: str = "asymptotic confidence sequence, normal mixture, one step a filled permuted block"
    reference: str = "Waudby-Smith et al. 2024, Ann. Statist. 52; Howard et al. 2021, Ann. Statist. 49"


def mixture_radius(time: float, rho2: float, alpha: float) -> float:
    """Return half the width of the interval for the mean of `time` steps of variance 1.

    Parameters
    ----------
    time : float
        Steps, above 0; a step of twice the size counts twice.
    rho2 : float
        Variance of the mixing distribution, above 0.
    alpha : float
        Chance that the interval ever misses.

    Raises
    ------
    InputError
        When one of them is out of bounds.
    """
    if not (time > 0 and rho2 > 0 and 0 < alpha < 1):
        raise InputError(
            "confidence sequence", [f"expected time > 0, rho2 > 0, 0 < alpha < 1; found {time}, {rho2}, {alpha}"]
        )
    grown = time * rho2 + 1
    return sqrt(2 * grown / (time**2 * rho2) * log(sqrt(grown) / alpha))


def tuned_for(time: float, alpha: float) -> float:
    """Return the rho2 that makes the interval narrowest after `time` steps.

    It is the minimum of `mixture_radius` over rho2; with y = time rho2 + 1 it lies where y - log y = 1 - 2 log alpha,
    which is the lower branch of Lambert's W (Howard et al. 2021).
    """
    if not (time > 0 and 0 < alpha < 1):
        raise InputError("confidence sequence", [f"expected time > 0 and 0 < alpha < 1, found {time} and {alpha}"])
    grown = -float(special.lambertw(-np.exp(2 * log(alpha) - 1), k=-1).real)
    return (grown - 1) / time


def confidence_sequence(steps: BlockSteps, *, level: float, rho2: float, unit: str = "") -> ConfidenceSequence:
    """Follow a difference of two arms block by block.

    Parameters
    ----------
    steps : BlockSteps
    level : float
        Chance that no interval of the sequence misses, for many steps.
    rho2 : float
        Fixed by the plan; see `tuned_for`.
    unit : str
        Of the outcome.

    Returns
    -------
    ConfidenceSequence
    """
    time = np.cumsum(steps.weights)
    estimate = np.cumsum(steps.weights * steps.differences) / np.where(time > 0, time, 1.0)
    # A step of weight w has variance sigma^2 / w, so w times its squared distance is worth sigma^2, whatever w is.
    squares = np.cumsum(steps.weights * steps.differences**2) - time * estimate**2
    people = np.cumsum(steps.n_enrolments)
    return ConfidenceSequence(
        points=tuple(
            SequencePoint(
                step=k + 1,
                estimate=float(estimate[k]),
                interval=_interval(k + 1, float(estimate[k]), float(squares[k]), float(time[k]), level, rho2),
                n_enrolments=int(people[k]),
            )
            for k in range(len(steps))
        ),
        rho2=rho2,
        unit=unit,
    )


def _interval(step: int, estimate: float, squares: float, time: float, level: float, rho2: float) -> Interval | None:
    if step < FIRST or squares <= 1e-12 * max(1.0, estimate**2 * time):
        return None
    half = sqrt(squares / (step - 1)) * mixture_radius(time, rho2, 1 - level)
    return Interval(estimate - half, estimate + half, level)

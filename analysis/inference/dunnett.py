"""Several arms against one control in a single step, by quadrature: the same digits every time.

Dunnett, C. W. (1955), JASA 50, 1096-1121. With one variance the differences from the control share its error, so their
t statistics are correlated by r_ij = l_i l_j with l_i = sqrt(n_i / (n_i + n_0)). Given the control's error z and the
ratio s of the estimated to the true standard deviation they are independent, and the probability that the largest
exceeds c is a double integral over z (normal) and s (chi over the root of its degrees of freedom). Both are summed by
the trapezoidal rule, s on the logarithmic scale, where it converges faster than any power of the step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf
from typing import Final, Literal

import numpy as np
from scipy import optimize, special

from analysis.errors import InputError
from analysis.inference.student import t_quantile
from analysis.types import FloatArray, IntArray, Interval

Sides = Literal[1, 2]

REFERENCE: Final = "Dunnett 1955, JASA 50"
NORMAL_REACH: Final = 8.7  # beyond lies less than 1e-17 of the normal distribution
STEPS_A_WIDTH: Final = 1.2  # times the root of the arms and one: the rule's error is then below 1e-12
CHI_STEPS: Final = (
    (50.0, 64),
    (8.0, 128),
    (2.0, 320),
    (0.0, 1000),
)  # from so many degrees of freedom on; fewer are less smooth
TAIL: Final = 1e-17
MARGIN: Final = 1e-6


@dataclass(frozen=True)
class DunnettDifference:
    """One arm minus the control.

    Parameters
    ----------
    arm, minus : int
    value : float
        In the unit of the outcome.
    standard_error : float
    statistic : float
        Their ratio.
    p_value : float
        Adjusted for all the arms; two-sided.
    interval : Interval
        Of a set that covers all the differences at once with the probability `level`.
    n : int
        People of the two arms.
    """

    arm: int
    minus: int
    value: float
    standard_error: float
    statistic: float
    p_value: float
    interval: Interval
    n: int


@dataclass(frozen=True)
class Dunnett:
    """Every arm against the control.

    Parameters
    ----------
    differences : tuple of DunnettDifference
        In the order of the arms' numbers; empty where `problem` says why.
    critical_value : float or None
        That the largest statistic exceeds with the probability 1 - level.
    degrees_of_freedom : float or None
    problem : str or None
    method, reference : str
    """

    differences: tuple[DunnettDifference, ...]
    critical_value: float | None
    degrees_of_freedom: float | None
    problem: str | None
    method: str
    reference: str


def dunnett(values: FloatArray, arm: IntArray, *, control: int, level: float = 0.95) -> Dunnett:
    """Compare every arm's mean with the control's; the error over all of them is 1 - level.

    Parameters
    ----------
    values : float array, shape (n,)
        One a participant; NaN are left out.
    arm : int array, shape (n,)
    control : int
        A value of `arm`.
    level : float
        Of the simultaneous intervals.

    Returns
    -------
    Dunnett
        With a problem where an arm has nobody left, or nobody differs from anybody within the arms.
    """
    seen = ~np.isnan(values)
    arms = [k for k in np.unique(arm).tolist() if k != control]
    groups = {k: values[seen & (arm == k)] for k in (control, *arms)}
    empty = [k for k, group in groups.items() if not len(group)]
    freedom = float(seen.sum() - len(groups))
    if empty or not arms or freedom < 1:
        what = f"arm {empty[0]} has nobody with a value" if empty else "too few people or arms to compare"
        return _without(what)
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in groups.values())
    if within <= (1e-12 * max(1.0, float(np.abs(values[seen]).max()))) ** 2 * len(values):
        return _without("nobody differs from anybody within the arms")
    sizes = [len(groups[k]) for k in arms]
    loadings = shared_control_loadings(sizes, len(groups[control]))
    critical = critical_value(1 - level, loadings, freedom)
    scale = np.sqrt(within / freedom)
    differences = []
    for k, size in zip(arms, sizes, strict=True):
        value = float(groups[k].mean() - groups[control].mean())
        error = float(scale * np.sqrt(1 / size + 1 / len(groups[control])))
        differences.append(
            DunnettDifference(
                arm=k,
                minus=control,
                value=value,
                standard_error=error,
                statistic=value / error,
                p_value=exceedance(abs(value / error), loadings, freedom),
                interval=Interval(value - critical * error, value + critical * error, level),
                n=size + len(groups[control]),
            )
        )
    method = "Dunnett's single-step test and simultaneous intervals, one variance, by quadrature"
    return Dunnett(tuple(differences), critical, freedom, None, method, REFERENCE)


def _without(problem: str) -> Dunnett:
    return Dunnett((), None, None, problem, "no test", REFERENCE)


def shared_control_loadings(sizes: Sequence[float], control_size: float) -> FloatArray:
    """Return l_i = sqrt(n_i / (n_i + n_0)), whose products are the correlations of the differences.

    Parameters
    ----------
    sizes : sequence of float
        People of each arm, or (for any estimates with one control) 1 / the variance of each arm's own part.
    control_size : float
        The same of the control.

    Returns
    -------
    float array, shape (n_arms,)
    """
    own = np.asarray(sizes, dtype=np.float64)
    loadings: FloatArray = np.sqrt(own / (own + control_size))
    return loadings


def critical_value(alpha: float, loadings: FloatArray, freedom: float, *, sides: Sides = 2) -> float:
    """Return what the largest statistic exceeds with the probability alpha.

    Parameters
    ----------
    alpha : float
        Between 0 and 1.
    loadings : float array, shape (n_arms,)
        As from `shared_control_loadings`.
    freedom : float
        Degrees of freedom of the variance; infinite where it is known.
    sides : {1, 2}
        Whether the largest statistic is meant, or the largest in absolute value.

    Returns
    -------
    float

    Raises
    ------
    InputError
        As `exceedance` does.
    """
    # Between one test alone and Bonferroni's; the margin is for a single arm, where the two are one.
    low, high = (t_quantile(1 - alpha / (sides * count), freedom) for count in (1, len(loadings)))

    def excess(c: float) -> float:
        return exceedance(c, loadings, freedom, sides=sides) - alpha

    root: float = optimize.brentq(excess, low - MARGIN, high + MARGIN, xtol=1e-12, rtol=1e-13)
    return root


def exceedance(c: float, loadings: FloatArray, freedom: float, *, sides: Sides = 2) -> float:
    """Return the probability, were no arm different, that the largest statistic is c or more.

    Parameters
    ----------
    c : float
        Not negative when two-sided.
    loadings, freedom, sides
        As in `critical_value`.

    Returns
    -------
    float
        To 1e-12, and to about 1e-9 of itself where it is small.

    Raises
    ------
    InputError
        When a loading is not between 0 and 1, or the degrees of freedom are not positive.
    """
    loadings = np.asarray(loadings, dtype=np.float64)
    if not (len(loadings) and ((loadings >= 0) & (loadings < 1)).all()):
        raise InputError("Dunnett's test", [f"loadings: expected numbers from 0 to below 1, found {loadings.tolist()}"])
    if not freedom > 0:
        raise InputError("Dunnett's test", [f"degrees of freedom: expected more than 0, found {freedom}"])
    ratio, ratio_weight = _ratios(freedom)
    error, error_weight = _control_errors(loadings, sides)
    own = np.sqrt(1 - loadings**2)
    within = np.zeros((len(ratio), len(error)))  # log probability that no arm exceeds
    for loading, spread in zip(loadings, own, strict=True):
        tail = special.ndtr((loading * error - c * ratio[:, None]) / spread)
        if sides == 2:
            tail += special.ndtr((-loading * error - c * ratio[:, None]) / spread)
        within += np.log1p(-np.minimum(tail, 1.0 - 2**-53))
    # Summing what exceeds, not what does not, keeps the digits of a small probability.
    exceeding = float(ratio_weight @ -np.expm1(within) @ error_weight)
    return min(1.0, exceeding)


def _control_errors(loadings: FloatArray, sides: Sides) -> tuple[FloatArray, FloatArray]:
    """Return points of the control's error and their weights; a steep loading asks for narrow steps."""
    steepest = float(loadings.max())
    width = min(1.0, float(np.sqrt(1 - steepest**2)) / steepest) if steepest else 1.0
    n = int(np.ceil(NORMAL_REACH * STEPS_A_WIDTH * np.sqrt(len(loadings) + 1) / width))
    points = np.linspace(0, NORMAL_REACH, n + 1)
    weights = np.exp(-(points**2) / 2)
    weights[0] /= 2
    if sides == 1:  # two-sided, an error and its mirror image give the same
        points, weights = np.append(-points[::-1], points), np.append(weights[::-1], weights)
    return points, weights / weights.sum()


def _ratios(freedom: float) -> tuple[FloatArray, FloatArray]:
    """Return points of s, a chi variable over the root of its degrees of freedom, and their weights."""
    if isinf(freedom):
        return np.ones(1), np.ones(1)
    lowest = max(float(special.gammaincinv(freedom / 2, TAIL)), np.finfo(np.float64).tiny)
    highest = float(special.gammainccinv(freedom / 2, TAIL))
    steps = next(steps for least, steps in CHI_STEPS if freedom >= least)
    logs = np.linspace(np.log(2 * lowest / freedom) / 2, np.log(2 * highest / freedom) / 2, steps + 1)
    # d log s: s^v exp(-v s^2 / 2), but for a constant.
    exponent = freedom * logs - freedom / 2 * np.expm1(2 * logs)
    weights = np.exp(exponent - exponent.max())
    return np.exp(logs), weights / weights.sum()

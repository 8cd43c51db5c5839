"""Analysis of covariance: the outcome after, by arm, given the outcome before.

Van Breukelen, G. J. P. (2006), J. Clin. Epidemiol. 59: in a randomized study this has more power than the test on
differences, and is as free of bias. With slopes by arm (centred on everybody's mean before) it is Lin, W. (2013), Ann.
Appl. Stat. 7: never less precise than the difference of means in a large study, whatever the truth is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from analysis.errors import InputError
from analysis.inference.cluster_robust import RobustCoefficient, cluster_robust
from analysis.inference.student import t_interval, two_sided_p
from analysis.types import FloatArray, IntArray, Interval

Errors = Literal["pooled", "HC2"]
Slopes = Literal["common", "by_arm"]

REFERENCE: Final = "Van Breukelen 2006, J. Clin. Epidemiol. 59"
REFERENCE_BY_ARM: Final = "Lin 2013, Ann. Appl. Stat. 7"


@dataclass(frozen=True)
class AdjustedDifference:
    """One arm minus the control, people alike before.

    Parameters
    ----------
    arm, minus : int
    value, standard_error, degrees_of_freedom, p_value : float or None
        In the unit of the outcome; None where an arm has nobody or too few to know the error.
    interval : Interval or None
    n : int
        People of the two arms.
    """

    arm: int
    minus: int
    value: float | None
    standard_error: float | None
    degrees_of_freedom: float | None
    p_value: float | None
    interval: Interval | None
    n: int


@dataclass(frozen=True)
class Ancova:
    """The adjusted differences of every arm from the control.

    Parameters
    ----------
    differences : tuple of AdjustedDifference
        In the order of the arms' numbers.
    slope : float or None
        Rise of the outcome after for each unit before; in the control where slopes are by arm.
    n : int
        People with both values.
    problem : str or None
        Why nothing could be estimated.
    method, reference : str
    """

    differences: tuple[AdjustedDifference, ...]
    slope: float | None
    n: int
    problem: str | None
    method: str
    reference: str


def ancova(
    after: FloatArray,
    before: FloatArray,
    arm: IntArray,
    *,
    control: int,
    errors: Errors = "HC2",
    slopes: Slopes = "common",
    level: float = 0.95,
) -> Ancova:
    """Compare every arm with the control after, given the value before.

    Parameters
    ----------
    after, before : float array, shape (n,)
        One a participant; people who lack one of them are left out.
    arm : int array, shape (n,)
    control : int
        A value of `arm`.
    errors : {"HC2", "pooled"}
        Allowing the arms to vary differently (CR2 with every person a cluster, Satterthwaite degrees of freedom), or
        the classical errors with one variance.
    slopes : {"common", "by_arm"}
    level : float
        Of the intervals.

    Returns
    -------
    Ancova

    Raises
    ------
    InputError
        When the lengths differ, or nobody is in the control arm.
    """
    _check(after, before, arm, control)
    seen = ~np.isnan(after) & ~np.isnan(before)
    arms = [k for k in np.unique(arm[seen]).tolist() if k != control]
    columns, names = _columns(before[seen], arm[seen], arms, slopes)
    fit = cluster_robust(after[seen], columns, names, np.arange(seen.sum()), correction="CR2", level=level)
    found = fit.coefficients
    if errors == "pooled" and fit.problem is None:
        found = _pooled(after[seen], columns, found, level)
    by_arm = dict(zip(arms, found[2:], strict=False))
    kind = "one variance" if errors == "pooled" else "HC2 standard errors, Satterthwaite t tests"
    return Ancova(
        differences=tuple(
            _difference(by_arm.get(k), k, control, int(np.isin(arm[seen], (k, control)).sum()))
            for k in np.unique(arm).tolist()
            if k != control
        ),
        slope=found[1].value,
        n=int(seen.sum()),
        problem=fit.problem,
        method=f"analysis of covariance, {'one slope' if slopes == 'common' else 'a slope in each arm'}, {kind}",
        reference=REFERENCE if slopes == "common" else REFERENCE_BY_ARM,
    )


def _check(after: FloatArray, before: FloatArray, arm: IntArray, control: int) -> None:
    found = []
    if not len(after) == len(before) == len(arm):
        found.append(f"expected as many values as arms, found {len(after)}, {len(before)} and {len(arm)}")
    if control not in arm:
        found.append(f"control: expected one of the arms, found {control}, in which nobody is")
    if found:
        raise InputError("analysis of covariance", found)


def _columns(
    before: FloatArray, arm: IntArray, arms: Sequence[int], slopes: Slopes
) -> tuple[FloatArray, tuple[str, ...]]:
    """Return ones, the centred value before, one indicator an arm, and their products where slopes differ."""
    centred = before - (before.mean() if len(before) else 0.0)
    indicators = [(arm == k).astype(np.float64) for k in arms]
    columns = [np.ones(len(before)), centred, *indicators]
    names = ["(Intercept)", "before", *(f"arm {k}" for k in arms)]
    if slopes == "by_arm":
        columns += [centred * indicator for indicator in indicators]
        names += [f"before:arm {k}" for k in arms]
    return np.stack(columns, axis=1), tuple(names)


def _pooled(
    after: FloatArray, columns: FloatArray, fitted: Sequence[RobustCoefficient], level: float
) -> tuple[RobustCoefficient, ...]:
    """Put the classical errors in place: one residual variance, n - p degrees of freedom."""
    beta = np.array([one.value for one in fitted], dtype=np.float64)
    residual = after - columns @ beta
    freedom = float(len(after) - len(beta))
    if freedom < 1 or np.abs(residual).max() <= 1e-12 * max(1.0, float(np.abs(after).max())):
        return tuple(RobustCoefficient(one.name, one.value, None, None, None, None) for one in fitted)
    variance = float(residual @ residual) / freedom
    errors = np.sqrt(variance * np.diag(np.linalg.inv(columns.T @ columns)))
    return tuple(
        RobustCoefficient(
            one.name,
            float(value),
            float(error),
            freedom,
            two_sided_p(float(value / error), freedom),
            t_interval(float(value), float(error), freedom, level),
        )
        for one, value, error in zip(fitted, beta, errors, strict=True)
    )


def _difference(one: RobustCoefficient | None, arm: int, control: int, n: int) -> AdjustedDifference:
    if one is None:
        return AdjustedDifference(arm, control, None, None, None, None, None, n)
    return AdjustedDifference(
        arm, control, one.value, one.standard_error, one.degrees_of_freedom, one.p_value, one.interval, n
    )

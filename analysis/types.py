"""What crosses the border of this package: intervals, contrasts, estimates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
LabelArray = NDArray[np.int8]
TextArray = NDArray[np.object_]

Family = Literal["primary", "secondary", "sensitivity", "other"]


@dataclass(frozen=True)
class Interval:
    """A two-sided interval.

    Parameters
    ----------
    low, high : float
        In the unit of what it belongs to.
    level : float
        Confidence level, between 0 and 1.
    """

    low: float
    high: float
    level: float


@dataclass(frozen=True)
class Contrast:
    """Two arms compared, by their keys: the first minus the second."""

    arm: str
    minus: str


@dataclass(frozen=True)
class Estimate:
    """One planned contrast, estimated: first arm minus second.

    Parameters
    ----------
    estimand : str
        Key in `ESTIMANDS`.
    contrast : Contrast
        The arms.
    family : {"primary", "secondary", "sensitivity", "other"}
        Only primary estimates are tested together and adjusted together; "other" ones are of another outcome.
    label : str
        What this contrast is about, in a few words.
    value : float or None
        In `unit`. None when an arm has nobody whose outcome was observed: what a rule fills in is no estimate.
    unit : str
        Such as "proportion correct" or "ms".
    interval : Interval or None
        None when an arm has fewer than two people, or nobody differs from anybody.
    conservative_interval : Interval or None
        From resampling participants and items; None where it was not asked for or cannot be had.
    p_value : float or None
        Two-sided; None when the plan asked for no test or there is none.
    p_adjusted : float or None
        Adjusted over the primary family; None outside it.
    n_enrolments : mapping of str to int
        Enrolments counted, by arm, after the missing-data rule.
    method : str
        How value, intervals and p were made, with the number of draws.
    """

    estimand: str
    contrast: Contrast
    family: Family
    label: str
    value: float | None
    unit: str
    interval: Interval | None
    conservative_interval: Interval | None
    p_value: float | None
    p_adjusted: float | None
    n_enrolments: Mapping[str, int]
    method: str

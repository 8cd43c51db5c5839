"""What an explanation does to those who use it: the complier average effect, and the per-protocol difference beside it.

Angrist, J. D., Imbens, G. W. & Rubin, D. B. (1996), JASA 91: if the arm matters only through using what it offers, and
nobody does the opposite of what the arm asks, then the difference of the outcomes over the difference of the shares of
users is the effect among those who use it because they were given it. The interval is Fieller's (1954, J. R. Statist.
Soc. B 16), which is right also when few comply: it may then be without end.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from analysis.errors import InputError
from analysis.inference.student import t_quantile, two_sided_p
from analysis.inference.welch import Mean, welch
from analysis.types import BoolArray, FloatArray, Interval

REFERENCE: Final = "Angrist, Imbens & Rubin 1996, JASA 91; Fieller 1954, J. R. Statist. Soc. B 16"
PER_PROTOCOL_REFERENCE: Final = "ICH E9(R1) 2019; Hernan & Robins 2017, N. Engl. J. Med. 377"


@dataclass(frozen=True)
class ComplierEffect:
    """The effect among compliers, first arm against second.

    Parameters
    ----------
    value : float or None
        In the unit of the outcome; None where both arms used it alike, or an arm has nobody.
    standard_error : float or None
        By the delta method, for orientation; the interval is not made of it.
    interval : Interval or None
        None where it has no end: then `is_bounded` is False, or there is no spread.
    is_bounded : bool
        Whether the difference in use is clear enough for the interval to end.
    p_value : float or None
        Of no effect: that of the difference by allocation, which needs no assumption.
    by_allocation : Mean
        The difference of the outcomes as allocated.
    complier_share : Mean
        The difference of the shares of users.
    n : tuple of int
        People of each arm.
    method, reference : str
    """

    value: float | None
    standard_error: float | None
    interval: Interval | None
    is_bounded: bool
    p_value: float | None
    by_allocation: Mean
    complier_share: Mean
    n: tuple[int, int]
    method: str
    reference: str


@dataclass(frozen=True)
class PerProtocol:
    """The difference among those who did as the plan says, first arm minus second; allocation does not protect it.

    Parameters
    ----------
    difference : Mean
    n : tuple of int
        People counted, by arm.
    n_left_out : tuple of int
        People with a value who did not do as planned, by arm.
    method, reference : str
    """

    difference: Mean
    n: tuple[int, int]
    n_left_out: tuple[int, int]
    method: str
    reference: str


def complier_effect(
    first: FloatArray, first_used: BoolArray, second: FloatArray, second_used: BoolArray, *, level: float = 0.95
) -> ComplierEffect:
    """Estimate the effect among those who use what the first arm offers because they were given it.

    Parameters
    ----------
    first, second : float array, shape (n,)
        Outcomes as allocated; NaN are left out.
    first_used, second_used : bool array, shape (n,)
        Whether the person used it, such as looked at the explanation; in the second arm usually nobody.
    level : float
        Of the intervals.

    Returns
    -------
    ComplierEffect

    Raises
    ------
    InputError
        When lengths differ.
    """
    _check((first, second), (first_used, second_used))
    groups = [(y[~np.isnan(y)], d[~np.isnan(y)].astype(np.float64))
              for y, d in ((first, first_used), (second, second_used))]  # fmt: skip
    (y1, d1), (y2, d2) = groups
    effect, share = welch(y1, y2, level), welch(d1, d2, level)
    n, method = (len(y1), len(y2)), "ratio of the differences by allocation (two-stage least squares), Fieller interval"
    if not share.value or effect.value is None or min(n) < 2:
        p = _p_of(effect)
        return ComplierEffect(None, None, None, False, p, effect, share, n, method, REFERENCE)
    ratio = effect.value / share.value
    residual = welch(y1 - ratio * d1, y2 - ratio * d2, level)
    moments = _moments(groups)
    is_bounded, interval = _fieller(effect.value, share.value, moments, residual.degrees_of_freedom, level)
    error = residual.standard_error / abs(share.value) if residual.standard_error is not None else None
    return ComplierEffect(ratio, error, interval, is_bounded, _p_of(effect), effect, share, n, method, REFERENCE)


def _check(values: tuple[FloatArray, FloatArray], used: tuple[BoolArray, BoolArray]) -> None:
    wrong = [
        f"{name} arm: expected as many outcomes as marks, found {len(y)} and {len(d)}"
        for name, y, d in zip(("first", "second"), values, used, strict=True)
        if len(y) != len(d)
    ]
    if wrong:
        raise InputError("compliers", wrong)


def _p_of(difference: Mean) -> float | None:
    if difference.value is None or not difference.standard_error or difference.degrees_of_freedom is None:
        return None
    return two_sided_p(difference.value / difference.standard_error, difference.degrees_of_freedom)


def _moments(groups: list[tuple[FloatArray, FloatArray]]) -> FloatArray:
    """Return the covariance of the two differences, outcome first; shape (2, 2)."""
    total = np.zeros((2, 2))
    for y, d in groups:
        total += np.cov(np.stack([y, d])) / len(y)
    return total


def _fieller(
    effect: float, share: float, moments: FloatArray, freedom: float | None, level: float
) -> tuple[bool, Interval | None]:
    """Return whether the set of ratios that no test rejects has ends, and the set if so."""
    if freedom is None:
        return True, None
    square = t_quantile((1 + level) / 2, freedom) ** 2
    a = share**2 - square * float(moments[1, 1])
    b = effect * share - square * float(moments[0, 1])
    c = effect**2 - square * float(moments[0, 0])
    if a <= 0:
        return False, None
    half = sqrt(max(0.0, b**2 - a * c)) / a
    return True, Interval(b / a - half, b / a + half, level)


def per_protocol(
    first: FloatArray, first_complied: BoolArray, second: FloatArray, second_complied: BoolArray, *, level: float = 0.95
) -> PerProtocol:
    """Compare those who did as the plan says.

    Parameters
    ----------
    first, second : float array, shape (n,)
        NaN are left out.
    first_complied, second_complied : bool array, shape (n,)
    level : float

    Returns
    -------
    PerProtocol

    Raises
    ------
    InputError
        When lengths differ.
    """
    _check((first, second), (first_complied, second_complied))
    seen = ~np.isnan(first), ~np.isnan(second)
    kept = seen[0] & first_complied, seen[1] & second_complied
    return PerProtocol(
        difference=welch(first[kept[0]], second[kept[1]], level),
        n=(int(kept[0].sum()), int(kept[1].sum())),
        n_left_out=(int((seen[0] & ~first_complied).sum()), int((seen[1] & ~second_complied).sum())),
        method="Welch interval among those who did as planned; who did may differ between arms",
        reference=PER_PROTOCOL_REFERENCE,
    )

"""How much a t statistic speaks for a difference, or for none: the default Bayes factor.

Rouder, J. N., Speckman, P. L., Sun, D., Morey, R. D. & Iverson, G. (2009), Psychon. Bull. Rev. 16, eq. 1 (with the
scale of Morey & Rouder): a Cauchy prior on the standardised difference, Jeffreys' prior on the variance (JZS). The
integral over g, the prior's variance, is summed by the trapezoidal rule on the logarithmic scale, where the integrand
falls off on both sides and the sum is exact to rounding.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from analysis.errors import InputError
from analysis.types import FloatArray

REFERENCE: Final = "Rouder et al. 2009, Psychon. Bull. Rev. 16"
SCALE: Final = sqrt(0.5)  # of the Cauchy prior: half of the differences within 0.71 standard deviations
LOG_G: Final = np.linspace(-8.0, 90.0, 4901)  # e^-8: the prior is 1e-650 there; e^90: what is left is below 1e-19


@dataclass(frozen=True)
class BayesFactor:
    """Odds of the data under a difference against none.

    Parameters
    ----------
    value : float
        BF10: above 1 the data speak for a difference, below 1 for none. Infinite where it is beyond all numbers.
    log_value : float
        Its natural logarithm.
    statistic : float
        The t it was made from.
    scale : float
        Of the Cauchy prior, in standard deviations.
    n : tuple of int
        People of each group.
    sentence, method, reference : str
    """

    value: float
    log_value: float
    statistic: float
    scale: float
    n: tuple[int, ...]
    sentence: str
    method: str
    reference: str


def two_sample_bayes_factor(statistic: float, first_n: int, second_n: int, *, scale: float = SCALE) -> BayesFactor:
    """Weigh the t of two groups with one variance.

    Parameters
    ----------
    statistic : float
        Student's t (pooled variance).
    first_n, second_n : int
    scale : float
        Of the prior, above 0.

    Returns
    -------
    BayesFactor

    Raises
    ------
    InputError
        When a group has nobody, both together fewer than three, or the scale is not above 0.
    """
    _check(statistic, (first_n, second_n), 3, scale)
    effective = first_n * second_n / (first_n + second_n)
    return _bayes_factor(statistic, effective, first_n + second_n - 2, (first_n, second_n), scale)


def one_sample_bayes_factor(statistic: float, n: int, *, scale: float = SCALE) -> BayesFactor:
    """Weigh the t of one group, or of differences within people.

    Parameters
    ----------
    statistic : float
        Mean over standard error.
    n : int
        At least 2.
    scale : float
        Of the prior, above 0.

    Returns
    -------
    BayesFactor

    Raises
    ------
    InputError
        When there are fewer than two, or the scale is not above 0.
    """
    _check(statistic, (n,), 2, scale)
    return _bayes_factor(statistic, n, n - 1, (n,), scale)


def _check(statistic: float, n: tuple[int, ...], least: int, scale: float) -> None:
    found = []
    if min(n) < 1 or sum(n) < least:
        found.append(f"expected at least {least} people and none of the groups empty, found {n}")
    if not scale > 0:
        found.append(f"scale: expected more than 0, found {scale}")
    if not np.isfinite(statistic):
        found.append(f"statistic: expected a number, found {statistic}; groups without spread have no Bayes factor")
    if found:
        raise InputError("Bayes factor", found)


def _bayes_factor(statistic: float, effective: float, freedom: float, n: tuple[int, ...], scale: float) -> BayesFactor:
    log_g = LOG_G + 2 * np.log(scale)
    g = np.exp(log_g)
    # d log g: the inverse gamma prior (1/2, scale^2 / 2) times the likelihood given g.
    log_prior = np.log(scale) - np.log(2 * np.pi) / 2 - log_g / 2 - scale**2 / (2 * g)
    spread = 1 + effective * g
    square = statistic**2
    log_ratio = -np.log(spread) / 2 - (freedom + 1) / 2 * (
        np.log1p(square / (spread * freedom)) - np.log1p(square / freedom)
    )
    log_value = _log_sum(log_prior + log_ratio) + float(np.log(LOG_G[1] - LOG_G[0]))
    value = float(np.exp(log_value)) if log_value < 709 else float("inf")
    return BayesFactor(
        value=value,
        log_value=log_value,
        statistic=statistic,
        scale=scale,
        n=n,
        sentence=_sentence(value),
        method=f"JZS Bayes factor, Cauchy prior of scale {scale:.3g} on the standardised difference",
        reference=REFERENCE,
    )


def _log_sum(logs: FloatArray) -> float:
    highest = float(logs.max())
    return highest + float(np.log(np.exp(logs - highest).sum()))


def _sentence(value: float) -> str:
    if value >= 1:
        return f"The data are {value:.3g} times as likely under a difference as under none."
    return f"The data are {1 / value:.3g} times as likely under no difference as under one."

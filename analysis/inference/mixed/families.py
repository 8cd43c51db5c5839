"""Binomial responses under the logit and probit links: log-likelihood of a trial and its derivatives in eta."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, Protocol

import numpy as np
from scipy import special

from analysis.types import FloatArray

Link = Literal["logit", "probit"]


@dataclass(frozen=True)
class Terms:
    """What the Laplace approximation needs of every observation, each an array of the shape of eta.

    Parameters
    ----------
    loglik : float array
        Log-likelihood, without the binomial coefficient.
    score : float array
        First derivative in eta.
    weight : float array
        Minus the second derivative; never negative.
    """

    loglik: FloatArray
    score: FloatArray
    weight: FloatArray


class Family(Protocol):
    """A link of the binomial distribution."""

    def terms(self, eta: FloatArray, successes: FloatArray, trials: FloatArray) -> Terms:
        """Return log-likelihood, score and weight."""

    def weight_slope(self, eta: FloatArray, successes: FloatArray, trials: FloatArray) -> FloatArray:
        """Return the derivative of `weight` in eta."""

    def probability(self, eta: FloatArray) -> FloatArray:
        """Return the inverse link."""


class Logit:
    """The canonical link (McCullagh & Nelder 1989, section 4.3)."""

    def terms(self, eta: FloatArray, successes: FloatArray, trials: FloatArray) -> Terms:
        """Return log-likelihood, score and weight; overflows for no eta."""
        small, likelier = _sides(eta)
        probability = 0.5 + np.copysign(likelier - 0.5, eta)
        # m log(1 - p) = -m (max(eta, 0) + log(1 + exp(-|eta|)))
        loglik = successes * eta - trials * (np.maximum(eta, 0.0) - np.log(likelier))
        return Terms(loglik, successes - trials * probability, trials * small * likelier**2)

    def weight_slope(self, eta: FloatArray, successes: FloatArray, trials: FloatArray) -> FloatArray:
        """Return m p (1 - p) (1 - 2p)."""
        small, likelier = _sides(eta)
        slope: FloatArray = trials * small * likelier**2 * np.copysign(1.0 - 2.0 * likelier, -eta)
        return slope

    def probability(self, eta: FloatArray) -> FloatArray:
        """Return 1 / (1 + exp(-eta))."""
        values: FloatArray = special.expit(eta)
        return values


def _sides(eta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return exp(-|eta|) and 1 / (1 + exp(-|eta|)), the likelier answer's probability: no branch on the sign of eta."""
    small = np.exp(-np.abs(eta))
    return small, 1.0 / (1.0 + small)


class Probit:
    """The probit link, with observed (not expected) information, as the Laplace approximation asks for."""

    def terms(self, eta: FloatArray, successes: FloatArray, trials: FloatArray) -> Terms:
        """Return log-likelihood, score and weight; log Phi keeps its precision in the tails."""
        failures = trials - successes
        up, down = _mills(eta), _mills(-eta)
        loglik = successes * special.log_ndtr(eta) + failures * special.log_ndtr(-eta)
        score = successes * up - failures * down
        weight = successes * up * (eta + up) + failures * down * (down - eta)
        return Terms(loglik, score, weight)

    def weight_slope(self, eta: FloatArray, successes: FloatArray, trials: FloatArray) -> FloatArray:
        """Return the third derivative of minus the log-likelihood."""
        return successes * _mills_third(eta) - (trials - successes) * _mills_third(-eta)

    def probability(self, eta: FloatArray) -> FloatArray:
        """Return Phi(eta)."""
        values: FloatArray = special.ndtr(eta)
        return values


def _mills(eta: FloatArray) -> FloatArray:
    """Return phi(eta) / Phi(eta), the derivative of log Phi."""
    ratio: FloatArray = np.exp(-0.5 * eta**2 - 0.5 * np.log(2.0 * np.pi) - special.log_ndtr(eta))
    return ratio


def _mills_third(eta: FloatArray) -> FloatArray:
    """Return the derivative of g (eta + g), where g is the ratio above and g' = -g (eta + g)."""
    ratio = _mills(eta)
    first = -ratio * (eta + ratio)
    return first * (eta + ratio) + ratio * (1.0 + first)


FAMILIES: Final[Mapping[Link, Family]] = MappingProxyType({"logit": Logit(), "probit": Probit()})

"""Confidence bounds of a share by the Kullback-Leibler divergence (Kaufmann & Kalyanakrishnan 2013, COLT, section 4).

For a share p seen in n draws the bounds at a level beta are the farthest q with n KL(p, q) <= beta, where KL is the
divergence of Bernoulli distributions.
"""

from __future__ import annotations

import numpy as np

from explainers.methods.base import FloatArray

_EDGE = 1e-12
_STEPS = 7  # Newton's steps from outside: the bound is never too narrow
_DECIMALS = 9  # of a bound, so that the last bit of a logarithm decides nothing


def divergence(p: FloatArray, q: FloatArray) -> FloatArray:
    """KL of Bernoulli(p) from Bernoulli(q), shares strictly between 0 and 1."""
    return np.asarray(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)), dtype=np.float64)


def upper_bound(p: FloatArray, level: FloatArray) -> FloatArray:
    """The largest q with KL(p, q) <= level.

    KL is convex in q, so Newton's method started above the root comes down to it without passing it. It starts at the
    smaller of two bounds from outside: Pinsker's p + sqrt(level / 2), and 1 - exp(-(level + H(p)) / (1 - p)), from
    KL(p, q) >= -(1 - p) log(1 - q) - H(p) with the entropy H.

    Parameters
    ----------
    p : float array
        Shares, 0 to 1.
    level : float array
        beta / n, above 0; of a shape that goes with that of `p`.

    Returns
    -------
    float array
        Between p and 1, rounded to 9 places.
    """
    p = np.clip(p, _EDGE, 1 - _EDGE)
    negative_entropy = p * np.log(p) + (1 - p) * np.log1p(-p)
    far = -np.expm1(-(level - negative_entropy) / (1 - p))
    q = np.minimum(np.minimum(p + np.sqrt(level / 2), far), 1 - _EDGE)
    for _ in range(_STEPS):
        excess = negative_entropy - p * np.log(q) - (1 - p) * np.log1p(-q) - level
        q = np.clip(q - excess * q * (1 - q) / np.maximum(q - p, _EDGE), p, 1 - _EDGE)
    return np.asarray(np.round(q, _DECIMALS), dtype=np.float64)


def lower_bound(p: FloatArray, level: FloatArray) -> FloatArray:
    """The smallest q with KL(p, q) <= level: the upper bound of the other outcome."""
    return np.asarray(np.round(1 - upper_bound(1 - p, level), _DECIMALS), dtype=np.float64)


def exploration_rate(n_arms: FloatArray, n_rounds: int, delta: float) -> FloatArray:
    """beta(t, delta) of KL-LUCB (theorem 1 there, with alpha = 1.1 and k1 = 405.5)."""
    inner = np.log(405.5 * n_arms * n_rounds**1.1 / delta)
    return np.asarray(inner + np.log(inner), dtype=np.float64)

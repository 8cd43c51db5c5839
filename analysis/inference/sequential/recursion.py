"""The distribution of a test statistic at successive looks, by recursive numerical integration.

Armitage, P., McPherson, C. K. & Rowe, B. C. (1969). J. R. Statist. Soc. A 132, 235-244; Jennison, C. & Turnbull, B. W.
(2000). Group Sequential Methods with Applications to Clinical Trials, chapter 19. At look k with information I_k the
statistic Z_k is normal with mean theta sqrt(I_k), and the scores S_k = Z_k sqrt(I_k) have independent increments. Where
they use Simpson's rule on one grid, we use Gauss-Legendre panels as narrow as the increments, which gives 12 digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Final

import numpy as np
from scipy import special

from analysis.errors import InputError
from analysis.types import FloatArray

REACH: Final = 10.0  # standard deviations from the mean that are integrated over; beyond lies 1e-23
PANEL: Final = 2.5  # width of a panel, in standard deviations of the narrowest factor of the integrand
CLOSEST: Final = 1e-3  # relative increment of information below which two looks are one
NODES, WEIGHTS = (np.asarray(part, dtype=np.float64) for part in np.polynomial.legendre.leggauss(16))


@dataclass(frozen=True)
class Going:
    """Studies still going on after a look.

    Parameters
    ----------
    information : float
        At that look.
    scores : float array, shape (m,)
        Quadrature nodes on the score scale.
    mass : float array, shape (m,)
        Density there times quadrature weight; the sum is the probability of going on.
    begun : tuple of float
        Information and score where it all began.
    """

    information: float
    scores: FloatArray
    mass: FloatArray
    begun: tuple[float, float]


def begin(information: float = 0.0, z: float = 0.0) -> Going:
    """Return the start: nothing known, or the statistic `z` at `information` (of a study that is going on)."""
    score = z * sqrt(information)
    return Going(information, np.array([score]), np.ones(1), (information, score))


def beyond(going: Going, information: float, z: float, drift: float) -> float:
    """Return the probability of going on so far and then finding a statistic above `z`.

    Parameters
    ----------
    going : Going
    information : float
        At the next look, above `going.information`.
    z : float
        -inf to inf.
    drift : float
        The effect theta, the mean of Z a square root of information.

    Returns
    -------
    float
    """
    step = information - going.information
    distance = z * sqrt(information) - going.scores - drift * step
    return float(going.mass @ special.ndtr(-distance / sqrt(step)))


def go_on(
    going: Going, information: float, region: tuple[float, float], drift: float, following: float | None = None
) -> Going:
    """Look at `information` and go on where the statistic lies inside `region`.

    Parameters
    ----------
    going : Going
    information : float
    region : (float, float)
        Lower and upper bound of the statistic.
    drift : float
    following : float, optional
        Information at the look after; its increment too sets how fine the nodes must be.

    Returns
    -------
    Going
        With no nodes when nothing can be inside.
    """
    step, root = information - going.information, sqrt(information)
    begun_at, score = going.begun
    centre = (score + drift * (information - begun_at)) / root
    reach = REACH * sqrt((information - begun_at) / information)
    low, high = max(region[0], centre - reach), min(region[1], centre + reach)
    if low >= high:
        return Going(information, np.empty(0), np.empty(0), going.begun)
    steps = [step] if following is None else [step, following - information]
    z, weight = _quadrature(low, high, PANEL * sqrt(min(steps)) / root)
    distance = (z[:, None] * root - going.scores - drift * step) / sqrt(step)
    density = np.exp(-0.5 * distance**2) @ going.mass * (root / sqrt(2 * np.pi * step))
    return Going(information, z * root, weight * density, going.begun)


def _quadrature(low: float, high: float, width: float) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of panels no wider than `width`."""
    n = max(2, int(np.ceil((high - low) / width)))
    half = (high - low) / (2 * n)
    centres = low + half * (2 * np.arange(n) + 1)
    return (centres[:, None] + half * NODES).ravel(), np.tile(half * WEIGHTS, n)


def crossing_probabilities(
    information: Sequence[float],
    upper: Sequence[float],
    lower: Sequence[float],
    drift: float,
    start: Going | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Return the probability of leaving at each look through each bound.

    Parameters
    ----------
    information : sequence of float, length k
        Increasing.
    upper, lower : sequence of float, length k
        Of the statistic Z; infinite where nothing stops.
    drift : float
        The effect theta.
    start : Going, optional
        Where it begins; by default with nothing known.

    Returns
    -------
    above, below : float array, shape (k,)
    """
    going = start or begin()
    above, below = np.zeros((2, len(information)))
    for k, now in enumerate(information):
        above[k] = beyond(going, now, upper[k], drift)
        below[k] = going.mass.sum() - beyond(going, now, lower[k], drift) if lower[k] > -inf else 0.0
        following = information[k + 1] if k + 1 < len(information) else None
        going = go_on(going, now, (lower[k], upper[k]), drift, following)
    return above, below


def checked_times(times: Sequence[float], what: str = "information times", end: float = 1.0) -> tuple[float, ...]:
    """Return information times that a recursion can use.

    Raises
    ------
    InputError
        When there are none, they do not increase, leave (0, end], or two are closer than a thousandth.
    """
    if not times:
        raise InputError(what, ["expected at least one look, found none"])
    problems = []
    before = 0.0
    for look, time in enumerate(times, start=1):
        if not 0 < time <= end:
            problems.append(f"look {look}: expected a number above 0{_at_most(end)}, found {time}")
        elif time - before < CLOSEST * time:
            problems.append(f"look {look}: expected clearly more than at the look before ({before:g}), found {time:g}")
        before = time
    if problems:
        raise InputError(what, problems)
    return tuple(float(time) for time in times)


def _at_most(end: float) -> str:
    return "" if end == inf else f" and at most {end:g}"

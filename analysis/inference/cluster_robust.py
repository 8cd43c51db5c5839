"""Linear and logistic regression with standard errors that hold when one person's answers go together.

The sandwich estimator over clusters (participants), with the corrections for few clusters:

CR0
    Liang, K.-Y. & Zeger, S. L. (1986), Biometrika 73: too small with few clusters.
CR1
    CR0 times G / (G - 1), G clusters.
CR2
    Bell, R. M. & McCaffrey, D. F. (2002), Survey Methodology 28, in the form of Pustejovsky, J. E. & Tipton, E.
    (2018), J. Bus. Econ. Stat. 36, eq. 5 and 6: unbiased when the working model (independence) holds.
CR3
    Like leaving one cluster out (Mancl, L. A. & DeRouen, T. A. 2001, Biometrics 57): slightly too large.

Tests use the t distribution with Satterthwaite degrees of freedom of each coefficient (Pustejovsky & Tipton, eq. 11).
Everything is done per cluster in as many dimensions as there are coefficients, never with matrices of answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from analysis.errors import InputError
from analysis.inference.student import t_interval, two_sided_p
from analysis.types import BoolArray, FloatArray, IntArray, Interval

Link = Literal["identity", "logit"]
Correction = Literal["CR0", "CR1", "CR2", "CR3"]

UNITS: Final[dict[Link, str]] = {"identity": "the outcome's unit", "logit": "log odds"}
REFERENCES: Final[dict[Correction, str]] = {
    "CR0": "Liang & Zeger 1986, Biometrika 73",
    "CR1": "Liang & Zeger 1986, Biometrika 73",
    "CR2": "Bell & McCaffrey 2002, Survey Methodology 28; Pustejovsky & Tipton 2018, J. Bus. Econ. Stat. 36",
    "CR3": "Mancl & DeRouen 2001, Biometrics 57; Pustejovsky & Tipton 2018, J. Bus. Econ. Stat. 36",
}
ALONE: Final = 1e-9  # a leverage this close to 1 is 1: nothing but this cluster speaks of that direction
MAX_STEPS: Final = 50
MAX_LOGIT: Final = 25.0  # a fitted share within 1e-11 of 0 or 1: the maximum is at infinity
STEP_TOLERANCE: Final = 1e-12


@dataclass(frozen=True)
class RobustCoefficient:
    """One coefficient.

    Parameters
    ----------
    name : str
    value : float or None
        In the unit of the fit; None where the model could not be fitted.
    standard_error, degrees_of_freedom, p_value : float or None
        None also where the coefficient rests on one participant alone, or nobody differs from anybody.
    interval : Interval or None
    """

    name: str
    value: float | None
    standard_error: float | None
    degrees_of_freedom: float | None
    p_value: float | None
    interval: Interval | None


@dataclass(frozen=True)
class RobustFit:
    """A regression with cluster-robust standard errors.

    Parameters
    ----------
    coefficients : tuple of RobustCoefficient
        In the order of the columns.
    unit : str
    n_answers, n_participants : int
        That the fit is made of.
    problem : str or None
        Why there are no coefficients, in a sentence; None where there are.
    method, reference : str
    """

    coefficients: tuple[RobustCoefficient, ...]
    unit: str
    n_answers: int
    n_participants: int
    problem: str | None
    method: str
    reference: str

    def coefficient(self, name: str) -> RobustCoefficient:
        """Return the coefficient of this name.

        Raises
        ------
        KeyError
            When the model has no such column.
        """
        found = next((one for one in self.coefficients if one.name == name), None)
        if found is None:
            raise KeyError(name)
        return found


@dataclass(frozen=True)
class _Rows:
    """Answers laid together where participant and columns are the same; clusters stand in one piece, in order.

    Only sums over such answers enter the estimator, so nothing is lost and a person's 32 answers become two rows.
    """

    mean: FloatArray  # of the outcome
    columns: FloatArray
    count: FloatArray
    start: IntArray  # first row of each cluster


def cluster_robust(
    outcome: FloatArray,
    columns: FloatArray,
    names: Sequence[str],
    participants: IntArray,
    *,
    link: Link = "identity",
    correction: Correction = "CR2",
    level: float = 0.95,
) -> RobustFit:
    """Regress an outcome on columns, with standard errors clustered by participant.

    Parameters
    ----------
    outcome : float array, shape (n_answers,)
        Between 0 and 1 under the logit link; answers that are NaN are left out.
    columns : float array, shape (n_answers, n_columns)
        With the column of ones, where it is meant.
    names : sequence of str
        One a column.
    participants : int array, shape (n_answers,)
    link : {"identity", "logit"}
        Least squares (the linear probability model, for answers right or wrong), or logistic regression.
    correction : {"CR0", "CR1", "CR2", "CR3"}
    level : float
        Of the intervals.

    Returns
    -------
    RobustFit

    Raises
    ------
    InputError
        When the lengths differ, a column holds NaN, or an outcome under the logit link is outside [0, 1].
    """
    _check(outcome, columns, names, participants, link)
    seen = ~np.isnan(outcome)
    rows = _laid_together(outcome[seen], columns[seen], participants[seen])
    problem = _problem(rows, names)
    beta = None if problem else _coefficients(rows, link)
    if problem is None and beta is None:
        problem = "the columns separate right from wrong answers, so the largest likelihood is at infinity"
    fitted = _unfitted(names) if beta is None else _with_errors(rows, beta, names, link, correction, level)
    regression = "logistic regression" if link == "logit" else "least squares"
    return RobustFit(
        coefficients=fitted,
        unit=UNITS[link],
        n_answers=int(seen.sum()),
        n_participants=len(rows.start),
        problem=problem,
        method=f"{regression}, {correction} standard errors clustered by participant, Satterthwaite t tests",
        reference=REFERENCES[correction],
    )


def _check(outcome: FloatArray, columns: FloatArray, names: Sequence[str], participants: IntArray, link: Link) -> None:
    found = []
    if columns.ndim != 2 or not len(outcome) == len(columns) == len(participants):
        found.append(
            f"expected one outcome, one row of columns and one participant an answer, found shapes "
            f"{outcome.shape}, {columns.shape} and {participants.shape}"
        )
    if columns.ndim == 2 and columns.shape[1] != len(names):
        found.append(f"names: expected one a column ({columns.shape[1]}), found {len(names)}")
    if not np.isfinite(columns).all():
        found.append("columns: expected finite numbers, found NaN or infinity; leave these answers out")
    seen = outcome[~np.isnan(outcome)]
    if link == "logit" and ((seen < 0) | (seen > 1)).any():
        found.append("outcome: expected values from 0 to 1 under the logit link; use the identity link for others")
    if found:
        raise InputError("cluster-robust regression", found)


def _laid_together(outcome: FloatArray, columns: FloatArray, participants: IntArray) -> _Rows:
    order = np.lexsort((*columns.T, participants))
    columns, participants = columns[order], participants[order]
    is_new_person = np.ones(len(order), dtype=np.bool_)
    is_new_person[1:] = participants[1:] != participants[:-1]
    is_new = is_new_person.copy()
    is_new[1:] |= (columns[1:] != columns[:-1]).any(axis=1)
    first = np.flatnonzero(is_new)
    count = np.diff(np.append(first, len(order))).astype(np.float64)
    total = np.add.reduceat(outcome[order], first) if len(first) else np.zeros(0)
    return _Rows(total / count, columns[first], count, np.flatnonzero(is_new_person[first]))


def _problem(rows: _Rows, names: Sequence[str]) -> str | None:
    if len(rows.start) < 2:
        return f"expected at least two participants with an answer, found {len(rows.start)}"
    rank = int(np.linalg.matrix_rank(rows.columns))
    if rank < len(names):
        return f"the {len(names)} columns say only {rank} different things: a cell of the design is empty"
    return None


def _coefficients(rows: _Rows, link: Link) -> FloatArray | None:
    """Fit by least squares, or by Newton's method; None where the likelihood has no maximum."""
    x, m, y = rows.columns, rows.count, rows.mean
    if link == "identity":
        root = np.sqrt(m)
        return np.asarray(np.linalg.lstsq(x * root[:, None], y * root, rcond=None)[0], dtype=np.float64)
    beta = np.zeros(x.shape[1])
    for _ in range(MAX_STEPS):
        share = _logistic(x @ beta)
        information = (x * (m * share * (1 - share))[:, None]).T @ x
        if not np.isfinite(np.linalg.cond(information)) or np.linalg.cond(information) > 1e14:
            return None
        step = np.linalg.solve(information, x.T @ (m * (y - share)))
        beta = beta + step
        if np.abs(x @ beta).max() > MAX_LOGIT:
            return None
        if np.abs(step).max() <= STEP_TOLERANCE * (1 + np.abs(beta).max()):
            return beta
    return None


def _logistic(logit: FloatArray) -> FloatArray:
    share: FloatArray = 1 / (1 + np.exp(-logit))
    return share


def _unfitted(names: Sequence[str]) -> tuple[RobustCoefficient, ...]:
    return tuple(RobustCoefficient(name, None, None, None, None, None) for name in names)


def _with_errors(
    rows: _Rows, beta: FloatArray, names: Sequence[str], link: Link, correction: Correction, level: float
) -> tuple[RobustCoefficient, ...]:
    eta = rows.columns @ beta
    fitted = eta if link == "identity" else _logistic(eta)
    weight = np.ones(len(eta)) if link == "identity" else fitted * (1 - fitted)
    residual = (rows.mean - fitted) / weight  # Newton's working residual
    root = np.sqrt(rows.count)  # a row of `count` answers is their mean direction, of length one
    bread = np.linalg.inv((rows.columns * (rows.count * weight)[:, None]).T @ rows.columns)
    basis = np.linalg.cholesky(bread)
    # In this basis the columns are orthonormal under the weights: the bread is the identity.
    x = (rows.columns * root[:, None]) @ basis
    parts = _parts(x, weight, residual * root, rows.start, correction)
    found = (_errors(basis[k], parts) for k in range(len(names)))
    return tuple(
        _coefficient(name, float(value), error, freedom, level)
        for name, value, (error, freedom) in zip(names, beta, found, strict=True)
    )


@dataclass(frozen=True)
class _Parts:
    """What the sandwich and its degrees of freedom are made of, one a cluster, in the orthonormal basis.

    With X the cluster's columns, W its weights, A its adjustment, e its residuals: `score` is X'WAe, `cross` X'A'WX
    and `spread` X'WAW^-1A'WX; `alone` spans the directions of which no other cluster speaks.
    """

    score: FloatArray  # (n_clusters, p)
    cross: FloatArray  # (n_clusters, p, p)
    spread: FloatArray  # (n_clusters, p, p)
    alone: FloatArray  # (n_directions, p)
    inflation: float  # CR1's factor


def _parts(x: FloatArray, weight: FloatArray, residual: FloatArray, start: IntArray, correction: Correction) -> _Parts:
    weighted = x * weight[:, None]
    score = np.add.reduceat(weighted * residual[:, None], start, axis=0)
    gram = np.add.reduceat(weighted[:, :, None] * x[:, None, :], start, axis=0)
    leverages, directions = np.linalg.eigh(gram)
    alone = directions.transpose(0, 2, 1)[leverages > 1 - ALONE]
    inflation = len(start) / (len(start) - 1) if correction == "CR1" else 1.0
    if correction == "CR2" and np.ptp(weight) > 0:
        return _Parts(*_uneven_cr2(x, weight, residual, start), alone, inflation)
    power = {"CR0": 0.0, "CR1": 0.0, "CR2": -0.5, "CR3": -1.0}[correction]
    kept = np.where(leverages > 1 - ALONE, 0.0, np.maximum(1 - leverages, ALONE) ** power) if power else None
    adjust = np.broadcast_to(np.eye(x.shape[1]), gram.shape) if kept is None else _spectral(directions, kept)
    adjusted = adjust @ gram
    return _Parts((adjust @ score[:, :, None])[:, :, 0], adjusted, adjusted @ adjust, alone, inflation)


def _spectral(directions: FloatArray, values: FloatArray) -> FloatArray:
    made: FloatArray = (directions * values[:, None, :]) @ directions.transpose(0, 2, 1)
    return made


def _uneven_cr2(
    x: FloatArray, weight: FloatArray, residual: FloatArray, start: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the parts under CR2 where weights differ: the square root then needs the cluster's rows.

    Pustejovsky & Tipton take A = D'(D(W^-1 - XMX')D')^(-1/2)D with D'D = W^-1; rows that a cluster lacks are padded
    with columns of zero, which add nothing.
    """
    sizes = np.diff(np.append(start, len(x)))
    place = np.arange(len(x)) - np.repeat(start, sizes)
    cluster = np.repeat(np.arange(len(start)), sizes)
    shape = len(start), int(sizes.max())
    xs, w, e = np.zeros((*shape, x.shape[1])), np.ones(shape), np.zeros(shape)
    xs[cluster, place], w[cluster, place], e[cluster, place] = x, weight, residual
    root = 1 / np.sqrt(w)
    scaled = xs * root[:, :, None]
    inner = -scaled @ scaled.transpose(0, 2, 1)
    inner[:, np.arange(shape[1]), np.arange(shape[1])] += w**-2
    values, vectors = np.linalg.eigh(inner)
    floor = ALONE * np.maximum(values.max(axis=1, keepdims=True), np.finfo(float).tiny)
    inverse_root = _spectral(vectors, np.where(values > floor, np.maximum(values, floor) ** -0.5, 0.0))
    adjust = root[:, :, None] * inverse_root * root[:, None, :]
    weighted = (xs * w[:, :, None]).transpose(0, 2, 1)
    half = weighted @ adjust
    return (
        (half @ e[:, :, None])[:, :, 0],
        xs.transpose(0, 2, 1) @ adjust @ weighted.transpose(0, 2, 1),
        (half / w[:, None, :]) @ half.transpose(0, 2, 1),
    )


def _errors(direction: FloatArray, parts: _Parts) -> tuple[float | None, float | None]:
    """Return the standard error of one coefficient and its degrees of freedom; None where they cannot be had."""
    is_alone: BoolArray = np.abs(parts.alone @ direction) > np.sqrt(ALONE) * np.linalg.norm(direction)
    if is_alone.any():
        return None, None
    error = float(np.sqrt(parts.inflation * ((parts.score @ direction) ** 2).sum()))
    # The quadratic form's matrix under the working model is diag(d) - ZZ' (clusters by clusters): its trace, and the
    # sum of its squared entries, without ever making it.
    d = np.einsum("i,gij,j->g", direction, parts.spread, direction, optimize=True)
    z = parts.cross @ direction
    diagonal = (z**2).sum(axis=1)
    squares = (d**2).sum() - 2 * (d * diagonal).sum() + ((z.T @ z) ** 2).sum()
    trace = d.sum() - diagonal.sum()
    return error, float(trace**2 / squares) if squares > 0 else None


def _coefficient(
    name: str, value: float, error: float | None, freedom: float | None, level: float
) -> RobustCoefficient:
    # Residuals that are rounding only would give a huge t.
    if error is None or freedom is None or error <= 1e-12 * max(1.0, abs(value)):
        return RobustCoefficient(name, value, error, None, None, None)
    p_value = two_sided_p(value / error, freedom)
    return RobustCoefficient(name, value, error, freedom, p_value, t_interval(value, error, freedom, level))

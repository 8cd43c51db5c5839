"""The likelihood of a linear model with two crossed random factors, profiled, with its exact gradient.

With y = X beta + Z Lambda u + e, u standard normal in units of the residual standard deviation sigma, and
V = I + Z Lambda Lambda'Z', minus twice the restricted log-likelihood is

    log|V| + log|X'V^-1 X| + (n - p) log(2 pi sigma^2) + r^2 / sigma^2,

with r^2 = (y - X beta)'V^-1 (y - X beta) at its minimum (Bates, Maechler, Bolker & Walker 2015, section 3). Of the
data only cross-products are needed, taken once; what is solved at each Lambda has the participants' blocks and a
Schur complement on the items, as in `laplace`. All derivatives come from G = Z'V^-1 [X y], since
d V^-1 = -V^-1 Z (dLambda Lambda' + Lambda dLambda') Z'V^-1.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from analysis.inference.mixed.laplace import block_inverses
from analysis.inference.mixed.layout import Layout
from analysis.types import FloatArray

Factors = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class Products:
    """Cross-products of the data; m = n_fixed + 1 columns [X y].

    Parameters
    ----------
    rows : float array, shape (n_rows, k, k)
    columns : float array, shape (n_columns, c, c)
    crossed : float array, shape (n_rows, k, n_columns, c)
    rows_by, columns_by : float array, shape (n_rows, k, m) and (n_columns, c, m)
        Random effects' designs by [X y].
    total : float array, shape (m, m)
    n : int
        Observations.
    """

    rows: FloatArray
    columns: FloatArray
    crossed: FloatArray
    rows_by: FloatArray
    columns_by: FloatArray
    total: FloatArray
    n: int

    @classmethod
    def of(cls, layout: Layout, n: int) -> Self:
        """Take the products of a layout with one set, whose `successes` are the values of y."""
        rows, by_column = layout.row_design[0], layout.column_design[0]
        both = np.concatenate([layout.fixed[0], layout.successes[0][..., None]], axis=-1)
        flat = both.reshape(-1, both.shape[-1])
        k, c = rows.shape[-1], by_column.shape[-1]
        column, cell, q = layout.column[0].ravel(), layout.cell.ravel(), layout.n_columns

        def by_column_sums(values: FloatArray) -> FloatArray:
            return np.bincount(column, values.ravel(), q).astype(np.float64, copy=False)

        columns = [[by_column_sums(by_column[..., a] * by_column[..., b]) for b in range(c)] for a in range(c)]
        columns_by = [
            [by_column_sums(by_column[..., a] * both[..., j]) for j in range(both.shape[-1])] for a in range(c)
        ]
        crossed = np.empty((layout.n_rows, k, q, c))
        for a in range(k):
            for b in range(c):
                sums = np.bincount(cell, (rows[..., a] * by_column[..., b]).ravel(), layout.n_rows * q)
                crossed[:, a, :, b] = sums.reshape(layout.n_rows, q)
        turned = rows.swapaxes(-1, -2)
        return cls(
            np.matmul(turned, rows),
            np.array(columns).transpose(2, 0, 1),
            crossed,
            np.matmul(turned, both),
            np.array(columns_by).transpose(2, 0, 1),
            flat.T @ flat,
            n,
        )


@dataclass(frozen=True)
class Profile:
    """What the likelihood needs at some factors.

    Parameters
    ----------
    logdet : float
        log|V|.
    logdet_slopes : pair of float arrays, shape (k, k) and (c, c)
        Its derivative by each factor.
    weighted : float array, shape (m, m)
        [X y]'V^-1 [X y].
    outer : pair of float arrays, shape (n_levels, k, m)
        G = Z'V^-1 [X y], rows and columns.
    inner : pair of float arrays, shape (n_levels, k, m)
        U = Lambda'G.
    """

    logdet: float
    logdet_slopes: Factors
    weighted: FloatArray
    outer: Factors
    inner: Factors

    @property
    def unscaled(self) -> FloatArray:
        """Return (X'V^-1 X)^-1: the covariance of the coefficients but for sigma^2."""
        return np.linalg.inv(self.weighted[:-1, :-1]).astype(np.float64, copy=False)

    @property
    def beta(self) -> FloatArray:
        """Return the generalised least-squares coefficients."""
        return np.linalg.solve(self.weighted[:-1, :-1], self.weighted[:-1, -1]).astype(np.float64, copy=False)

    @property
    def residual(self) -> float:
        """Return r^2."""
        return float(self.weighted[-1, -1] - self.weighted[:-1, -1] @ self.beta)

    def residual_slopes(self) -> Factors:
        """Return the derivative of r^2 by each factor."""
        direction = np.append(-self.beta, 1.0)
        outer, inner = ([part @ direction for part in parts] for parts in (self.outer, self.inner))
        return -2.0 * outer[0].T @ inner[0], -2.0 * outer[1].T @ inner[1]

    def information_slopes(self) -> Factors:
        """Return the derivative of log|X'V^-1 X| by each factor."""
        inverse = self.unscaled
        outer = [_by_effect(part[..., :-1] @ inverse) for part in self.outer]
        inner = [_by_effect(part[..., :-1]) for part in self.inner]
        return -2.0 * outer[0] @ inner[0].T, -2.0 * outer[1] @ inner[1].T

    def unscaled_slopes(self) -> Factors:
        """Return the derivative of `unscaled` by each factor; shape (k, k, n_fixed, n_fixed)."""
        inverse = self.unscaled
        halves = (
            np.einsum("lai,lbj->abij", outer[..., :-1], inner[..., :-1])
            for outer, inner in zip(self.outer, self.inner, strict=True)
        )
        first, second = (inverse @ (half + half.swapaxes(-1, -2)) @ inverse for half in halves)
        return first, second


@dataclass(frozen=True)
class _System:
    """H = Lambda'Z'Z Lambda + I, factorised; `laplace` has the same with weights."""

    half_rows: FloatArray  # (n_rows * k, n_columns * c): Z_r'Z_c Lambda_c
    half_columns: FloatArray  # (n_rows * k, n_columns * c): Lambda_r'Z_r'Z_c
    row_inverse: FloatArray  # (n_rows, k, k): D^-1
    scaled: FloatArray  # (n_rows * k, n_columns * c): D^-1 C
    schur_inverse: FloatArray  # (n_columns * c, n_columns * c)
    between: FloatArray  # (n_rows * k, n_columns * c): rows by columns of H^-1
    logdet: float


def profile(of: Products, factors: Factors) -> Profile:
    """Solve for everything at these factors (lower triangular, relative to the residual standard deviation)."""
    system = _factorise(of, factors)
    inner, weighted = _inner(of, factors, system)
    return Profile(
        system.logdet, _logdet_slopes(of, factors, system), weighted, _outer(of, factors, system, inner), inner
    )


def _factorise(of: Products, factors: Factors) -> _System:
    row_factor, column_factor = factors
    n_rows, k, n_columns, c = of.crossed.shape
    dense = n_columns * c
    half_rows = (of.crossed.reshape(-1, c) @ column_factor).reshape(n_rows * k, dense)
    half_columns = np.matmul(row_factor.T, of.crossed.reshape(n_rows, k, dense)).reshape(n_rows * k, dense)
    crossed = np.matmul(row_factor.T, half_rows.reshape(n_rows, k, dense))
    inverse, logdet = block_inverses(row_factor.T @ of.rows @ row_factor + np.eye(k))
    scaled = np.matmul(inverse, crossed).reshape(n_rows * k, dense)
    schur = _block_diagonal(column_factor.T @ of.columns @ column_factor + np.eye(c))
    schur -= crossed.reshape(n_rows * k, dense).T @ scaled
    schur_inverse = np.linalg.inv(schur).astype(np.float64, copy=False)
    between: FloatArray = -scaled @ schur_inverse
    whole = float(logdet.sum() + np.linalg.slogdet(schur)[1])
    return _System(half_rows, half_columns, inverse, scaled, schur_inverse, between, whole)


def _inner(of: Products, factors: Factors, system: _System) -> tuple[Factors, FloatArray]:
    """Return U = H^-1 Lambda'Z'[X y] and [X y]'V^-1 [X y]."""
    n_rows, k, n_columns, c = of.crossed.shape
    by_rows = np.matmul(factors[0].T, of.rows_by)
    by_columns = np.matmul(factors[1].T, of.columns_by).reshape(n_columns * c, -1)
    flat = by_rows.reshape(n_rows * k, -1)
    columns = system.schur_inverse @ (by_columns - system.scaled.T @ flat)
    rows = np.matmul(system.row_inverse, by_rows).reshape(n_rows * k, -1) - system.scaled @ columns
    weighted = of.total - flat.T @ rows - by_columns.T @ columns
    return (rows.reshape(n_rows, k, -1), columns.reshape(n_columns, c, -1)), weighted


def _outer(of: Products, factors: Factors, system: _System, inner: Factors) -> Factors:
    """Return G = Z'[X y] - Z'Z Lambda U."""
    n_rows, k, n_columns, c = of.crossed.shape
    flat_rows, flat_columns = inner[0].reshape(n_rows * k, -1), inner[1].reshape(n_columns * c, -1)
    through_columns = (system.half_rows @ flat_columns).reshape(n_rows, k, -1)
    rows = of.rows_by - of.rows @ (factors[0] @ inner[0]) - through_columns
    columns = of.columns_by - of.columns @ (factors[1] @ inner[1])
    return rows, columns - (system.half_columns.T @ flat_rows).reshape(n_columns, c, -1)


def _logdet_slopes(of: Products, factors: Factors, system: _System) -> Factors:
    """Return 2 Z'Z Lambda H^-1, own blocks added up over the levels of each factor."""
    n_rows, k, n_columns, c = of.crossed.shape
    shape = (n_rows, k, n_columns * c)
    between = system.between.reshape(shape)
    own_rows = system.row_inverse - np.einsum("rax,rbx->rab", between, system.scaled.reshape(shape))
    place = np.arange(n_columns)
    own_columns = system.schur_inverse.reshape(n_columns, c, n_columns, c)[place, :, place, :]
    by_rows = (of.rows @ factors[0] @ own_rows).sum(axis=0)
    by_rows += _by_effect(system.half_rows.reshape(shape)) @ _by_effect(between).T
    by_columns = (of.columns @ factors[1] @ own_columns).sum(axis=0)
    by_columns += system.half_columns.reshape(-1, c).T @ system.between.reshape(-1, c)
    return 2.0 * by_rows, 2.0 * by_columns


def _by_effect(values: FloatArray) -> FloatArray:
    """Return values of shape (n_levels, k, ...) with the effects first and all else in one axis."""
    return values.swapaxes(0, 1).reshape(values.shape[1], -1)


def _block_diagonal(blocks: FloatArray) -> FloatArray:
    n, size = blocks.shape[:2]
    out = np.zeros((n, size, n, size))
    place = np.arange(n)
    out[place, :, place, :] = blocks
    return out.reshape(n * size, n * size)

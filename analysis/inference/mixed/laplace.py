"""The Laplace approximation of a binomial model with two crossed random factors, and its exact gradient.

With standardised random effects u (covariance I), eta = X beta + Z Lambda u and H = I + Lambda' Z' W Z Lambda at the
mode of u, the approximation is

    l(beta, theta) = sum log p(y | eta) - u'u / 2 - log|H| / 2

(Breslow & Clayton 1993, section 2; Bates et al. 2015, section 5). H has the participants' blocks on its diagonal, so
its Schur complement on the items is all that is factorised densely. The gradient is exact: it follows the modes
through the implicit function theorem with one extra solve (Kristensen et al. 2016, section 2).
"""

from dataclasses import dataclass

import numpy as np

from analysis.inference.mixed.families import Family, Terms
from analysis.inference.mixed.layout import Layout
from analysis.types import FloatArray

MODE_TOLERANCE = 3e-5  # of the last Newton step, which converges quadratically: the modes are then good to about 1e-9
MAX_NEWTON = 60
MAX_HALVINGS = 12


@dataclass(frozen=True)
class Parameters:
    """Where the likelihood is evaluated, a data set each along the first axis.

    Parameters
    ----------
    beta : float array, shape (n_sets, n_fixed)
        Fixed effects.
    row_factor, column_factor : float array, shape (n_sets, k, k)
        Lower triangular factors of the random effects' covariances: covariance = factor @ factor'.
    """

    beta: FloatArray
    row_factor: FloatArray
    column_factor: FloatArray


@dataclass(frozen=True)
class Modes:
    """Standardised random effects.

    Parameters
    ----------
    rows : float array, shape (n_sets, n_rows, n_row_effects)
    columns : float array, shape (n_sets, n_columns, n_column_effects)
    """

    rows: FloatArray
    columns: FloatArray


@dataclass(frozen=True)
class Evaluation:
    """The log-likelihood at some parameters, with what the next evaluation starts from.

    Parameters
    ----------
    loglik : float array, shape (n_sets,)
        Without the binomial coefficients, which no parameter changes.
    gradient : Parameters
        The derivative by every parameter (the upper triangles are 0).
    profile : float array, shape (n_sets, n_fixed)
        The part of beta's derivative that comes from the penalised likelihood; the rest is that of -log|H| / 2.
    modes : Modes
        At which the approximation was made.
    """

    loglik: FloatArray
    gradient: Parameters
    profile: FloatArray
    modes: Modes


@dataclass(frozen=True)
class Curvature:
    """What the data tell about each parameter, roughly: a good start for a quasi-Newton matrix.

    Parameters
    ----------
    beta : float array, shape (n_sets, n_fixed, n_fixed)
        Minus the second derivative of the penalised likelihood; as information on beta some percent too large.
    row_shrinkage, column_shrinkage : float array, shape (n_sets, k)
        Mean share of an effect's variance that the data explain.
    """

    beta: FloatArray
    row_shrinkage: FloatArray
    column_shrinkage: FloatArray


@dataclass(frozen=True)
class _System:
    """H at some modes, factorised: blocks of the rows, C, and the Schur complement S on the columns."""

    row_inverse: FloatArray  # (n_sets, n_rows, k, k): the inverses of the rows' blocks D
    scaled: FloatArray  # (n_sets, n_rows * k, n_columns * c): D^-1 C
    schur_inverse: FloatArray  # (n_sets, n_columns * c, n_columns * c)
    logdet: FloatArray  # (n_sets,)

    def solve(self, rows: FloatArray, columns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Solve H x = (rows, columns)."""
        n_sets = rows.shape[0]
        flat_rows, flat_columns = rows.reshape(n_sets, -1), columns.reshape(n_sets, -1)
        reduced = flat_columns - np.einsum("bi,bij->bj", flat_rows, self.scaled)
        solved_columns = np.einsum("bij,bj->bi", self.schur_inverse, reduced)
        own = np.einsum("bjkl,bjl->bjk", self.row_inverse, rows)
        solved_rows = own - np.einsum("bij,bj->bi", self.scaled, solved_columns).reshape(rows.shape)
        return solved_rows, solved_columns.reshape(columns.shape)


@dataclass(frozen=True)
class _Implicit:
    """How log|H| depends on eta: directly, and through the modes."""

    row_share: FloatArray  # (n_sets, n_rows, length, k): an observation's own entries of H^-1 (Z Lambda)'
    column_share: FloatArray
    leverage: FloatArray  # (n_sets, n_rows, length): its own entry of Z Lambda H^-1 (Z Lambda)'
    pull: FloatArray  # d log|H| / d eta, the modes held
    by_modes: Modes  # s = H^-1 (Z Lambda)' pull
    through: FloatArray  # Z Lambda s


class Laplace:
    """The approximation for a layout and a link; evaluated at many parameters, so what never changes is made once."""

    def __init__(self, layout: Layout, family: Family) -> None:
        self.layout = layout
        self.family = family
        self._cell = layout.cell.ravel()
        self._column = layout.column.ravel()
        self._n_cells = layout.n_sets * layout.n_rows * layout.n_columns
        self._n_columns = layout.n_sets * layout.n_columns

    def no_effects(self) -> Modes:
        """Return modes of zero, to start from."""
        of = self.layout
        return Modes(
            np.zeros((of.n_sets, of.n_rows, of.row_design.shape[-1])),
            np.zeros((of.n_sets, of.n_columns, of.column_design.shape[-1])),
        )

    def evaluate(self, at: Parameters, start: Modes) -> Evaluation:
        """Find the modes from `start`, then the log-likelihood and its gradient."""
        loadings = self._loadings(at)
        modes, eta, terms, system, penalised = self._find_modes(at, loadings, start)
        gradient = self._gradient(loadings, modes, eta, terms, system)
        return Evaluation(penalised - 0.5 * system.logdet, gradient, self._by_beta(terms.score), modes)

    def curvature(self, at: Parameters, start: Modes) -> Curvature:
        """Return the information that the first quasi-Newton matrix is made of."""
        loadings = self._loadings(at)
        _, _, terms, system, _ = self._find_modes(at, loadings, start)
        own_rows, own_columns, _ = self._own_blocks(loadings, system)
        return Curvature(
            self._information(loadings, terms, system),
            1.0 - np.diagonal(own_rows, axis1=-2, axis2=-1).mean(axis=1),
            1.0 - np.diagonal(own_columns, axis1=-2, axis2=-1).mean(axis=1),
        )

    def reach(self, at: Parameters) -> float:
        """Return how far from 0 the fixed effects add up to in any observation."""
        return float(np.abs(np.matmul(self.layout.fixed, at.beta[:, None, :, None])).max(initial=0.0))

    def conditional_covariances(self, at: Parameters, start: Modes) -> Modes:
        """Return the covariance of each level's standardised effects given the parameters, in arrays of blocks."""
        loadings = self._loadings(at)
        _, _, _, system, _ = self._find_modes(at, loadings, start)
        own_rows, own_columns, _ = self._own_blocks(loadings, system)
        return Modes(own_rows, own_columns)

    # --- the modes ------------------------------------------------------------------------------------------

    def _loadings(self, at: Parameters) -> tuple[FloatArray, FloatArray]:
        """Return Z Lambda, row part and column part."""
        rows = np.matmul(self.layout.row_design, at.row_factor[:, None])
        columns = np.matmul(self.layout.column_design, at.column_factor[:, None])
        return rows, columns

    def _find_modes(
        self, at: Parameters, loadings: tuple[FloatArray, FloatArray], start: Modes
    ) -> tuple[Modes, FloatArray, Terms, _System, FloatArray]:
        fixed = np.matmul(self.layout.fixed, at.beta[:, None, :, None])[..., 0]
        modes = start
        eta, terms, penalised = self._penalised(fixed, loadings, modes)
        system = self._system(loadings, terms.weight)
        for _ in range(MAX_NEWTON):
            step = system.solve(*self._mode_gradient(loadings, terms.score, modes))
            modes, eta, terms, penalised = self._step(fixed, loadings, modes, step, penalised)
            system = self._system(loadings, terms.weight)
            if max(np.abs(step[0]).max(initial=0.0), np.abs(step[1]).max(initial=0.0)) < MODE_TOLERANCE:
                break
        return modes, eta, terms, system, penalised

    def _step(
        self,
        fixed: FloatArray,
        loadings: tuple[FloatArray, FloatArray],
        modes: Modes,
        step: tuple[FloatArray, FloatArray],
        before: FloatArray,
    ) -> tuple[Modes, FloatArray, Terms, FloatArray]:
        """Go a Newton step, halved for the sets in which it would lead downhill."""
        share = np.ones(len(before))
        for _ in range(MAX_HALVINGS):
            tried = Modes(modes.rows + share[:, None, None] * step[0], modes.columns + share[:, None, None] * step[1])
            eta, terms, penalised = self._penalised(fixed, loadings, tried)
            worse = ~(penalised >= before - 1e-9 * np.abs(before))
            if not worse.any():
                break
            share[worse] *= 0.5
        return tried, eta, terms, penalised

    def _penalised(
        self, fixed: FloatArray, loadings: tuple[FloatArray, FloatArray], modes: Modes
    ) -> tuple[FloatArray, Terms, FloatArray]:
        eta = fixed + self._spread(loadings, modes.rows, modes.columns)
        terms = self.family.terms(eta, self.layout.successes, self.layout.trials)
        size = (modes.rows**2).sum(axis=(1, 2)) + (modes.columns**2).sum(axis=(1, 2))
        return eta, terms, terms.loglik.sum(axis=(1, 2)) - 0.5 * size

    def _spread(self, loadings: tuple[FloatArray, FloatArray], rows: FloatArray, columns: FloatArray) -> FloatArray:
        """Return Z Lambda (rows, columns), an entry for each observation."""
        out: FloatArray = loadings[0][..., 0] * rows[:, :, None, 0]
        for effect in range(1, rows.shape[-1]):
            out += loadings[0][..., effect] * rows[:, :, None, effect]
        flat = columns.reshape(self._n_columns, -1)
        for effect in range(flat.shape[1]):
            out += loadings[1][..., effect] * flat[:, effect].take(self.layout.column)
        return out

    def _gather(self, loadings: tuple[FloatArray, FloatArray], values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (Z Lambda)' values, for rows and columns."""
        rows = np.matmul(values[:, :, None, :], loadings[0])[:, :, 0, :]
        columns = np.empty((self._n_columns, loadings[1].shape[-1]))
        for effect in range(columns.shape[1]):
            products = (values * loadings[1][..., effect]).ravel()
            columns[:, effect] = np.bincount(self._column, products, self._n_columns)
        return rows, columns.reshape(self.layout.n_sets, self.layout.n_columns, -1)

    def _mode_gradient(
        self, loadings: tuple[FloatArray, FloatArray], score: FloatArray, modes: Modes
    ) -> tuple[FloatArray, FloatArray]:
        rows, columns = self._gather(loadings, score)
        return rows - modes.rows, columns - modes.columns

    # --- H ------------------------------------------------------------------------------------------------------

    def _system(self, loadings: tuple[FloatArray, FloatArray], weight: FloatArray) -> _System:
        n_sets, n_rows = self.layout.n_sets, self.layout.n_rows
        weighted_rows = weight[..., None] * loadings[0]
        blocks = np.matmul(weighted_rows.swapaxes(-1, -2), loadings[0])
        blocks += np.eye(blocks.shape[-1])
        row_inverse, row_logdet = block_inverses(blocks)
        crossed = self._crossed(weighted_rows, loadings[1])
        scaled = np.matmul(row_inverse, crossed)
        n_dense = crossed.shape[-1]
        flat, flat_scaled = crossed.reshape(n_sets, -1, n_dense), scaled.reshape(n_sets, -1, n_dense)
        schur = self._column_blocks(weight, loadings[1]) - np.matmul(flat.swapaxes(-1, -2), flat_scaled)
        inverse = np.linalg.inv(schur)
        logdet = row_logdet.reshape(n_sets, n_rows).sum(axis=1) + np.linalg.slogdet(schur)[1]
        return _System(row_inverse, flat_scaled, inverse, logdet)

    def _crossed(self, weighted_rows: FloatArray, column_loadings: FloatArray) -> FloatArray:
        """Return C, of shape (n_sets, n_rows, k, n_columns * c)."""
        of = self.layout
        k, c = weighted_rows.shape[-1], column_loadings.shape[-1]
        out = np.empty((of.n_sets, of.n_rows, k, of.n_columns, c))
        for a in range(k):
            for b in range(c):
                products = (weighted_rows[..., a] * column_loadings[..., b]).ravel()
                sums = np.bincount(self._cell, products, self._n_cells)
                out[:, :, a, :, b] = sums.reshape(of.n_sets, of.n_rows, of.n_columns)
        return out.reshape(of.n_sets, of.n_rows, k, of.n_columns * c)

    def _column_blocks(self, weight: FloatArray, column_loadings: FloatArray) -> FloatArray:
        """Return the block-diagonal part of the columns, I included, as a dense matrix a set."""
        of = self.layout
        c = column_loadings.shape[-1]
        out = np.zeros((of.n_sets, of.n_columns, c, of.n_columns, c))
        place = np.arange(of.n_columns)
        for a in range(c):
            for b in range(c):
                products = (weight * column_loadings[..., a] * column_loadings[..., b]).ravel()
                sums = np.bincount(self._column, products, self._n_columns)
                out[:, place, a, place, b] = sums.reshape(of.n_sets, of.n_columns) + (a == b)
        return out.reshape(of.n_sets, of.n_columns * c, of.n_columns * c)

    # --- the gradient ---------------------------------------------------------------------------------------------

    def _gradient(
        self,
        loadings: tuple[FloatArray, FloatArray],
        modes: Modes,
        eta: FloatArray,
        terms: Terms,
        system: _System,
    ) -> Parameters:
        return self._gradient_of(loadings, modes, terms, self._implicit(loadings, eta, system))

    def _implicit(self, loadings: tuple[FloatArray, FloatArray], eta: FloatArray, system: _System) -> _Implicit:
        """Return how log|H| answers to eta, and its way through the modes: s = H^-1 Z' c, one extra solve."""
        row_share, column_share = self._leverages(loadings, system)
        leverage = (loadings[0] * row_share).sum(axis=-1) + (loadings[1] * column_share).sum(axis=-1)
        pull = self.family.weight_slope(eta, self.layout.successes, self.layout.trials) * leverage
        rows, columns = system.solve(*self._gather(loadings, pull))
        through = self._spread(loadings, rows, columns)
        return _Implicit(row_share, column_share, leverage, pull, Modes(rows, columns), through)

    def _gradient_of(
        self, loadings: tuple[FloatArray, FloatArray], modes: Modes, terms: Terms, of: _Implicit
    ) -> Parameters:
        common = terms.score - 0.5 * of.pull + 0.5 * terms.weight * of.through
        rows = self._factor_gradient(
            self.layout.row_design, common, terms, of.row_share,
            modes.rows[:, :, None, :], of.by_modes.rows[:, :, None, :],
        )  # fmt: skip
        columns = self._factor_gradient(
            self.layout.column_design, common, terms, of.column_share,
            self._of_observations(modes.columns), self._of_observations(of.by_modes.columns),
        )  # fmt: skip
        return Parameters(self._by_beta(common), rows, columns)

    def _by_beta(self, values: FloatArray) -> FloatArray:
        """Return X' values."""
        of = self.layout
        flat = of.fixed.reshape(of.n_sets, -1, of.n_fixed)
        products: FloatArray = np.matmul(values.reshape(of.n_sets, 1, -1), flat)[:, 0]
        return products

    def _of_observations(self, columns: FloatArray) -> FloatArray:
        flat = columns.reshape(self._n_columns, -1)
        return flat.take(self.layout.column, axis=0)

    def _own_blocks(
        self, loadings: tuple[FloatArray, FloatArray], system: _System
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return of H^-1 each row's own block, each column's own block, and the rows by columns."""
        of = self.layout
        k, c = loadings[0].shape[-1], loadings[1].shape[-1]
        crossed = -np.matmul(system.scaled, system.schur_inverse)
        shape = (of.n_sets, of.n_rows, k, of.n_columns * c)
        own_rows = system.row_inverse - np.matmul(crossed.reshape(shape), system.scaled.reshape(shape).swapaxes(-1, -2))
        place = np.arange(of.n_columns)
        dense = system.schur_inverse.reshape(of.n_sets, of.n_columns, c, of.n_columns, c)
        own_columns = dense[:, place, :, place, :].swapaxes(0, 1)
        return own_rows, own_columns, crossed.reshape(of.n_sets, of.n_rows, k, of.n_columns, c)

    def _leverages(self, loadings: tuple[FloatArray, FloatArray], system: _System) -> tuple[FloatArray, FloatArray]:
        """Return each observation's own entries of H^-1 (Z Lambda)', row part and column part."""
        own_rows, own_columns, crossed = self._own_blocks(loadings, system)
        k, c = loadings[0].shape[-1], loadings[1].shape[-1]
        row_share = np.matmul(loadings[0], own_rows)
        column_share = np.zeros_like(loadings[1])
        flat = own_columns.reshape(self._n_columns, c, c)
        for b in range(c):
            for a in range(c):
                column_share[..., b] += loadings[1][..., a] * flat[:, a, b].take(self.layout.column)
            for a in range(k):
                between = crossed[:, :, a, :, b].reshape(-1).take(self._cell).reshape(self.layout.column.shape)
                row_share[..., a] += loadings[1][..., b] * between
                column_share[..., b] += loadings[0][..., a] * between
        return row_share, column_share

    def _factor_gradient(
        self,
        design: FloatArray,
        common: FloatArray,
        terms: Terms,
        share: FloatArray,
        modes: FloatArray,
        through: FloatArray,
    ) -> FloatArray:
        """Return the derivative by a triangular factor; entry (a, b) multiplies design a with effect b."""
        inner = common[..., None] * modes - terms.weight[..., None] * share - 0.5 * terms.score[..., None] * through
        n_sets, size = design.shape[0], design.shape[-1]
        flat_design, flat_inner = design.reshape(n_sets, -1, size), inner.reshape(n_sets, -1, size)
        products: FloatArray = np.matmul(flat_design.swapaxes(-1, -2), flat_inner)
        return np.tril(products)

    def _information(self, loadings: tuple[FloatArray, FloatArray], terms: Terms, system: _System) -> FloatArray:
        of = self.layout
        weighted = terms.weight[..., None] * of.fixed
        flat, flat_weighted = (values.reshape(of.n_sets, -1, of.n_fixed) for values in (of.fixed, weighted))
        information: FloatArray = np.matmul(flat.swapaxes(-1, -2), flat_weighted)
        for j in range(of.n_fixed):
            rows, columns = self._gather(loadings, weighted[..., j])
            through = self._spread(loadings, *system.solve(rows, columns))
            information[:, :, j] -= np.matmul(through.reshape(of.n_sets, 1, -1), flat_weighted)[:, 0]
        return information


def block_inverses(blocks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return inverses and log-determinants of small matrices; one and two effects, the usual cases, in closed form."""
    size = blocks.shape[-1]
    inverse = np.empty_like(blocks)
    if size == 1:
        np.divide(1.0, blocks, out=inverse)
        return inverse, np.log(blocks[..., 0, 0])
    if size == 2:
        determinant = blocks[..., 0, 0] * blocks[..., 1, 1] - blocks[..., 0, 1] * blocks[..., 1, 0]
        inverse[..., 0, 0], inverse[..., 1, 1] = blocks[..., 1, 1] / determinant, blocks[..., 0, 0] / determinant
        inverse[..., 0, 1], inverse[..., 1, 0] = -blocks[..., 0, 1] / determinant, -blocks[..., 1, 0] / determinant
        return inverse, np.log(determinant)
    inverse[...] = np.linalg.inv(blocks)
    return inverse, np.linalg.slogdet(blocks)[1]

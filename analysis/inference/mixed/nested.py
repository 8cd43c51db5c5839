"""Tests that contrasts of the fixed effects are zero: Wald's, and the likelihood ratio against the model without."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import linalg, stats

from analysis.errors import InputError
from analysis.inference.mixed.fit import BinomialModel, MixedFit, describe, solve
from analysis.types import FloatArray

WALD: Final = "Wald (1943), Trans. Am. Math. Soc. 54"
WILKS: Final = "Wilks (1938), Ann. Math. Stat. 9"


@dataclass(frozen=True)
class ModelTest:
    """A test that some contrasts are zero.

    Parameters
    ----------
    statistic : float or None
        Chi-square distributed without the effects; None where there is no test.
    degrees_of_freedom : int
        Independent contrasts tested.
    p_value : float or None
    n_participants : int
    method, reference : str
    """

    statistic: float | None
    degrees_of_freedom: int
    p_value: float | None
    n_participants: int
    method: str
    reference: str


def wald_test(fit: MixedFit, contrasts: FloatArray) -> ModelTest:
    """Test that all the contrasts are zero by their estimates and covariance.

    Parameters
    ----------
    fit : MixedFit
    contrasts : float array, shape (n_contrasts, n_fixed)

    Returns
    -------
    ModelTest
        Without a p-value where the fit is no maximum: separated answers make estimates and errors run off together,
        so that the statistic falls to nothing (Hauck & Donner 1977).
    """
    free = _independent(contrasts, len(fit.names))
    if not fit.certificate.is_maximum:
        return ModelTest(None, len(free), None, fit.n_participants, "Wald, which needs a maximum: there is none", WALD)
    values = free @ fit.coefficients
    statistic = float(values @ np.linalg.solve(free @ fit.covariance @ free.T, values))
    return _chi_square(statistic, len(free), fit.n_participants, "Wald", WALD)


def likelihood_ratio_test(model: BinomialModel, full: MixedFit, contrasts: FloatArray) -> ModelTest:
    """Test that all the contrasts are zero by fitting the model in which they are.

    Parameters
    ----------
    model : BinomialModel
        That `full` was fitted from.
    full : MixedFit
    contrasts : float array, shape (n_contrasts, n_fixed)

    Returns
    -------
    ModelTest
        Good for separated answers too: the likelihood has a limit where the estimate has none.
    """
    free = _independent(contrasts, len(full.names))
    rest = linalg.null_space(free)
    names = tuple(f"rest_{number}" for number in range(rest.shape[1]))
    without = describe(solve(replace(model, fixed=model.fixed @ rest, names=names)))
    statistic = max(2.0 * (full.loglik - without.loglik), 0.0)
    return _chi_square(statistic, len(free), full.n_participants, "likelihood ratio", WILKS)


def _independent(contrasts: FloatArray, n_fixed: int) -> FloatArray:
    """Return a basis of the contrasts, so that one that says what others say does not count."""
    rows = np.atleast_2d(np.asarray(contrasts, dtype=np.float64))
    if rows.shape[1] != n_fixed:
        raise InputError("contrasts", [f"{n_fixed} weights each were expected, {rows.shape[1]} came"])
    basis: FloatArray = linalg.orth(rows.T).T
    if not len(basis):
        raise InputError("contrasts", ["a weight other than 0 was expected, none came"])
    return basis


def _chi_square(statistic: float, freedom: int, n_participants: int, method: str, reference: str) -> ModelTest:
    return ModelTest(statistic, freedom, float(stats.chi2.sf(statistic, freedom)), n_participants, method, reference)

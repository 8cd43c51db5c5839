"""Parameters as rows of numbers: beta, then the lower triangles of the factors."""

import numpy as np

from analysis.inference.mixed.laplace import Parameters
from analysis.types import FloatArray


def pack(parameters: Parameters) -> FloatArray:
    """Return the free parameters, shape (n_sets, n_parameters)."""
    triangles = (
        factor[:, *np.tril_indices(factor.shape[-1])] for factor in (parameters.row_factor, parameters.column_factor)
    )
    return np.concatenate([parameters.beta, *triangles], axis=1)


def unpack(values: FloatArray, like: Parameters) -> Parameters:
    """Return the parameters that `pack` packed, shaped as those of `like`."""
    n_fixed, k, c = like.beta.shape[-1], like.row_factor.shape[-1], like.column_factor.shape[-1]
    split = n_fixed + k * (k + 1) // 2
    rows, columns = np.zeros((len(values), k, k)), np.zeros((len(values), c, c))
    rows[:, *np.tril_indices(k)] = values[:, n_fixed:split]
    columns[:, *np.tril_indices(c)] = values[:, split:]
    return Parameters(values[:, :n_fixed], rows, columns)

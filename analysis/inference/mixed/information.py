"""From information to covariance, also where there is none about some direction."""

from typing import Final

import numpy as np

from analysis.types import FloatArray

LEAST: Final = 1e-10  # of the largest eigenvalue; below it there is rounding and nothing else
WITHOUT_BOUND: Final = 1e12


def inverse_of(information: FloatArray, unknown: float = WITHOUT_BOUND) -> FloatArray:
    """Invert symmetric matrices; a direction of no information at all is no error.

    Parameters
    ----------
    information : float array, shape (..., n, n)
    unknown : float
        What stands for the variance in a direction that nothing is known of.

    Returns
    -------
    float array, shape (..., n, n)
    """
    values, vectors = np.linalg.eigh(information)
    is_known = values > LEAST * values.max(axis=-1, keepdims=True)
    inverse = np.where(is_known, 1.0 / np.where(is_known, values, 1.0), unknown)
    product: FloatArray = np.einsum("...ij,...j,...kj->...ik", vectors, np.minimum(inverse, WITHOUT_BOUND), vectors)
    return product


def is_definite(information: FloatArray) -> bool:
    """Whether something is known of every direction."""
    values = np.linalg.eigvalsh(information)
    return bool(values.min() > LEAST * values.max())

"""Placebo: the real explanation's weights in random places.

Every size of the real explanation of the same item is there once, and as many weights speak against the class; which
part gets which is drawn from the item's seed. Drawn without regard to neighbours a map would be speckled where the real
one is smooth, so pictures get a surrogate with the real map's values and nearly its spatial autocorrelation: phases are
shuffled and values put back in turn (iterated amplitude-adjusted Fourier transform, Schreiber & Schmitz 1996, Phys.
Rev. Lett. 77, 635), in two dimensions and with a fixed number of rounds. The amplitudes are those of the map's periodic
component (Moisan 2011, J. Math. Imaging Vis. 39, 161, section 2.2): where opposite borders differ, the jump between
them is no roughness of the map. Of a rule other conditions are drawn, as many; of examples, which have no weights,
other items of the same outputs, and of prototypes likewise; of a strip other changes, as many, or frames in another
direction, as far; of formulas such as are no unit's here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from explainers.methods import (
    concept_formulas,
    decision_boundary,
    latent_shift,
    nearest_examples,
    probabilistic_prototypes,
    prototypes,
)
from explainers.methods.base import Attribution, Batch, FloatArray, IntArray, Method, generator, method
from explainers.methods.composite import together
from explainers.types import ImageInput, Input

_WITHOUT_WEIGHTS: Mapping[str, Method] = {
    "nearest_examples": nearest_examples.at_random,
    "decision_boundary": decision_boundary.at_random,
    "latent_shift": latent_shift.at_random,
    "prototypes": prototypes.at_random,
    "probabilistic_prototypes": probabilistic_prototypes.at_random,
    "concept_formulas": concept_formulas.at_random,
}
_ORDER = 8  # stream of an item's generator
_ROUNDS = 20
_FEWEST = 4  # rows and columns of a map that has neighbourhoods to keep; a smaller one would come back nearly as it was
_DECIMALS = 9  # of a standardised surrogate, so that last bits order nothing


def explain(batch: Batch) -> list[Attribution]:
    """The base method's explanations with their weights in random places.

    Returns
    -------
    list of Attribution
        In the base method's units, without its diagnostics.
    """
    name = str(batch.params["method"])
    if name == "composite":
        return together(batch, "placebo_random")
    if name in _WITHOUT_WEIGHTS:
        return [replace(own, diagnostics={}) for own in _WITHOUT_WEIGHTS[name](batch)]
    found = []
    for request, own in zip(batch.requests, method(name)(batch), strict=True):
        rng, shape = generator(request.seed, _ORDER), _lattice(request.input, own)
        weights = shuffled(own.weights, rng) if shape is None else surrogate(own.weights.reshape(shape), rng).ravel()
        found.append(replace(own, weights=weights, order=None, diagnostics={}))
    return found


def _lattice(item: Input, own: Attribution) -> tuple[int, int] | None:
    """Rows and columns of a map's units; None where the units are no map, or too few for one."""
    if not isinstance(item, ImageInput) or own.activations is not None:
        return None
    units = own.unit_of_pixel
    n_columns = item.width if units is None else int(units[: item.width].max()) + 1
    n_rows = len(own.weights) // n_columns
    return (n_rows, n_columns) if min(n_rows, n_columns) >= _FEWEST else None


def shuffled(real: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The sizes in random order; signs are shuffled apart from them, among what is not 0."""
    found = rng.permutation(np.abs(real))
    found[found != 0] *= rng.permutation(np.sign(real[real != 0]))
    return found


def surrogate(real: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A map with the same values and nearly the same autocorrelation (on a torus), otherwise random.

    Parameters
    ----------
    real : float array, shape (n_rows, n_columns)
    rng : numpy.random.Generator

    Returns
    -------
    float array, shape (n_rows, n_columns)
        A permutation of `real`.
    """
    if not np.isfinite(real).all():
        return real
    ties, ordered = rng.random(real.shape).ravel(), np.sort(real, axis=None)
    amplitudes = np.abs(periodic_spectrum(real))
    found = rng.permutation(real.ravel()).reshape(real.shape)
    for _ in range(_ROUNDS):
        waves = np.fft.fft2(found - found.mean())
        moduli = np.abs(waves)
        turned = np.divide(waves, moduli, out=np.zeros_like(waves), where=moduli > 0)
        found = _by_rank(np.fft.ifft2(turned * amplitudes).real, ordered, ties)
    return found


def periodic_spectrum(real: FloatArray) -> NDArray[np.complex128]:
    """The Fourier transform of the map's periodic component, without its mean; shape (n_rows, n_columns)."""
    jumps = np.zeros_like(real)
    jumps[0], jumps[-1] = real[-1] - real[0], real[0] - real[-1]
    jumps[:, 0] += real[:, -1] - real[:, 0]
    jumps[:, -1] += real[:, 0] - real[:, -1]
    down, across = (2 * np.cos(2 * np.pi * np.arange(n) / n) for n in real.shape)
    scale = down[:, None] + across - 4
    scale[0, 0] = 1  # of the mean
    found = np.fft.fft2(real) - np.fft.fft2(jumps) / scale
    found[0, 0] = 0
    return np.asarray(found, dtype=np.complex128)


def _by_rank(wanted: FloatArray, ordered: FloatArray, ties: FloatArray) -> FloatArray:
    """The ordered values where `wanted` has its own of the same rank."""
    spread = float(wanted.std())
    keys = np.round(wanted / spread, _DECIMALS) if spread > 0 else np.zeros_like(wanted)
    order: IntArray = np.lexsort((ties, keys.ravel()))
    found = np.empty(wanted.size)
    found[order] = ordered
    return found.reshape(wanted.shape)

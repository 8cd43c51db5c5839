"""Placebo: the edges of the picture, drawn as the arm's method would (Adebayo et al. 2018, arXiv 1810.03292, figure 1).

An edge detector knows the picture and nothing of the predictor, yet its maps are taken for explanations. Edges are
Sobel's: the length of the gradient of the grey picture (the sum of the channels), averaged over the units of the base
method. As in `placebo_random_weights` the sizes are those of the real explanation of the same item, handed out by
rank: the strongest edge gets the largest weight. Where nothing changes in the picture, places near edges come first, so
that flat parts are shaded and not speckled. Where the method has directions, as many weights as in the real explanation
speak against the class: those where it grows darker to the right and below, most of all.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from explainers.errors import InputError
from explainers.methods.base import Attribution, Batch, FloatArray, IntArray, generator, method
from explainers.methods.forms import rounded
from explainers.types import ImageInput

_TIES = 7  # stream of an item's generator
_BLUR = 1 / 8  # standard deviation of the blur that orders flat places, as a share of the picture's longer side
_REACH = 8  # standard deviations: the whole picture


def explain(batch: Batch) -> list[Attribution]:
    """Edges in the sizes of the base method's explanations.

    Returns
    -------
    list of Attribution
        In the base method's units, without its diagnostics.

    Raises
    ------
    InputError
        When an item is no picture, or the base method says nothing of its pixels.
    """
    real = method(str(batch.params["method"]))(batch)
    return [_drawn(batch, place, own) for place, own in enumerate(real)]


def _drawn(batch: Batch, place: int, real: Attribution) -> Attribution:
    item = batch.requests[place].input
    if not isinstance(item, ImageInput):
        raise InputError(f"requests[{place}].input: placebo_edges needs pictures, {item.modality} came")
    across, down = sobel(item)
    strength, slope = np.sqrt(across**2 + down**2), across + down
    keys = [_of_units(values, real.unit_of_pixel) for values in (strength, _blurred(strength), slope, _blurred(slope))]
    if len(keys[0]) != len(real.weights):
        raise InputError(f"requests[{place}]: {batch.params['method']} weighs no pixels; choose another base method")
    ties = generator(batch.requests[place].seed, _TIES).random(len(real.weights))
    return replace(real, weights=_with_sizes(real.weights, keys, ties), diagnostics={})


def sobel(item: ImageInput) -> tuple[FloatArray, FloatArray]:
    """The grey picture's gradient to the right and downwards, by Sobel's masks; each of shape (height, width)."""
    pixels = np.frombuffer(item.pixels, np.uint8).reshape(item.height, item.width, item.channels)
    grey = pixels.sum(axis=2, dtype=np.float64)
    return ndimage.sobel(grey, axis=1, mode="nearest"), ndimage.sobel(grey, axis=0, mode="nearest")


def _blurred(values: FloatArray) -> FloatArray:
    sigma = max(values.shape) * _BLUR
    found = ndimage.gaussian_filter(values, sigma, mode="constant", truncate=_REACH)
    return np.array(rounded(found.ravel())).reshape(values.shape)  # so that last bits order nothing


def _of_units(values: FloatArray, unit_of_pixel: IntArray | None) -> FloatArray:
    """The mean over the pixels of each unit; shape (n_units,)."""
    flat = values.ravel()
    if unit_of_pixel is None:
        return flat
    return np.asarray(np.bincount(unit_of_pixel, weights=flat) / np.bincount(unit_of_pixel), dtype=np.float64)


def _with_sizes(real: FloatArray, keys: list[FloatArray], ties: FloatArray) -> FloatArray:
    """The sizes of `real` by the rank of the edges, and as many weights below 0 where the slope falls most."""
    strength, near, slope, around = keys
    found = np.empty_like(real)
    found[np.lexsort((ties, near, strength))] = np.sort(np.abs(real))
    falling = [unit for unit in np.lexsort((ties, around, slope)) if found[unit] != 0]
    against = falling[: int((real < 0).sum())]
    found[against] *= -1
    return found

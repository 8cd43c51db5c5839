"""Occlusion (Zeiler & Fergus 2014, arXiv 1311.2901, section 4.2): cover a part, watch the probability fall.

A patch slides over a picture, a window over the words of a text; in tables one variable is covered at a time. What is
covered is absent as `explainers.methods.masking` has it: black, left out of the text, average. The paper covers with
grey; black is the ground of our pictures and the baseline of the other methods. A part under several patches takes
the mean of their falls, as in captum.
"""

from __future__ import annotations

import numpy as np

from explainers.methods.base import Attribution, Batch, BoolArray, FloatArray, IntArray
from explainers.methods.masking import Cut, baseline_masking
from explainers.types import ImageInput, Input, TabularInput


def explain(batch: Batch) -> list[Attribution]:
    """How far the probability of the explained class falls when a part is covered.

    Returns
    -------
    list of Attribution
        Weights in units of probability. Diagnostics: `patches`, how many places were covered; `probability`, the
        predictor's at the item.
    """
    size_px, overlap = int(batch.params["patch_px"]), int(batch.params["overlap"])
    found = baseline_masking(batch, patch_cut(size_px, overlap))
    patches = [_patches(item, size_px, overlap, int(batch.params["n_words"])) for item in batch.inputs]
    answers = found.predict_all([np.vstack([np.ones_like(own[:1]), ~own]) for own in patches])
    return [
        Attribution(
            mean_falls(own, said[0] - said[1:]),
            {"patches": float(len(own)), "probability": float(said[0])},
            found.unit_of_pixel(place),
        )
        for place, (own, said) in enumerate(zip(patches, answers, strict=True))
    ]


def _patches(item: Input, size_px: int, overlap: int, n_words: int) -> BoolArray:
    """The units under each patch; shape (n_patches, n_units)."""
    if isinstance(item, TabularInput):
        return windows(len(item.values), 1, 1)
    if not isinstance(item, ImageInput):
        return windows(len(item.tokens), n_words, 1)
    down, across = (_bands_under(_sliding(n_pixels, size_px, overlap)) for n_pixels in (item.height, item.width))
    return (down[:, None, :, None] & across[None, :, None, :]).reshape(len(down) * len(across), -1)


def windows(n_places: int, length: int, stride: int) -> BoolArray:
    """The places under each window, from the first place on in steps of `stride`; shape (n_windows, n_places).

    A window longer than all places covers them all; the last may hang over the end.
    """
    length = min(length, n_places)
    starts = stride * np.arange(-(-(n_places - length) // stride) + 1)[:, None]
    places = np.arange(n_places)
    found: BoolArray = (places >= starts) & (places < starts + length)
    return found


def _sliding(n_pixels: int, size_px: int, overlap: int) -> BoolArray:
    return windows(n_pixels, size_px, max(1, size_px // overlap))


def patch_cut(size_px: int, overlap: int) -> Cut:
    """Cut a picture so that all the pixels of a cell lie under the same patches."""

    def cut(height: int, width: int) -> tuple[IntArray, IntArray]:
        return _bands(_sliding(height, size_px, overlap)), _bands(_sliding(width, size_px, overlap))

    return cut


def _bands(under: BoolArray) -> IntArray:
    """The band of each row or column of pixels: a new one begins where other patches do."""
    changes = (under[:, 1:] != under[:, :-1]).any(axis=0)
    return np.concatenate([[0], np.cumsum(changes)]).astype(np.int64)


def _bands_under(under: BoolArray) -> BoolArray:
    """The bands under each window."""
    return under[:, np.unique(_bands(under), return_index=True)[1]]


def mean_falls(patches: BoolArray, falls: FloatArray) -> FloatArray:
    """The mean fall of the patches over each unit; every unit is under one at least; shape (n_units,)."""
    summed = (patches * falls[:, None]).sum(axis=0)
    return np.asarray(summed / patches.sum(axis=0), dtype=np.float64)

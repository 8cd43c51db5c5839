"""Change a small part of a drawing: erase a patch of ink, or add a stroke between two places that have ink."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from explainers.errors import InputError
from explainers.perturbations.base import Proposal
from explainers.types import ImageInput, Input

INK = 128  # a pixel brighter than this is ink
PATCH_SIDES = (4, 7)  # pixels, inclusive
STROKE_LENGTHS = (5.0, 12.0)  # pixels
STROKE_RADIUS = 1.1  # pixels at full brightness on both sides of the line
FALLOFF = 1.0  # pixels over which the edge of a stroke fades

Picture = NDArray[np.float64]


def change_drawing(item: Input, rng: np.random.Generator) -> Proposal | None:
    """Propose one change of a grey picture with bright ink on black."""
    if not isinstance(item, ImageInput) or item.channels != 1:
        raise InputError("perturbation: a grey picture (channels 1) was expected")
    before = np.frombuffer(item.pixels, dtype=np.uint8).reshape(item.height, item.width).astype(np.float64)
    kind = "patch" if rng.random() < 0.5 else "stroke"
    after = _erase_patch(before, rng) if kind == "patch" else _add_stroke(before, rng)
    if after is None:
        return None
    pixels = after.round().astype(np.uint8)
    changed = ImageInput(item.height, item.width, 1, pixels.tobytes())
    differs = pixels != before
    if not differs.any():
        return None
    old, new = ("as drawn", "erased") if kind == "patch" else ("as drawn", "stroke added")
    return Proposal(kind, changed, ((region(differs), old, new),))


def region(differs: NDArray[np.bool_]) -> str:
    """The smallest rectangle around the pixels that differ, counted from 1."""
    rows, columns = np.nonzero(differs)
    return f"rows {rows.min() + 1}-{rows.max() + 1}, columns {columns.min() + 1}-{columns.max() + 1}"


def _erase_patch(before: Picture, rng: np.random.Generator) -> Picture | None:
    ink = np.argwhere(before > INK)
    if not len(ink):
        return None
    row, column = rng.choice(ink)
    height, width = rng.integers(PATCH_SIDES[0], PATCH_SIDES[1] + 1, size=2)
    after = before.copy()
    top, left = max(0, row - height // 2), max(0, column - width // 2)
    after[top : top + height, left : left + width] = 0
    return after


def _add_stroke(before: Picture, rng: np.random.Generator) -> Picture | None:
    ink = np.argwhere(before > INK)
    if len(ink) < 2:
        return None
    start, end = rng.choice(ink, size=2, replace=False).astype(np.float64)
    if not STROKE_LENGTHS[0] <= float(np.hypot(*(end - start))) <= STROKE_LENGTHS[1]:
        return None
    away = _distance(before.shape, start, end)
    stroke = 255 * np.clip(1 - (away - STROKE_RADIUS) / FALLOFF, 0, 1)
    after = np.maximum(before, stroke)
    is_new = (after > INK) & (before <= INK)
    return after if is_new.sum() >= STROKE_LENGTHS[0] else None


def _distance(shape: tuple[int, ...], start: Picture, end: Picture) -> Picture:
    """Distance in pixels of every pixel's centre to the segment."""
    rows, columns = np.indices(shape, dtype=np.float64)
    grid = np.stack((rows, columns), axis=-1)
    along = end - start
    share = np.clip(((grid - start) @ along) / (along @ along), 0, 1)
    nearest = start + share[..., None] * along
    distance: Picture = np.linalg.norm(grid - nearest, axis=-1)
    return distance

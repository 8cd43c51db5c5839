"""Pictures as data addresses: nothing to fetch, so no file name, order or cache can tell what a picture shows."""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from explainers.types import Heatmap, ImageInput

Side = Literal["a", "b"]
OVERLAY_SIDE = 224  # an overlay has at least this many pixels, so that stripes fit into one of the picture's
STRIPE = 4
SCALE_STEPS = 9
MAX_ALPHA = 225
ALPHA_STEP = 15  # few levels: a smaller file, and no differences that nobody can see
COLOURS: dict[Side, tuple[int, int, int]] = {"a": (255, 140, 26), "b": (150, 110, 255)}


@lru_cache(maxsize=2048)
def picture(image: ImageInput) -> str:
    """An input as a PNG at its own size; the page scales it up without smoothing."""
    mode = "L" if image.channels == 1 else "RGB"
    return _address(Image.frombytes(mode, (image.width, image.height), image.pixels))


@lru_cache(maxsize=2048)
def overlay(heatmap: Heatmap, positive: Side, is_signed: bool) -> str:
    """The weights as a colour over the picture, the stronger the less it lets through.

    Two colours apart for every kind of colour vision; side a is striped too, so it is told apart in grey.
    """
    values = np.array(heatmap.values, dtype=float).reshape(heatmap.height, heatmap.width)
    if not is_signed:
        return _painted(np.abs(values))
    return _painted(values if positive == "b" else -values)


@lru_cache(maxsize=2)
def scale(is_signed: bool) -> str:
    """The colours in steps, for the legend: from side a's strongest to side b's, or from nothing to the strongest."""
    steps = np.linspace(-1.0 if is_signed else 0.0, 1.0, SCALE_STEPS)
    return _painted(steps[None])


def _painted(towards_b: NDArray[np.floating], at_least: int = OVERLAY_SIDE) -> str:
    strongest = float(np.abs(towards_b).max())
    share: NDArray[np.floating] = towards_b / strongest if strongest > 0 else np.zeros_like(towards_b)
    times = max(1, -(-at_least // max(share.shape)))
    share = np.kron(share, np.ones((times, times)))
    rows, columns = np.indices(share.shape)
    striped = (rows + columns) // STRIPE % 2 == 0
    alpha = np.round(np.abs(share) * MAX_ALPHA / ALPHA_STEP) * ALPHA_STEP
    alpha = np.where((share < 0) & striped, alpha * 0.25, alpha)
    colour = np.where((share < 0)[..., None], COLOURS["a"], COLOURS["b"])
    pixels = np.dstack([np.where(alpha[..., None] > 0, colour, 0), alpha]).astype(np.uint8)
    return _address(Image.fromarray(pixels, "RGBA"))


def _address(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")

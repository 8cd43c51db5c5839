"""Inputs in a file of explanations: an item in full, or by the SHA-256 of its canonical JSON."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any

from explainers.imports.fields import Misfit, line, record, sequence, shown, whole
from explainers.types import ImageInput, Input, TabularInput, TextInput

MOST_VARIABLES, MOST_TOKENS, MOST_SIDE = 200, 256, 512
MOST_LETTERS = 200  # of a name, a value or a token
CHANNELS = (1, 3)


def input_sha256(item: Input) -> str:
    """The SHA-256 by which an item is known: of its JSON with sorted keys, without blanks, in UTF-8."""
    text = json.dumps(item.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def read_input(value: object, path: str) -> Input:
    """An input as `to_json` gives it; raises Misfit with the field."""
    modality = value.get("modality") if isinstance(value, dict) else None
    match modality:
        case "tabular":
            return _tabular(value, path)
        case "text":
            data = record(value, path, ("modality", "tokens"))
            tokens = sequence(data["tokens"], f"{path}.tokens", fewest=1, most=MOST_TOKENS)
            return TextInput(tuple(_letters(token, f"{path}.tokens[{n}]") for n, token in enumerate(tokens)))
        case "image":
            return _image(value, path)
    raise Misfit(f"{path}.modality: tabular, text or image was expected, {shown(modality)} came")


def _tabular(value: object, path: str) -> TabularInput:
    data = record(value, path, ("modality", "values"))
    pairs = []
    for n, pair in enumerate(sequence(data["values"], f"{path}.values", fewest=1, most=MOST_VARIABLES)):
        name, said = sequence(pair, f"{path}.values[{n}]", fewest=2, most=2)
        pairs.append((_letters(name, f"{path}.values[{n}][0]"), _letters(said, f"{path}.values[{n}][1]")))
    return TabularInput(tuple(pairs))


def _image(value: object, path: str) -> ImageInput:
    data = record(value, path, ("modality", "height", "width", "channels", "pixels"))
    height, width = (whole(data[side], f"{path}.{side}", low=1, high=MOST_SIDE) for side in ("height", "width"))
    channels = data["channels"]
    if isinstance(channels, bool) or channels not in CHANNELS:
        raise Misfit(f"{path}.channels: 1 or 3 was expected, {shown(channels)} came")
    n_bytes = height * width * channels
    pixels = _bytes(data["pixels"], f"{path}.pixels")
    if len(pixels) != n_bytes:
        raise Misfit(f"{path}.pixels: {n_bytes} bytes were expected, {len(pixels)} came")
    return ImageInput(height, width, channels, pixels)


def _bytes(value: object, path: str) -> bytes:
    try:
        if isinstance(value, str):
            return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise Misfit(f"{path}: bytes in base64 were expected, {shown(value)} came")


def _letters(value: object, path: str) -> str:
    return line(value, path, most=MOST_LETTERS)


def same_kind(item: Input, other: Input) -> bool:
    """Whether two inputs are of one kind: the same variables, pictures of one size, or both texts."""
    return _kind(item) == _kind(other)


def _kind(item: Input) -> tuple[Any, ...]:
    match item:
        case TabularInput(values=values):
            return ("tabular", *(name for name, _ in values))
        case ImageInput():
            return "image", item.height, item.width, item.channels
    return ("text",)

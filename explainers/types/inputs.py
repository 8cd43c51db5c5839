"""Items as people see them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from explainers.errors import InputError
from explainers.types.names import Json, Modality


@dataclass(frozen=True)
class TabularInput:
    """One row as people see it: variable name to the name of its bin or category, in display order."""

    values: tuple[tuple[str, str], ...]
    modality: Modality = field(default="tabular", init=False)

    def to_json(self) -> dict[str, Any]:
        return {"modality": "tabular", "values": [list(pair) for pair in self.values]}


@dataclass(frozen=True)
class TextInput:
    """A sentence as its tokens, in order; joined by blanks it reads as the sentence."""

    tokens: tuple[str, ...]
    modality: Modality = field(default="text", init=False)

    def to_json(self) -> dict[str, Any]:
        return {"modality": "text", "tokens": list(self.tokens)}


@dataclass(frozen=True)
class ImageInput:
    """A picture: unsigned bytes in row-major order, `height * width * channels` of them (channels 1 or 3)."""

    height: int
    width: int
    channels: int
    pixels: bytes
    modality: Modality = field(default="image", init=False)

    def __post_init__(self) -> None:
        expected = self.height * self.width * self.channels
        if len(self.pixels) != expected:
            size = f"{self.height} x {self.width} x {self.channels}"
            raise InputError(f"pixels: {len(self.pixels)} bytes came, {size} needs {expected}")

    def to_json(self) -> dict[str, Any]:
        return {
            "modality": "image",
            "height": self.height,
            "width": self.width,
            "channels": self.channels,
            "pixels": base64.b64encode(self.pixels).decode("ascii"),
        }


Input: TypeAlias = TabularInput | TextInput | ImageInput


def input_from_json(data: Json) -> Input:
    """Read an input written by its `to_json`.

    Raises
    ------
    InputError
        When the modality is unknown or a key is missing.
    """
    try:
        match data["modality"]:
            case "tabular":
                return TabularInput(tuple((str(name), str(value)) for name, value in data["values"]))
            case "text":
                return TextInput(tuple(str(token) for token in data["tokens"]))
            case "image":
                pixels = base64.b64decode(data["pixels"])
                return ImageInput(int(data["height"]), int(data["width"]), int(data["channels"]), pixels)
            case other:
                raise InputError(f"modality: {other!r} is none of tabular, text, image")
    except KeyError as error:
        raise InputError(f"input: the key {error} is missing") from error


def as_inputs(data: Sequence[Json]) -> list[Input]:
    """Read many inputs; the error names the position of the one that failed."""
    inputs = []
    for position, entry in enumerate(data):
        try:
            inputs.append(input_from_json(entry))
        except InputError as error:
            raise InputError(f"inputs[{position}]: {error}") from error
    return inputs

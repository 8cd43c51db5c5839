"""Image predictors: pixels as floats in [0, 1], channels first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from explainers.errors import InputError
from explainers.predictors.base import Predictor
from explainers.types import ImageInput, Input, Modality


class ImagePredictor(Predictor):
    """Encodes pictures of one fixed size. `shape` is (channels, height, width)."""

    modality: ClassVar[Modality] = "image"

    def __init__(
        self,
        *,
        name: str,
        architecture: str,
        classes: tuple[str, ...],
        module: nn.Module,
        shape: tuple[int, int, int],
        prototypes: tuple[tuple[Input, ...], ...] = (),
    ) -> None:
        super().__init__(name=name, architecture=architecture, classes=classes, module=module, prototypes=prototypes)
        self.shape = shape

    def encode(self, inputs: Sequence[Input]) -> Tensor:
        channels, height, width = self.shape
        pixels = bytearray(b"".join(self._pixels(item) for item in inputs))
        flat = torch.frombuffer(pixels, dtype=torch.uint8) if pixels else torch.empty(0, dtype=torch.uint8)
        pictures = flat.reshape(len(inputs), height, width, channels).permute(0, 3, 1, 2)
        return (pictures.float() / 255).contiguous().to(self.device)

    def pictures(self, encoded: Tensor) -> tuple[ImageInput, ...]:
        """The way back from encodings (n, channels, height, width): every value as the nearest byte."""
        channels, height, width = self.shape
        values = (encoded.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().contiguous()
        return tuple(ImageInput(height, width, channels, picture.numpy().tobytes()) for picture in values)

    def _pixels(self, item: Input) -> bytes:
        if not isinstance(item, ImageInput):
            raise InputError(f"input: {self.name} takes image inputs, {item.modality} came")
        came = (item.channels, item.height, item.width)
        if came != self.shape:
            raise InputError(f"input: (channels, height, width) {came} came, {self.shape} was expected")
        return item.pixels

"""What a predictor is: an encoder of inputs, a torch module from encodings to logits, and the names of its classes.

The encoders differ by modality (`tabular.py`, `text.py`, `image.py`), the modules by architecture. A method asks
only for what is declared here and in the three modality classes.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from explainers.background import Background
from explainers.errors import InputError, MaterialError
from explainers.predictors.initialise import initialise
from explainers.predictors.senn import SennModule
from explainers.types import Input, Modality, Output

DECIMALS = 6  # of a probability: the last bits depend on the shape of the batch, these do not


class Predictor(ABC):
    """A trained classifier of one modality.

    Parameters
    ----------
    name : str
        The registry name, e.g. "adult-mlp".
    architecture : str
        "mlp", "gru", "cnn", "senn", ...; a method that is bound to one asks for it by this name.
    classes : tuple of str
        Names of the classes as people read them, in the order of the logits.
    module : torch.nn.Module
        Encoded batch ``(n, *encoded_shape)`` to logits ``(n, n_classes)``. Put into evaluation mode; its weights
        no longer require gradients.
    prototypes : tuple of tuples of Input, optional
        For a SENN with learned concepts: the training inputs that activate each concept most. For a prototype network
        each prototype as its decoder draws it, and the training picture nearest to it; for a probabilistic one the
        draws of each class's.
    """

    modality: ClassVar[Modality]

    def __init__(
        self,
        *,
        name: str,
        architecture: str,
        classes: tuple[str, ...],
        module: nn.Module,
        prototypes: tuple[tuple[Input, ...], ...] = (),
    ) -> None:
        self.name = name
        self.architecture = architecture
        self.classes = classes
        self.module = module.eval().requires_grad_(False)
        self.prototypes = prototypes
        self.background = Background(self._unknown, self.encode)

    def learned_from(self, read: Callable[[], Sequence[Input]]) -> Self:
        """Say where the inputs it was trained on come from; returns the predictor."""
        self.background = Background(read, self.encode)
        return self

    def _unknown(self) -> Sequence[Input]:
        raise MaterialError(
            f"{self.name}: what it was trained on is not known; load it from the folder of its training"
        )

    @property
    def device(self) -> torch.device:
        return next(self.module.parameters()).device

    @abstractmethod
    def encode(self, inputs: Sequence[Input]) -> Tensor:
        """Encode inputs as one batch on the predictor's device.

        Returns
        -------
        Tensor
            Tabular: float (n, n_columns), one-hot. Text: long (n, longest), token ids with 0 for padding and 1 for
            an unknown word. Image: float (n, channels, height, width) in [0, 1].

        Raises
        ------
        InputError
            When an input is of another modality, names an unknown variable or category, or has another size.
        """

    def logits(self, encoded: Tensor) -> Tensor:
        """Logits (n, n_classes); differentiable in `encoded` where that is a float tensor."""
        out: Tensor = self.module(encoded)
        return out

    def outputs(self, inputs: Sequence[Input], batch: int = 512) -> list[Output]:
        """The class and its probability for each input, the latter rounded to `DECIMALS` places."""
        found: list[Output] = []
        with torch.inference_mode():
            for start in range(0, len(inputs), batch):
                encoded = self.encode(inputs[start : start + batch])
                top = self.logits(encoded).double().softmax(1).max(1)
                pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
                found += [Output(index, round(value, DECIMALS)) for index, value in pairs]
        return found

    def reinitialised(self, seed: int) -> Self:
        """The same architecture with fresh random weights, for the placebo; buffers (centres, scales) are kept."""
        other = copy.copy(self)
        other.module = initialise(copy.deepcopy(self.module), seed).eval().requires_grad_(False)
        return other

    def to(self, device: torch.device | str) -> Self:
        """Move the module, in place; returns the predictor."""
        self.module.to(device)
        return self

    # --- SENN only --------------------------------------------------------------------------------------------

    @property
    def senn(self) -> SennModule:
        """The module as a SENN; raises InputError for any other architecture."""
        if not isinstance(self.module, SennModule):
            raise InputError(f"predictor: {self.name} is of architecture {self.architecture}, not senn")
        return self.module

    def concepts(self, encoded: Tensor) -> Tensor:
        """h (n, k): see `SennModule`; k is the number of columns (tabular), positions (text) or learned concepts."""
        return self.senn.parts(encoded).concepts

    def relevances(self, encoded: Tensor) -> Tensor:
        """theta (n, k, n_classes), summing to 0 over the classes; logits are sum_k h theta + a constant a class."""
        return self.senn.parts(encoded).relevances

    @property
    def concept_names(self) -> tuple[str, ...]:
        """Names of learned concepts ("Pattern 1", ...); tabular and text concepts are columns and tokens instead."""
        return tuple(f"Pattern {number}" for number in range(1, len(self.prototypes) + 1))

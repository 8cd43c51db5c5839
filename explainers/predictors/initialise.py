"""Random weights from an explicit generator, in torch's default distributions."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TypeVar

import torch
from torch import Generator, Tensor, nn


class OwnWeights(ABC):
    """A module that knows how its own parameters are drawn."""

    @abstractmethod
    def draw_weights(self, generator: Generator) -> None:
        """Overwrite every parameter, on the CPU; called without gradients."""


Module = TypeVar("Module", bound=nn.Module)


def initialise(module: Module, seed: int) -> Module:
    """Overwrite every parameter (never a buffer) with a fresh random draw; returns the module.

    Linear, convolution: uniform in ±1/sqrt(fan in). GRU: uniform in ±1/sqrt(hidden size). Embedding: normal with
    standard deviation 0.1, the row of the padding 0. Layer normalisation: gain 1, bias 0. A module's own parameters: as
    it says itself, else 0 (a bias a class). The draw happens on the CPU, so that a seed means the same weights on every
    device.

    Raises
    ------
    TypeError
        For a submodule with parameters whose distribution is not written here.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in module.modules():
            _initialise_own(part, generator)
    return module


def _initialise_own(part: nn.Module, generator: Generator) -> None:
    match part:
        case nn.Linear() | nn.Conv1d() | nn.Conv2d():
            bound = 1 / math.sqrt(part.weight[0].numel())
            uniform(part.weight, -bound, bound, generator)
            if part.bias is not None:
                uniform(part.bias, -bound, bound, generator)
        case nn.GRU():
            for weight in part.parameters():
                bound = 1 / math.sqrt(part.hidden_size)
                uniform(weight, -bound, bound, generator)
        case nn.Embedding():
            part.weight.copy_(torch.empty(part.weight.shape).normal_(0, 0.1, generator=generator))
            if part.padding_idx is not None:
                part.weight[part.padding_idx] = 0
        case nn.LayerNorm():
            part.weight.fill_(1)
            part.bias.zero_()
        case OwnWeights():
            part.draw_weights(generator)
        case _:
            _zero_biases(part)


def _zero_biases(part: nn.Module) -> None:
    for name, weight in part.named_parameters(recurse=False):
        if name != "bias":
            raise TypeError(f"{type(part).__name__}.{name}: no distribution is known for this parameter")
        weight.zero_()


def uniform(weight: Tensor, low: float, high: float, generator: Generator) -> None:
    """Overwrite a parameter with a draw from the uniform distribution."""
    weight.copy_(torch.empty(weight.shape).uniform_(low, high, generator=generator))

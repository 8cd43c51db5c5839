"""Copies of a predictor with some layers wrapped: for methods that look inside it, or change the way back.

A copy shares the weights. The predictor itself is never changed, so that others may use it meanwhile.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

from torch import nn

from explainers.predictors.base import Predictor

# Elementwise, and positive exactly where their input is
RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Mish)


def rectifiers(module: nn.Module) -> list[str]:
    """The names of the rectifying layers, in the order of their registration."""
    return [name for name, layer in module.named_modules() if isinstance(layer, RECTIFIERS)]


def with_layers(predictor: Predictor, names: Iterable[str], wrap: Callable[[nn.Module], nn.Module]) -> Predictor:
    """A copy of the predictor in which each named layer is replaced by what `wrap` makes of it."""
    weights = [*predictor.module.parameters(), *predictor.module.buffers()]
    other = copy.copy(predictor)
    other.module = copy.deepcopy(predictor.module, {id(weight): weight for weight in weights})
    for name in names:
        parent, _, own = name.rpartition(".")
        holder = other.module.get_submodule(parent)
        setattr(holder, own, wrap(other.module.get_submodule(name)))
    return other

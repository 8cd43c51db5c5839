"""What every method is given and gives back.

A method is a function ``explain(batch) -> list[Attribution]``, one attribution an item, in the batch's order. It
works in *units*: variables, tokens, cells or pixels of a picture, concepts. `explainers.methods.forms` turns units
into what people are shown, so that a placebo can be made from any method without knowing how it is drawn.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from explainers.errors import ParameterError
from explainers.predictors.base import Predictor
from explainers.registry import entry
from explainers.types import Example, FeatureCard, FormulaCard, Input, ItemRequest, Prototype, Step

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
Params: TypeAlias = Mapping[str, int | float | str]

_SEED_MASK = 2**128 - 1  # numpy's seeds are not negative


@dataclass(frozen=True)
class Batch:
    """Items of one predictor for one method.

    Parameters
    ----------
    predictor : Predictor
        The model the method asks. A placebo may put another in its place.
    requests : tuple of ItemRequest
        The items with their seeds.
    classes : tuple of int
        The class explained for each item: the real predictor's own output, never the label.
    params : mapping
        Checked parameters of the method.
    chunk_rows : int
        Upper bound on the gradient rows kept at once; never changes a result.
    """

    predictor: Predictor
    requests: tuple[ItemRequest, ...]
    classes: tuple[int, ...]
    params: Params
    chunk_rows: int

    @property
    def inputs(self) -> list[Input]:
        return [request.input for request in self.requests]


@dataclass(frozen=True)
class Attribution:
    """A method's answer for one item, in its own units.

    Parameters
    ----------
    weights : float array, shape (n_units,)
        Signed towards the explained class, except where a method gives sizes alone. For SENN's learned concepts the
        relevances theta.
    diagnostics : mapping of str to float
        Plain finite numbers.
    unit_of_pixel : int array, shape (height * width,), optional
        Images: the unit of each pixel, row by row. Without it every pixel is its own unit.
    activations : float array, shape (n_units,), optional
        The values h of SENN's learned concepts.
    order : float array, shape (n_units,), optional
        What orders units of equal weight, where the weights were cut off (Grad-CAM's below 0): a placebo that hands
        out sizes by rank keeps to it, else its map would be speckled where the real one is smooth.
    precision : float, optional
        Rules: how often the output stays when the units of weight 0 change. Weights are 1 for the rule's units.
    examples : tuple of Example, optional
        Other items that are shown; weights are then one an example.
    steps : tuple of Step, optional
        The item on its way to another output; weights are then their margins, one a step.
    own : int
        The step that is the item itself.
    prototypes : tuple of Prototype, optional
        Prototypes that are shown; weights are then their similarities.
    parts : tuple of (bool, Attribution), optional
        Several explanations on one page, each with whether its weights have a direction; weights are all of theirs.
    cards : tuple of FeatureCard, optional
        Features that are shown; weights are then their effects, which the cards themselves do not yet have.
    formulas : tuple of FormulaCard, optional
        Units with their formulas; weights are then their effects, which the cards themselves do not yet have.
    caption : tuple of str, optional
        The words of the caption that a picture is held against.
    caption_weights : float array, shape (n_words,), optional
        Theirs, in the units of the weights.
    """

    weights: FloatArray
    diagnostics: Mapping[str, float]
    unit_of_pixel: IntArray | None = None
    activations: FloatArray | None = None
    order: FloatArray | None = None
    precision: float | None = None
    examples: tuple[Example, ...] | None = None
    steps: tuple[Step, ...] | None = None
    own: int = 0
    prototypes: tuple[Prototype, ...] | None = None
    parts: tuple[tuple[bool, Attribution], ...] | None = None
    cards: tuple[FeatureCard, ...] | None = None
    formulas: tuple[FormulaCard, ...] | None = None
    caption: tuple[str, ...] | None = None
    caption_weights: FloatArray | None = None


Method: TypeAlias = Callable[[Batch], list[Attribution]]


def method(name: str) -> Method:
    """The function of a registered method; raises UnknownName, and ParameterError where explanations are imported."""
    module, _, attribute = entry(name).path.partition(":")
    if not module:
        raise ParameterError(f"explainer: {name} comes from a file; it cannot explain anything else")
    found: Method = getattr(importlib.import_module(module), attribute)
    return found


def generator(seed: int, stream: int, repeat: int = 0) -> np.random.Generator:
    """An item's own generator; `stream` keeps draws for different purposes apart, `repeat` those of one purpose."""
    return np.random.default_rng([seed & _SEED_MASK, stream, *([repeat] if repeat else [])])


def correlation(first: FloatArray, second: FloatArray) -> float:
    """Pearson's r; 0 where it is not defined because one side does not vary."""
    a, b = first - first.mean(), second - second.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(np.clip((a @ b) / size, -1.0, 1.0)) if size > 0 else 0.0

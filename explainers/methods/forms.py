"""From a method's units to what people are shown."""

from __future__ import annotations

import numpy as np

from explainers.errors import ExplainerError
from explainers.methods.base import Attribution, FloatArray
from explainers.predictors.base import Predictor
from explainers.types import (
    Concept,
    Concepts,
    FeatureWeight,
    FeatureWeights,
    Form,
    Heatmap,
    ImageInput,
    Input,
    TabularInput,
    TokenWeights,
)

SIGNIFICANT_DIGITS = 7  # of stored numbers: what float32 carries


def rounded(values: FloatArray) -> tuple[float, ...]:
    """Values to `SIGNIFICANT_DIGITS` significant digits; -0 becomes 0."""
    return tuple(float(f"{value:.{SIGNIFICANT_DIGITS}g}") + 0.0 for value in values.tolist())


def to_form(predictor: Predictor, item: Input, attribution: Attribution) -> Form:
    """The form of the item's modality with the attribution's weights; concepts where it has activations.

    Raises
    ------
    ExplainerError
        When the number of weights does not fit the item, which is a fault of the method.
    """
    if attribution.activations is not None:
        return _concepts(predictor, attribution.weights, attribution.activations)
    if isinstance(item, ImageInput):
        return _heatmap(item, attribution)
    weights = rounded(attribution.weights)
    expected = len(item.values) if isinstance(item, TabularInput) else len(item.tokens)
    if len(weights) != expected:
        raise ExplainerError(f"{len(weights)} weights came, the item has {expected} parts; the method is at fault")
    if isinstance(item, TabularInput):
        pairs = zip(item.values, weights, strict=True)
        return FeatureWeights(tuple(FeatureWeight(name, value, weight) for (name, value), weight in pairs))
    return TokenWeights(item.tokens, weights)


def _heatmap(item: ImageInput, attribution: Attribution) -> Heatmap:
    weights = np.array(rounded(attribution.weights))
    values = weights if attribution.unit_of_pixel is None else weights[attribution.unit_of_pixel]
    if len(values) != item.height * item.width:
        raise ExplainerError(
            f"{len(values)} weights came, the picture has {item.height} x {item.width} pixels; the method is at fault"
        )
    return Heatmap(item.height, item.width, tuple(values.tolist()))


def _concepts(predictor: Predictor, relevances: FloatArray, activations: FloatArray) -> Concepts:
    pairs = zip(predictor.concept_names, rounded(activations), rounded(relevances), predictor.prototypes, strict=True)
    return Concepts(tuple(Concept(name, h, theta, prototypes) for name, h, theta, prototypes in pairs))

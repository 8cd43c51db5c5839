"""From a method's units to what people are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from explainers.errors import ExplainerError
from explainers.methods.base import Attribution, BoolArray, FloatArray
from explainers.methods.conditions import coverage, holding
from explainers.predictors.base import Predictor
from explainers.types import (
    CaptionMatch,
    Composite,
    Concept,
    Concepts,
    Examples,
    FeatureCard,
    FeatureCards,
    FeatureWeight,
    FeatureWeights,
    Form,
    FormulaCard,
    Formulas,
    Heatmap,
    ImageInput,
    Input,
    Part,
    Prototype,
    Prototypes,
    Rule,
    RulePart,
    SingleForm,
    Snippet,
    Step,
    Strip,
    TabularInput,
    TextInput,
    TokenWeights,
)

SIGNIFICANT_DIGITS = 7  # of stored numbers: what float32 carries
_EXACT_POWERS = 22  # powers of ten up to this one are exact in float64, so dividing by them rounds once


def rounded(values: FloatArray) -> tuple[float, ...]:
    """Values to `SIGNIFICANT_DIGITS` significant digits, each the double nearest to its decimal; -0 becomes 0."""
    return tuple(_to_digits(values).tolist())


def rounded_each(arrays: Sequence[FloatArray]) -> list[FloatArray]:
    """Each of many small arrays as `rounded` has it, in one go: the time of a call hardly depends on its size."""
    ends = list(accumulate(len(array) for array in arrays))
    found = _to_digits(np.concatenate(arrays)) if arrays else np.empty(0)
    return [found[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _to_digits(values: FloatArray) -> FloatArray:
    sizes = np.abs(values)
    exponents = np.floor(np.log10(sizes, out=np.zeros_like(sizes), where=sizes > 0))
    places = SIGNIFICANT_DIGITS - 1 - exponents  # after the point
    exact = (places >= 0) & (places <= _EXACT_POWERS)
    powers = 10.0 ** np.where(exact, places, 0)
    found = np.rint(values * powers) / powers + 0.0
    for index in np.flatnonzero(~exact):
        found[index] = float(f"{values[index]:.{SIGNIFICANT_DIGITS}g}")
    return np.asarray(found, dtype=np.float64)


def to_forms(predictor: Predictor, items: Sequence[Input], attributions: Sequence[Attribution]) -> list[Form]:
    """The form of each item's modality with the attribution's weights, or the other form that it asks for.

    Raises
    ------
    ExplainerError
        When the number of weights does not fit the item, which is a fault of the method.
    """
    weights = rounded_each([attribution.weights for attribution in attributions])
    return [
        _composite(predictor, item, attribution.parts)
        if attribution.parts is not None
        else _single(predictor, item, attribution, own)
        for item, attribution, own in zip(items, attributions, weights, strict=True)
    ]


def _composite(predictor: Predictor, item: Input, parts: Sequence[tuple[bool, Attribution]]) -> Composite:
    weights = rounded_each([own.weights for _, own in parts])
    return Composite(
        tuple(
            Part(_single(predictor, item, own, own_weights), signed)
            for (signed, own), own_weights in zip(parts, weights, strict=True)
        )
    )


def _single(predictor: Predictor, item: Input, attribution: Attribution, weights: FloatArray) -> SingleForm:
    return _shown(attribution) or _weighed(predictor, item, attribution, weights)


def _shown(attribution: Attribution) -> SingleForm | None:
    """What is shown beside the item, where the attribution says so."""
    if attribution.examples is not None:
        return Examples(attribution.examples)
    if attribution.steps is not None:
        return _strip(attribution.steps, attribution.weights, attribution.own)
    if attribution.prototypes is not None:
        return _prototypes(attribution.prototypes)
    if attribution.cards is not None:
        return _cards(attribution.cards, attribution.weights)
    if attribution.formulas is not None:
        return _formulas(attribution.formulas, attribution.weights)
    return None


def _weighed(predictor: Predictor, item: Input, attribution: Attribution, weights: FloatArray) -> SingleForm:
    """The item's own parts with their rounded weights."""
    if attribution.activations is not None:
        return _concepts(predictor, attribution.weights, attribution.activations)
    if isinstance(item, ImageInput):
        heatmap = _heatmap(item, attribution, weights)
        if attribution.caption is None or attribution.caption_weights is None:
            return heatmap
        return CaptionMatch(heatmap, TokenWeights(attribution.caption, rounded(attribution.caption_weights)))
    expected = len(item.values) if isinstance(item, TabularInput) else len(item.tokens)
    if len(weights) != expected:
        raise ExplainerError(f"{len(weights)} weights came, the item has {expected} parts; the method is at fault")
    if attribution.precision is not None:
        return _rule(predictor, item, attribution.weights > 0, attribution.precision)
    if isinstance(item, TabularInput):
        pairs = zip(item.values, weights.tolist(), strict=True)
        return FeatureWeights(tuple([FeatureWeight(name, value, weight) for (name, value), weight in pairs]))
    return TokenWeights(item.tokens, tuple(weights.tolist()))


def _strip(steps: Sequence[Step], margins: FloatArray, own: int) -> Strip:
    kept = tuple(replace(step, margin=margin) for step, margin in zip(steps, rounded(margins), strict=True))
    return Strip(kept, bool((margins < 0).any()), own)


def _heatmap(item: ImageInput, attribution: Attribution, weights: FloatArray) -> Heatmap:
    values = weights if attribution.unit_of_pixel is None else weights[attribution.unit_of_pixel]
    if len(values) != item.height * item.width:
        raise ExplainerError(
            f"{len(values)} weights came, the picture has {item.height} x {item.width} pixels; the method is at fault"
        )
    return Heatmap(item.height, item.width, tuple(values.tolist()))


def _rule(predictor: Predictor, item: Input, held: BoolArray, precision: float) -> Rule:
    """The rule of the held units. Its coverage is counted here, so that a placebo's is that of what it shows."""
    if isinstance(item, TabularInput):
        pairs = item.values
    else:
        assert isinstance(item, TextInput)  # rules are of variables or words
        pairs = tuple(("", token) for token in item.tokens)
    parts = [RulePart(name, value, bool(asked)) for (name, value), asked in zip(pairs, held, strict=True)]
    share = coverage(predictor.background, holding(predictor, item), held[None])
    return Rule(tuple(parts), *rounded(np.array([precision, share[0]])))


def _prototypes(shown: tuple[Prototype, ...]) -> Prototypes:
    numbers = [rounded(np.array([one.similarity, one.low, one.high])) for one in shown]
    pairs = zip(shown, numbers, strict=True)
    return Prototypes(tuple(Prototype(one.pictures, one.class_index, *found) for one, found in pairs))


def _cards(cards: tuple[FeatureCard, ...], effects: FloatArray) -> FeatureCards:
    pairs = zip(cards, rounded(effects), strict=True)
    return FeatureCards(
        tuple(
            replace(card, effect=effect, top=_snippets(card.top), spread=_snippets(card.spread))
            for card, effect in pairs
        )
    )


def _snippets(snippets: tuple[Snippet, ...]) -> tuple[Snippet, ...]:
    activities = rounded(np.array([one.activity for one in snippets]))
    return tuple(replace(one, activity=own) for one, own in zip(snippets, activities, strict=True))


def _formulas(cards: tuple[FormulaCard, ...], effects: FloatArray) -> Formulas:
    pairs = zip(cards, rounded(effects), strict=True)
    return Formulas(
        tuple(
            replace(card, effect=effect, iou=rounded(np.array([card.iou]))[0], held_out_iou=_rounded(card.held_out_iou))
            for card, effect in pairs
        )
    )


def _rounded(share: float | None) -> float | None:
    return None if share is None else rounded(np.array([share]))[0]


def _concepts(predictor: Predictor, relevances: FloatArray, activations: FloatArray) -> Concepts:
    pairs = zip(predictor.concept_names, rounded(activations), rounded(relevances), predictor.prototypes, strict=True)
    return Concepts(tuple(Concept(name, h, theta, prototypes) for name, h, theta, prototypes in pairs))

"""What a metric is given: one arm's explanations of some items, and how to make more of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from explainers.errors import ExplainerError, InputError
from explainers.methods.base import Attribution, Batch, FloatArray, method
from explainers.methods.blocks import own_classes
from explainers.methods.masking import grid
from explainers.predictors.base import Predictor
from explainers.registry import base_of, signed_of
from explainers.types import (
    Concepts,
    ExplainerSpec,
    Explanation,
    FeatureWeights,
    Form,
    Heatmap,
    ImageInput,
    Input,
    ItemRequest,
    TokenWeights,
)

_PART = 256  # items explained at once; bounds memory, never changes a result


@dataclass(frozen=True)
class Neighbourhood:
    """An item's neighbours with their explanations, one each."""

    inputs: tuple[Input, ...]
    attributions: tuple[Attribution, ...]


@dataclass(frozen=True)
class Subject:
    """Items, their explained classes and explanations, and the method that made these.

    Parameters
    ----------
    predictor : Predictor
        The model that the explanations are of.
    spec : ExplainerSpec
        The checked method.
    requests : tuple of ItemRequest
        The items with their seeds.
    classes : tuple of int
        The class explained for each item; it stays when the item or the predictor is changed.
    attributions : tuple of Attribution
        The explanation of each item, in the units of the method or as shown.
    chunk_rows : int
        As in `explainers.explain.explain`.
    against : tuple of Attribution, optional
        Another method's explanations of the same items.
    against_signed : bool
        Whether the other method's weights say for or against.
    memo : dict
        The items' explained neighbours by the parameters that drew them, computed once for several metrics.
    """

    predictor: Predictor
    spec: ExplainerSpec
    requests: tuple[ItemRequest, ...]
    classes: tuple[int, ...]
    attributions: tuple[Attribution, ...]
    chunk_rows: int
    against: tuple[Attribution, ...] = ()
    against_signed: bool = True
    memo: dict[tuple[int, float, str], list[Neighbourhood]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def signed(self) -> bool:
        """Whether weights say for or against."""
        return signed_of(self.spec)

    def explained(
        self, requests: Sequence[ItemRequest], classes: Sequence[int], predictor: Predictor | None = None
    ) -> list[Attribution]:
        """Explain other items, or the same by another predictor, with the subject's method."""
        return attributions(predictor or self.predictor, self.spec, requests, classes, self.chunk_rows)


def attributions(
    predictor: Predictor,
    spec: ExplainerSpec,
    requests: Sequence[ItemRequest],
    classes: Sequence[int],
    chunk_rows: int,
) -> list[Attribution]:
    """The method's attributions towards given classes, in the order of the requests.

    Raises
    ------
    ExplainerError
        When a weight is not finite; the message names the item.
    """
    function = method(spec.name)
    found: list[Attribution] = []
    for start in range(0, len(requests), _PART):
        part = slice(start, start + _PART)
        found += function(Batch(predictor, tuple(requests[part]), tuple(classes[part]), spec.params, chunk_rows))
    for place, attribution in enumerate(found):
        if not np.isfinite(attribution.weights).all():
            raise ExplainerError(f"requests[{place}]: {predictor.name} or the method gave a weight that is not finite")
    return found


def subject_of(
    predictor: Predictor,
    spec: ExplainerSpec,
    requests: Sequence[ItemRequest],
    explanations: Sequence[Explanation] | None,
    chunk_rows: int,
) -> Subject:
    """The subject of a batch of items; explanations are computed when none are given.

    Raises
    ------
    InputError
        When there is not one explanation a request, or one explains another class than the predictor's output.
    """
    classes = own_classes(predictor, [request.input for request in requests])
    if explanations is None:
        found = attributions(predictor, spec, requests, classes, chunk_rows)
    else:
        _check(predictor, classes, explanations)
        found = [attribution_of(explanation.form, spec) for explanation in explanations]
    return Subject(predictor, spec, tuple(requests), classes, tuple(found), chunk_rows)


def _check(predictor: Predictor, classes: Sequence[int], explanations: Sequence[Explanation]) -> None:
    for place, (own, explanation) in enumerate(zip(classes, explanations, strict=True)):
        if own != explanation.explained_class:
            names = predictor.classes
            raise InputError(
                f"requests[{place}]: the explanation is of {names[explanation.explained_class]!r}, the predictor's "
                f"output is {names[own]!r}; give the explanations of this predictor"
            )


# --- explanations in numbers -----------------------------------------------------------------------------------------


def attribution_of(form: Form, spec: ExplainerSpec) -> Attribution:
    """A stored explanation in numbers.

    A heatmap of a method that cuts the picture into cells is constant on them: the cells are its units again.

    Raises
    ------
    InputError
        When the form has no weights.
    """
    match form:
        case FeatureWeights():
            return Attribution(np.array([feature.weight for feature in form.features], dtype=np.float64), {})
        case TokenWeights():
            return Attribution(np.array(form.weights, dtype=np.float64), {})
        case Heatmap():
            return _of_heatmap(form, int(spec.params.get("cells", 0)) if "cells" in base_of(spec).params else 0)
        case Concepts():
            return Attribution(
                np.array([concept.relevance for concept in form.concepts], dtype=np.float64),
                {},
                activations=np.array([concept.activation for concept in form.concepts], dtype=np.float64),
            )
        case _:
            raise InputError(f"explanation: a form with weights was expected, {form.form} came")


def _of_heatmap(form: Heatmap, cells: int) -> Attribution:
    values = np.array(form.values, dtype=np.float64)
    if cells:
        units = grid(form.height, form.width, cells)
        _, firsts = np.unique(units, return_index=True)
        if np.array_equal(values[firsts][units], values):
            return Attribution(values[firsts], {}, unit_of_pixel=units)
    return Attribution(values, {})


def contributions(attribution: Attribution) -> FloatArray:
    """What each unit adds: the weights; for concepts theta times h."""
    if attribution.activations is None:
        return attribution.weights
    return attribution.weights * attribution.activations


def shown(attribution: Attribution) -> FloatArray:
    """The weight of each part that people see: variables, words, pixels, or what each concept adds."""
    found = contributions(attribution)
    return found if attribution.unit_of_pixel is None else found[attribution.unit_of_pixel]


def of_cells(attribution: Attribution, request: ItemRequest, cells: int) -> FloatArray:
    """Weights of variables, words or concepts as they are; of a picture's pixels summed over the cells of a grid.

    A unit's weight is spread evenly over its pixels first, so that sums of weights stay what they are.
    """
    found, item = contributions(attribution), request.input
    if attribution.activations is not None or not isinstance(item, ImageInput):
        return found
    units = attribution.unit_of_pixel
    if units is not None:
        found = (found / np.bincount(units, minlength=len(found)))[units]
    return np.asarray(np.bincount(grid(item.height, item.width, cells), weights=found), dtype=np.float64)

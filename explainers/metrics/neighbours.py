"""Inputs close to an item, and their explanations: what both stability metrics look at.

Pictures: every pixel moves by a random amount of at most `radius`. Tables: one variable takes another value, an
ordered one the value next to its own. Texts: one word is replaced by one of the words nearest to it in the predictor's
embedding. Neighbours are inputs that people could be shown, not points in between; the explained class stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from explainers.cards import Variable
from explainers.methods.base import Attribution, FloatArray, Params, generator
from explainers.methods.blocks import as_tabular, as_text
from explainers.metrics.removal import own_seed
from explainers.metrics.subject import Neighbourhood, Subject, contributions
from explainers.perturbations.text import dressed
from explainers.predictors.base import Predictor
from explainers.predictors.tabular import TabularPredictor
from explainers.predictors.text import UNKNOWN, TextPredictor
from explainers.types import ImageInput, Input, ItemRequest, Modality, TabularInput, TextInput

N_NEAREST = 10  # words that may take a word's place
_NEIGHBOURS, _FRESH = 103, 1000  # streams of an item's generator; the second has one for each neighbour

Draw = Callable[[Input, np.random.Generator, int, float], list[Input]]


def neighbourhoods(subject: Subject, params: Params) -> list[Neighbourhood]:
    """The explained neighbours of each item; computed once for all metrics with the same parameters."""
    key = int(params["n_neighbours"]), float(params["radius"]), str(params["seeds"])
    if key not in subject.memo:
        subject.memo[key] = _explained(subject, *key)
    return subject.memo[key]


def _explained(subject: Subject, n_neighbours: int, radius: float, seeds: str) -> list[Neighbourhood]:
    requests: list[ItemRequest] = []
    classes: list[int] = []
    sizes: list[int] = []
    draw = _DRAWERS[subject.predictor.modality](subject.predictor)
    for request, class_index in zip(subject.requests, subject.classes, strict=True):
        found = _drawn(draw, request, n_neighbours, radius)
        own = [
            request.seed if seeds == "same" else own_seed(request.seed, _FRESH + place) for place in range(len(found))
        ]
        requests += [replace(request, input=item, seed=seed) for item, seed in zip(found, own, strict=True)]
        classes += [class_index] * len(found)
        sizes.append(len(found))
    explained = subject.explained(requests, classes)
    ends = np.cumsum(sizes).tolist()
    return [
        Neighbourhood(
            tuple(request.input for request in requests[end - size : end]), tuple(explained[end - size : end])
        )
        for end, size in zip(ends, sizes, strict=True)
    ]


def neighbours(predictor: Predictor, request: ItemRequest, n_neighbours: int, radius: float) -> list[Input]:
    """Up to `n_neighbours` inputs close to the item, none equal to it or to its donor.

    Fewer where the item has fewer: a table's row has only so many values next to its own.
    """
    return _drawn(_DRAWERS[predictor.modality](predictor), request, n_neighbours, radius)


def _drawn(draw: Draw, request: ItemRequest, n_neighbours: int, radius: float) -> list[Input]:
    found = draw(request.input, generator(request.seed, _NEIGHBOURS), n_neighbours, radius)
    return [item for item in found if item not in (request.input, request.donor)]


# --- by modality -----------------------------------------------------------------------------------------------------


def _pictures(predictor: Predictor) -> Draw:
    def draw(item: Input, rng: np.random.Generator, n: int, radius: float) -> list[Input]:
        assert isinstance(item, ImageInput)  # encode has checked it
        steps = max(1, round(255 * radius))
        pixels = np.frombuffer(item.pixels, dtype=np.uint8).astype(np.int64)
        moved = np.clip(pixels + rng.integers(-steps, steps + 1, size=(n, len(pixels))), 0, 255).astype(np.uint8)
        return [replace(item, pixels=row.tobytes()) for row in moved]

    return draw


def _rows(predictor: Predictor) -> Draw:
    variables = as_tabular(predictor).variables

    def draw(item: Input, rng: np.random.Generator, n: int, radius: float) -> list[Input]:
        assert isinstance(item, TabularInput)  # encode has checked it
        found = [
            TabularInput((*item.values[:place], (variable.name, category), *item.values[place + 1 :]))
            for place, (variable, (_, value)) in enumerate(zip(variables, item.values, strict=True))
            for category in _next_to(variable, value)
        ]
        return [found[place] for place in rng.permutation(len(found))[:n]]

    return draw


def _next_to(variable: Variable, value: str) -> list[str]:
    """The variable's other values that the training data have; of an ordered one those next to its own."""
    own = variable.categories.index(value)
    pairs = enumerate(zip(variable.categories, variable.frequencies, strict=True))
    return [
        category
        for place, (category, share) in pairs
        if place != own and share > 0 and (not variable.ordinal or abs(place - own) == 1)
    ]


def _texts(predictor: Predictor) -> Draw:
    words = _Words(as_text(predictor))

    def draw(item: Input, rng: np.random.Generator, n: int, radius: float) -> list[Input]:
        assert isinstance(item, TextInput)  # encode has checked it
        ids = words.reader.encode([item])[0].tolist()
        found: list[Input] = []
        for place in rng.integers(len(item.tokens), size=n).tolist():
            nearest = words.nearest(ids[place])
            if nearest:
                word = nearest[int(rng.integers(len(nearest)))]
                tokens = (*item.tokens[:place], dressed(word, item.tokens[place]), *item.tokens[place + 1 :])
                found.append(TextInput(tokens))
        return found

    return draw


class _Words:
    """The predictor's words, and for each the nearest others in its embedding; searched once a word."""

    def __init__(self, reader: TextPredictor) -> None:
        self.reader = reader
        self._known: dict[int, list[str]] = {}
        with torch.inference_mode():
            ids = torch.arange(len(reader.vocabulary) + UNKNOWN + 1, device=reader.device)
            self._table = reader.embed(ids).double().cpu()

    def nearest(self, own: int) -> list[str]:
        """Up to `N_NEAREST` words, the nearest first, without the id's own."""
        if own not in self._known:
            with torch.inference_mode():
                distances = (self._table - self._table[own]).square().sum(1)
                distances[: UNKNOWN + 1] = torch.inf
                distances[own] = torch.inf
                order = distances.argsort(stable=True)[: min(N_NEAREST, int(distances.isfinite().sum()))]
            self._known[own] = [self.reader.vocabulary[place] for place in (order - UNKNOWN - 1).tolist()]
        return self._known[own]


_DRAWERS: dict[Modality, Callable[[Predictor], Draw]] = {"image": _pictures, "tabular": _rows, "text": _texts}


# --- distances -------------------------------------------------------------------------------------------------------


def points_of(predictor: Predictor, inputs: Sequence[Input]) -> FloatArray:
    """Where inputs of one shape stand, one row each: one-hot columns, embeddings of the words, pixels from 0 to 1."""
    encoded = predictor.encode(inputs)
    if not isinstance(predictor, TabularPredictor) and predictor.modality == "text":
        with torch.inference_mode():
            encoded = as_text(predictor).embed(encoded)
    return np.asarray(encoded.flatten(1).cpu().numpy(), dtype=np.float64)


def lengths(rows: FloatArray) -> FloatArray:
    """Euclidean length of each row."""
    return np.asarray(np.sqrt(np.square(rows).sum(axis=-1)), dtype=np.float64)


def explanation_rows(subject: Subject, place: int, hood: Neighbourhood) -> tuple[FloatArray, FloatArray]:
    """The item's explanation (n_units,) and its neighbours' (n_neighbours, n_units); of concepts the relevances."""
    own = subject.attributions[place]
    rows = [_as_units_of(own, attribution) for attribution in hood.attributions]
    return own.weights, np.array(rows).reshape(len(rows), len(own.weights))


def _as_units_of(own: Attribution, other: Attribution) -> FloatArray:
    """The other's weights in the item's units: a stored heatmap can be in pixels where the method's are cells."""
    if own.activations is not None or len(own.weights) == len(other.weights):
        return other.weights
    found = contributions(other)
    return found if other.unit_of_pixel is None else found[other.unit_of_pixel]

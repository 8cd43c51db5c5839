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
_NEIGHBOURS, _FRESH = 103, 104  # streams of an item's generator

Draw = Callable[[Predictor, Input, np.random.Generator, int, float], list[Input]]


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
    for request, class_index in zip(subject.requests, subject.classes, strict=True):
        found = neighbours(subject.predictor, request, n_neighbours, radius)
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
    rng = generator(request.seed, _NEIGHBOURS)
    found = _DRAWS[predictor.modality](predictor, request.input, rng, n_neighbours, radius)
    return [item for item in found if item not in (request.input, request.donor)]


# --- by modality -----------------------------------------------------------------------------------------------------


def _of_picture(predictor: Predictor, item: Input, rng: np.random.Generator, n: int, radius: float) -> list[Input]:
    assert isinstance(item, ImageInput)  # encode has checked it
    steps = max(1, round(255 * radius))
    pixels = np.frombuffer(item.pixels, dtype=np.uint8).astype(np.int64)
    moved = np.clip(pixels + rng.integers(-steps, steps + 1, size=(n, len(pixels))), 0, 255).astype(np.uint8)
    return [replace(item, pixels=row.tobytes()) for row in moved]


def _of_row(predictor: Predictor, item: Input, rng: np.random.Generator, n: int, radius: float) -> list[Input]:
    assert isinstance(item, TabularInput)  # encode has checked it
    found: list[Input] = []
    for place, (variable, (name, value)) in enumerate(zip(as_tabular(predictor).variables, item.values, strict=True)):
        own = variable.categories.index(value)
        for other, (category, share) in enumerate(zip(variable.categories, variable.frequencies, strict=True)):
            if other != own and share > 0 and (not variable.ordinal or abs(other - own) == 1):
                values = (*item.values[:place], (name, category), *item.values[place + 1 :])
                found.append(TabularInput(values))
    return [found[place] for place in rng.permutation(len(found))[:n]]


def _of_text(predictor: Predictor, item: Input, rng: np.random.Generator, n: int, radius: float) -> list[Input]:
    assert isinstance(item, TextInput)  # encode has checked it
    reader = as_text(predictor)
    if len(reader.vocabulary) < 2:
        return []
    ids = reader.encode([item])[0]
    found: list[Input] = []
    for place in rng.integers(len(item.tokens), size=n).tolist():
        nearest = _nearest_words(reader, int(ids[place]))
        word = reader.vocabulary[nearest[int(rng.integers(len(nearest)))]]
        tokens = (*item.tokens[:place], dressed(word, item.tokens[place]), *item.tokens[place + 1 :])
        found.append(TextInput(tokens))
    return found


def _nearest_words(reader: TextPredictor, own: int) -> list[int]:
    """Places in the vocabulary of the words nearest to the id's own, without it."""
    with torch.inference_mode():
        table = reader.embed(torch.arange(len(reader.vocabulary) + UNKNOWN + 1, device=reader.device)).double()
        distances = (table - table[own]).square().sum(1)
        distances[: UNKNOWN + 1] = torch.inf
        distances[own] = torch.inf
        n_words = min(N_NEAREST, int(torch.isfinite(distances).sum()))
        nearest: list[int] = (distances.argsort(stable=True)[:n_words] - UNKNOWN - 1).tolist()
    return nearest


_DRAWS: dict[Modality, Draw] = {"image": _of_picture, "tabular": _of_row, "text": _of_text}


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

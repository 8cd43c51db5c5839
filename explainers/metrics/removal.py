"""Parts of an item taken away: their weights, and the predictor's answers without some of them.

The answers come from the same closure as those of the perturbation methods (`explainers.methods.masking`), with
random numbers of the metric's own, so that a method is not judged on the very copies it was fitted to. A
self-explaining network's learned concepts are taken away by setting h to 0, as its authors do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from explainers.methods.base import Batch, BoolArray, FloatArray, Params, generator
from explainers.methods.blocks import encode, mapped
from explainers.methods.masking import Answer, Masking, masking, probability, score
from explainers.metrics.subject import Subject, of_cells

ANSWERS: dict[str, Answer] = {"probability": probability, "score": score}
_REMOVALS = 100  # stream of an item's generator: metrics begin here, methods stay below

Ask = Callable[[BoolArray], FloatArray]


@dataclass(frozen=True)
class Removal:
    """One item's parts.

    Parameters
    ----------
    place : int
        The item's place in the subject.
    weights : float array, shape (n_units,)
        What the explanation says each part adds.
    answers : callable
        From masks, shape (n_masks, n_units), True where a part is present, to answers, shape (n_masks,).
    """

    place: int
    weights: FloatArray
    answers: Ask


def removals(subject: Subject, params: Params, *, n_replacements: int) -> Iterator[Removal]:
    """Each item's parts; variables taken away get `n_replacements` other values, and the answers' mean counts."""
    answer = ANSWERS[str(params.get("answer", "probability"))]
    if any(attribution.activations is not None for attribution in subject.attributions):
        yield from _of_concepts(subject, answer)
        return
    requests = tuple(replace(request, seed=own_seed(request.seed, _REMOVALS)) for request in subject.requests)
    cells = int(params["cells"])
    batch = Batch(subject.predictor, requests, subject.classes, {"cells": cells}, subject.chunk_rows)
    neighbourhoods, n_times = masking(batch), n_replacements if subject.predictor.modality == "tabular" else 1
    for place, (attribution, request) in enumerate(zip(subject.attributions, requests, strict=True)):
        yield Removal(place, of_cells(attribution, request, cells), _asked(neighbourhoods, place, answer, n_times))


def _asked(neighbourhoods: Masking, place: int, answer: Answer, n_times: int) -> Ask:
    def ask(masks: BoolArray) -> FloatArray:
        found = neighbourhoods.predict(place, masks.repeat(n_times, axis=0), answer)
        return np.asarray(found.reshape(-1, n_times).mean(axis=1), dtype=np.float64)

    return ask


def _of_concepts(subject: Subject, answer: Answer) -> Iterator[Removal]:
    predictor = subject.predictor
    bias = predictor.senn.bias.detach().cpu().double()
    for group in encode(predictor, [request.input for request in subject.requests]):
        values = mapped(group.rows, predictor.concepts).cpu().double()
        relevances = mapped(group.rows, predictor.relevances).cpu().double()
        for place, h, theta in zip(group.places, values, relevances, strict=True):
            attribution = subject.attributions[place]
            assert attribution.activations is not None  # all of them, or this is not called
            weights = attribution.weights * attribution.activations
            yield Removal(place, weights, _asked_of_sum(h[:, None] * theta, bias, subject.classes[place], answer))


def _asked_of_sum(terms: torch.Tensor, bias: torch.Tensor, class_index: int, answer: Answer) -> Ask:
    def ask(masks: BoolArray) -> FloatArray:
        logits = torch.from_numpy(masks).double() @ terms + bias
        return np.asarray(answer(logits, class_index).numpy(), dtype=np.float64)

    return ask


def own_seed(seed: int, stream: int) -> int:
    """A seed for a metric's own draws, far from what the method drew with the item's seed."""
    return int(generator(seed, stream).integers(2**63))


def varies(values: FloatArray) -> bool:
    """Whether values differ by more than rounding; fewer than two never do."""
    return len(values) > 1 and float(np.ptp(values)) > 1e-12 * float(np.abs(values).max())

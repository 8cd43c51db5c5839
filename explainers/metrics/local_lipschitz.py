"""Local Lipschitz constant (Alvarez-Melis & Jaakkola 2018, arXiv 1806.08049, equation 2 with a finite neighbourhood;
for a self-explaining network over its concepts arXiv 1806.07538, definition 3.4).

The largest ||e(x') - e(x)|| / ||x' - x|| over neighbours x', or over h(x') - h(x). Explanations are brought to length 1
first unless told otherwise: methods have different units, and a small one would win.
"""

from __future__ import annotations

import numpy as np
import torch

from explainers.methods.base import FloatArray, Params
from explainers.metrics.neighbours import explanation_rows, lengths, neighbourhoods, points_of
from explainers.metrics.subject import Neighbourhood, Subject
from explainers.metrics.types import ItemValue


def values(subject: Subject, params: Params) -> list[ItemValue]:
    """The largest ratio for each item; details: `neighbours` that count and the `mean_ratio` over them."""
    hoods, over = neighbourhoods(subject, params), str(params["over"])
    return [
        _value(*explanation_rows(subject, place, hood), _distances(subject, place, hood, over), params)
        for place, hood in enumerate(hoods)
    ]


def _distances(subject: Subject, place: int, hood: Neighbourhood, over: str) -> FloatArray:
    inputs = [subject.requests[place].input, *hood.inputs]
    if over == "concepts":
        with torch.inference_mode():
            concepts = subject.predictor.concepts(subject.predictor.encode(inputs))
        points = np.asarray(concepts.cpu().numpy(), dtype=np.float64)
    else:
        points = points_of(subject.predictor, inputs)
    return lengths(points[1:] - points[0])


def _value(own: FloatArray, others: FloatArray, distances: FloatArray, params: Params) -> ItemValue:
    apart = distances > 0
    if not apart.any():
        return ItemValue(None, problem="No neighbour is at a distance from the item.")
    if params["scaling"] == "unit_norm":
        own, others = _of_length_1(own), _of_length_1(others)
    ratios = lengths(others - own)[apart] / distances[apart]
    return ItemValue(float(ratios.max()), {"neighbours": float(apart.sum()), "mean_ratio": float(ratios.mean())})


def _of_length_1(rows: FloatArray) -> FloatArray:
    """Each row divided by its length; a row of zeros stays."""
    sizes = lengths(rows)[..., None]
    return np.asarray(rows / np.where(sizes > 0, sizes, 1.0))

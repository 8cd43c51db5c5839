"""A prototype network's own explanation: the prototypes that an item is most like (arXiv 1710.04806).

The network's logits are a linear function of the distances to its prototypes, so these are what it goes by. A prototype
is shown as the decoder draws it, or as the training picture whose code is nearest to it; its class is the network's
answer to the prototype's own code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from explainers.errors import ParameterError
from explainers.methods.base import Attribution, Batch, FloatArray, IntArray, generator
from explainers.methods.blocks import encode, mapped
from explainers.predictors.base import Predictor
from explainers.predictors.nets.prototype import PrototypeNet
from explainers.types import Prototype

DECIMALS = 6  # of a distance, so that the last bits do not decide between equals
PICTURES = ("decoded", "training")  # what a row of the predictor's prototypes holds, in this order
_RANDOM = 8  # stream of an item's generator


def explain(batch: Batch) -> list[Attribution]:
    """The prototypes that each item is most like, the most alike first; the explained class does not matter.

    Returns
    -------
    list of Attribution
        Weights are the similarities, 0 to 1: 1 less the root mean square difference of the codes. Diagnostics:
        `prototypes`, how many are shown, and `same_output`, the share of them whose class is the item's output.

    Raises
    ------
    ParameterError
        When the predictor is of another architecture.
    """
    known = _known(batch.predictor)
    return [_attribution(batch, place, known, *found) for place, found in enumerate(_most_alike(batch, known))]


def at_random(batch: Batch) -> list[Attribution]:
    """The placebo: other prototypes of the same classes, where there are any, with the real similarities in order."""
    known = _known(batch.predictor)
    found = []
    for place, (real, similarity) in enumerate(_most_alike(batch, known)):
        rng = generator(batch.requests[place].seed, _RANDOM)
        drawn: list[int] = []
        for index in real.tolist():
            free = [j for j in np.flatnonzero(known.classes == known.classes[index]).tolist() if j not in drawn]
            others = [j for j in free if j not in real] or [j for j in free if j != index] or free
            drawn.append(int(rng.choice(others)))
        found.append(_attribution(batch, place, known, np.array(drawn), similarity))
    return found


@dataclass(frozen=True)
class _Known:
    """The network with the class of each prototype, shape (n_prototypes,)."""

    module: PrototypeNet
    classes: IntArray


def _known(predictor: Predictor) -> _Known:
    module = predictor.module
    if not isinstance(module, PrototypeNet):
        raise ParameterError(
            f"explainer: prototypes explains predictors of architecture prototype, {predictor.name} is of "
            f"architecture {predictor.architecture}; choose another method or predictor"
        )
    with torch.inference_mode():
        classes = module.of_codes(module.prototypes.vectors).argmax(1)
    return _Known(module, classes.cpu().numpy())


def _most_alike(batch: Batch, known: _Known) -> list[tuple[IntArray, FloatArray]]:
    """For each item the prototypes that are shown and its similarity to them."""
    n_dimensions = known.module.prototypes.vectors.shape[1]
    found: dict[int, FloatArray] = {}
    for group in encode(batch.predictor, batch.inputs):
        distances = mapped(group.rows, lambda rows: known.module.prototypes(known.module.encoder(rows)))
        found.update(zip(group.places, np.round(distances.double().cpu().numpy(), DECIMALS), strict=True))
    orders = [np.argsort(found[place], kind="stable") for place in range(len(found))]
    shown = [order[: int(batch.params["n_prototypes"])] for order in orders]
    return [(near, similarities(found[place][near], n_dimensions)) for place, near in enumerate(shown)]


def similarities(distances: FloatArray, n_dimensions: int) -> FloatArray:
    """1 less the root mean square difference of two codes: 1 for equal ones, 0 where they differ by 1 and more."""
    found: FloatArray = np.maximum(1 - np.sqrt(distances / n_dimensions), 0)
    return found


def _attribution(batch: Batch, place: int, known: _Known, shown: IntArray, similarity: FloatArray) -> Attribution:
    picture = PICTURES.index(str(batch.params["shown_as"]))
    classes = known.classes[shown]
    prototypes = tuple(
        Prototype((batch.predictor.prototypes[index][picture],), int(class_index), value, value, value)
        for index, class_index, value in zip(shown.tolist(), classes.tolist(), similarity.tolist(), strict=True)
    )
    same = float((classes == batch.classes[place]).mean())
    return Attribution(similarity, {"prototypes": float(len(shown)), "same_output": same}, prototypes=prototypes)

"""A probabilistic prototype network's own explanation, with how sure it is of it (Prob-PSENN, arXiv 2403.13740).

Each class has a prototype that the network holds for uncertain. Every draw of the prototypes gives the item a share of
likeness to each class (the shares of a draw sum to 1), and their mean over the draws is the network's answer. A class
is shown by draws of its prototype, from those that the item is least like to those that it is most like, with the mean
share and the range between its 5 % and 95 % quantiles.
"""

from __future__ import annotations

import numpy as np
import torch

from explainers.errors import ParameterError
from explainers.methods.base import Attribution, Batch, FloatArray, IntArray, generator
from explainers.methods.blocks import encode, mapped
from explainers.predictors.base import Predictor
from explainers.predictors.nets.prob_psenn import ProbPsenn
from explainers.types import Prototype

DECIMALS = 6  # of a share, so that the last bits do not decide between equals
LOW, HIGH = 0.05, 0.95
_RANDOM = 9  # stream of an item's generator


def explain(batch: Batch) -> list[Attribution]:
    """The prototypes of all classes, the most alike first; the explained class does not matter.

    Returns
    -------
    list of Attribution
        Weights are the mean shares, 0 to 1. Diagnostics, in bits: `answer_entropy_bits`, of the answer;
        `explanation_uncertainty_bits`, the part of it that comes from not knowing the prototypes, i.e. the mutual
        information of answer and draw: the entropy of the mean less the mean of the draws' entropies.

    Raises
    ------
    ParameterError
        When the predictor is of another architecture.
    """
    net = _net(batch.predictor)
    return [_attribution(batch, shares, np.argsort(shares, axis=0, kind="stable")) for shares in _shares(batch, net)]


def at_random(batch: Batch) -> list[Attribution]:
    """The placebo: the likeness of a training item with the same output, beside draws that were taken at random."""
    net = _net(batch.predictor)
    known = _known_shares(batch.predictor, net)
    answers = known.mean(axis=1).argmax(axis=1)
    inputs = batch.predictor.background.inputs
    found = []
    for request, class_index in zip(batch.requests, batch.classes, strict=True):
        rng = generator(request.seed, _RANDOM)
        same = [i for i in np.flatnonzero(answers == class_index).tolist() if inputs[i] != request.input]
        shares = known[int(rng.choice(same)) if same else int(rng.integers(len(known)))]
        order = rng.permuted(np.tile(np.arange(len(shares))[:, None], shares.shape[1]), axis=0)
        found.append(_attribution(batch, shares, order))
    return found


def _net(predictor: Predictor) -> ProbPsenn:
    module = predictor.module
    if not isinstance(module, ProbPsenn):
        raise ParameterError(
            f"explainer: probabilistic_prototypes explains predictors of architecture prob-psenn, {predictor.name} is "
            f"of architecture {predictor.architecture}; choose another method or predictor"
        )
    return module


def _shares(batch: Batch, net: ProbPsenn) -> list[FloatArray]:
    """For each item the share of each class in each draw, shape (n_draws, n_classes)."""
    found: dict[int, FloatArray] = {}
    for group in encode(batch.predictor, batch.inputs):
        found.update(zip(group.places, _as_shares(mapped(group.rows, net.log_shares)), strict=True))
    return [found[place] for place in range(len(found))]


def _known_shares(predictor: Predictor, net: ProbPsenn) -> FloatArray:
    """The same of the training items, shape (n_items, n_draws, n_classes)."""
    rows = predictor.background.rows.to(predictor.device)
    return _as_shares(mapped(rows, net.log_shares))


def _as_shares(log_shares: torch.Tensor) -> FloatArray:
    return np.round(log_shares.double().exp().cpu().numpy(), DECIMALS)


def _attribution(batch: Batch, shares: FloatArray, order: IntArray) -> Attribution:
    """`order` (n_draws, n_classes): the draws of each class in the order in which they may be shown."""
    means = shares.mean(axis=0)
    low, high = np.quantile(shares, [LOW, HIGH], axis=0)
    shown = order[_places(len(order), int(batch.params["n_draws"]))]
    prototypes = tuple(
        Prototype(
            tuple(batch.predictor.prototypes[k][draw] for draw in shown[:, k].tolist()),
            k,
            float(means[k]),
            min(float(low[k]), float(means[k])),  # the mean of a skewed distribution may lie outside of the range
            max(float(high[k]), float(means[k])),
        )
        for k in np.argsort(-means, kind="stable").tolist()
    )
    weights = np.array([one.similarity for one in prototypes])
    whole = entropy_bits(means)
    part = whole - float(np.mean([entropy_bits(row) for row in shares]))
    bits = {"answer_entropy_bits": whole, "explanation_uncertainty_bits": max(part, 0.0)}
    return Attribution(weights, bits, prototypes=prototypes)


def _places(n_draws: int, n_pictures: int) -> list[int]:
    """Evenly spaced from the draw at the low quantile to the one at the high; the middle one where it is alone."""
    first = round(LOW * (n_draws - 1))
    span = n_draws - 1 - 2 * first
    return [first + span * i // (n_pictures - 1) for i in range(n_pictures)] if n_pictures > 1 else [n_draws // 2]


def entropy_bits(shares: FloatArray) -> float:
    """Shannon's entropy of shares that sum to 1, in bits."""
    positive = shares[shares > 0]
    return float(-(positive * np.log2(positive)).sum())

"""Raw attention: the shares that a network's words have in what it makes its answer of.

As in Bahdanau, Cho & Bengio 2015 (arXiv 1409.0473, section 3.1); with several heads their mean. Attention says where
the network looks. Whether that explains its answer is disputed (Jain & Wallace 2019, arXiv 1902.10186; Wiegreffe &
Pinter 2019, arXiv 1908.04626), which is why it has controls of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from explainers.methods.base import Attribution, Batch, FloatArray
from explainers.methods.blocks import as_text, encode, mapped
from explainers.predictors.attention import Read, attending
from explainers.predictors.base import Predictor
from explainers.types import Input, TextInput


def explain(batch: Batch) -> list[Attribution]:
    """The mean attention of the heads to each word; the explained class does not matter.

    Returns
    -------
    list of Attribution
        Weights of 0 or more that sum to 1. Diagnostics: `words_attended`, the number of words that equal attention
        to as many would be as spread out as (the exponential of the entropy).

    Raises
    ------
    InputError
        When the predictor has no attention.
    """
    return [Attribution(weights, spread(weights)) for weights in attention(batch.predictor, batch.inputs)]


def attention(predictor: Predictor, inputs: list[Input]) -> list[FloatArray]:
    """Mean attention of the heads to the words of each text, each of shape (n_words,)."""
    return shares(predictor, inputs, lambda read: read.weights.mean(1))


def shares(predictor: Predictor, inputs: list[Input], of: Callable[[Read], Tensor]) -> list[FloatArray]:
    """What a function of a reading says of the words, shape (n, length): for each text an array (n_words,).

    Raises
    ------
    InputError
        When the predictor has no attention.
    """
    module, found = attending(predictor), dict[int, FloatArray]()
    for group in encode(predictor, inputs):
        rows = mapped(group.rows, lambda rows: of(module.read(as_text(predictor).embed(rows), rows)))
        for place, own in zip(group.places, rows, strict=True):
            found[place] = words_of(inputs[place], own)
    return [found[place] for place in range(len(inputs))]


def words_of(item: Input, row: Tensor) -> FloatArray:
    """What a row says of an item's words, which stand in front of the padding."""
    assert isinstance(item, TextInput)  # only texts are read by attention
    return np.asarray(row[: len(item.tokens)].to("cpu", torch.float64).numpy())


def spread(shares: FloatArray) -> dict[str, float]:
    """The diagnostic `words_attended` of shares that sum to 1."""
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return {"words_attended": float(np.exp(-(shares * logs).sum()))}

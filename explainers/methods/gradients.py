"""Input gradients of a predictor's score, block by block; what saliency and its relatives have in common.

The score of class c is its **centred logit** f_c - mean over all classes of f: the softmax does not see a shift that
all logits share, so neither should an explanation. With two classes it is half the log-odds. Gradients are taken at
*points*: one-hot columns (tabular), embeddings of tokens (text), pixels (image).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explainers.methods.base import Batch, FloatArray
from explainers.methods.blocks import GRADIENT_ROWS, as_tabular, as_text, encode, in_blocks
from explainers.predictors.base import Predictor
from explainers.predictors.tabular import TabularPredictor
from explainers.types import TextInput


@dataclass(frozen=True)
class Points:
    """Items of one encoded shape, where they can be differentiated.

    Parameters
    ----------
    places : tuple of int
        Their places in the batch.
    values : Tensor, shape (n, ...)
        One-hot columns, embeddings (n, length, width), or pixels.
    baseline : Tensor
        The neutral point, broadcastable to one item's values: the frequencies of the training data (tabular), the
        padding's embedding 0 (text), black (image).
    context : Tensor, shape (n, length)
        Token ids, which say where the padding is; of length 0 for what is not a text.
    classes : Tensor, shape (n,)
        The explained class of each.
    """

    places: tuple[int, ...]
    values: Tensor
    baseline: Tensor
    context: Tensor
    classes: Tensor

    def part(self, where: slice) -> Points:
        """Some of the items."""
        return Points(self.places[where], self.values[where], self.baseline, self.context[where], self.classes[where])


def points(batch: Batch) -> Iterator[Points]:
    """The batch's items, grouped by encoded shape."""
    predictor = batch.predictor
    for group in encode(predictor, batch.inputs):
        classes = torch.tensor([batch.classes[place] for place in group.places], device=group.rows.device)
        values, context = group.rows, group.rows.new_empty(len(group.rows), 0)
        if predictor.modality == "text":
            with torch.no_grad():
                values, context = as_text(predictor).embed(group.rows), group.rows
        yield Points(group.places, values, _baseline(predictor, values), context, classes)


def _baseline(predictor: Predictor, values: Tensor) -> Tensor:
    if isinstance(predictor, TabularPredictor):
        return predictor.average_row.to(values)
    return torch.zeros_like(values[0])


def scores(predictor: Predictor, values: Tensor, context: Tensor, classes: Tensor) -> Tensor:
    """Centred logits (n,) of the explained classes, differentiable in `values`."""
    if predictor.modality == "text":
        logits = as_text(predictor).logits_from_embeddings(values, context)
    else:
        logits = predictor.logits(values)
    return logits.gather(1, classes[:, None])[:, 0] - logits.mean(1)


def gradients(
    predictor: Predictor, values: Tensor, context: Tensor, classes: Tensor, *, rows: int = GRADIENT_ROWS
) -> tuple[Tensor, Tensor]:
    """Gradients of the score at each point, and the scores.

    Parameters
    ----------
    values, context, classes : Tensor
        As in `Points`, one row a point.
    rows : int
        Rows of a block; the same for the same method, so that results do not depend on the batch.

    Returns
    -------
    tuple of Tensor
        Shapes (n, ...) and (n,).
    """
    found, found_scores = [], []
    blocks = zip(in_blocks(values, rows), in_blocks(context, rows), in_blocks(classes, rows), strict=True)
    # cuDNN's recurrent layers cannot go backwards in evaluation mode
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=predictor.modality != "text"):
        for (block, n_true), (block_context, _), (block_classes, _) in blocks:
            leaf = block.detach().clone().requires_grad_(True)
            score = scores(predictor, leaf, block_context, block_classes)
            (gradient,) = torch.autograd.grad(score.sum(), leaf)
            found.append(gradient[:n_true])
            found_scores.append(score.detach()[:n_true])
    return torch.cat(found), torch.cat(found_scores)


def scores_in_blocks(predictor: Predictor, group: Points, values: Tensor) -> Tensor:
    """Scores (n,) of the group's explained classes at other points, in blocks of `GRADIENT_ROWS`, without gradients."""
    found = []
    with torch.inference_mode():
        parts = zip(*(in_blocks(rows, GRADIENT_ROWS) for rows in (values, group.context, group.classes)), strict=True)
        for (block, n_true), (context, _), (classes, _) in parts:
            found.append(scores(predictor, block, context, classes)[:n_true])
    return torch.cat(found)


def per_unit(batch: Batch, places: Sequence[int], values: Tensor, *, largest_channel: bool = False) -> list[FloatArray]:
    """Sum values at items' points over each unit: a variable's columns, a token's embedding, a pixel's channels.

    Parameters
    ----------
    places : sequence of int
        The items' places in the batch.
    values : Tensor, shape (n, ...)
        One row an item, as in `Points`.
    largest_channel : bool
        A pixel takes its largest channel instead (Simonyan et al. 2014, section 3.1).

    Returns
    -------
    list of float arrays, shapes (n_units,)
    """
    data = values.detach().cpu().numpy().astype(np.float64)
    match batch.predictor.modality:
        case "image":
            pooled = data.max(axis=1) if largest_channel else data.sum(axis=1)
            return list(pooled.reshape(len(data), -1))
        case "text":
            return [
                own[: len(item.tokens)]
                for own, place in zip(data.sum(axis=-1), places, strict=True)
                if isinstance(item := batch.requests[place].input, TextInput)
            ]
        case _:
            starts = [group.start for group in as_tabular(batch.predictor).groups]
            return list(np.add.reduceat(data, starts, axis=1))

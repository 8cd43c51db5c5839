"""Nearest examples: the training items that look most alike to the predictor, with its output for each.

As in deep k-nearest neighbours (Papernot & McDaniel 2018, arXiv 1803.04765) likeness is the distance in what the
predictor has made of an item: here the input of the last linear layer that a pass goes through, in texts the mean over
the words. Without a linear layer it is the encoded item. Training items that read or look exactly as the item are left
out, because they would only repeat it, and of equal ones the first is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from explainers.methods.base import Attribution, Batch, FloatArray, IntArray, generator
from explainers.methods.blocks import encode, in_blocks
from explainers.methods.layers import with_layers
from explainers.predictors.base import Predictor
from explainers.predictors.text import PADDING
from explainers.types import Example, Input

BLOCK_ROWS = 256
DECIMALS = 6  # of a distance, so that the last bits do not decide between equals
POOL = 20  # training items that a random one is drawn from
_RANDOM = 6  # stream of an item's generator


def explain(batch: Batch) -> list[Attribution]:
    """The nearest training items of each item, the nearest first; the explained class does not matter.

    Returns
    -------
    list of Attribution
        Weights are the distances. Diagnostics: `examples`, how many are shown, and `same_output`, the share of them
        that has the item's output.
    """
    known = _known(batch.predictor)
    return [_attribution(batch, place, known, *found) for place, found in enumerate(_nearest(batch, known))]


def at_random(batch: Batch) -> list[Attribution]:
    """The placebo: training items drawn at random, with the outputs that the nearest ones have, in their order.

    They are drawn among those that look as the real ones do beside the item: rows that differ from it in as many
    variables, texts of about the same length. None of them is among the nearest where there are others.
    """
    known = _known(batch.predictor)
    found = []
    for place, (near, distances) in enumerate(_nearest(batch, known)):
        rng, looks = generator(batch.requests[place].seed, _RANDOM), _looks(batch, place)
        drawn: list[int] = []
        for index in near.tolist():
            alike = np.flatnonzero(known.classes == known.classes[index])
            order = np.lexsort((rng.random(len(alike)), np.abs(looks[alike] - looks[index])))[:POOL]
            drawn.append(_fresh(alike[rng.permutation(order)], batch, place, [*near.tolist(), *drawn]))
        found.append(_attribution(batch, place, known, np.array(drawn, dtype=np.int64), distances))
    return found


def _looks(batch: Batch, place: int) -> IntArray:
    """What people see of each training item at a glance: how many variables differ, how long a text is."""
    rows = batch.predictor.background.rows
    match batch.predictor.modality:
        case "tabular":
            looks = (rows != batch.predictor.encode([batch.requests[place].input])[0].cpu()).sum(1)
        case "text":
            looks = (rows != PADDING).sum(1)
        case _:
            looks = torch.zeros(len(rows), dtype=torch.long)
    return looks.numpy()


def _fresh(order: IntArray, batch: Batch, place: int, shown: list[int]) -> int:
    """The first training item that is neither the item nor shown already; where there is none, the first."""
    inputs = batch.predictor.background.inputs
    seen = {batch.requests[place].input, *(inputs[index] for index in shown)}
    return next((int(index) for index in order if inputs[index] not in seen), int(order[0]))


@dataclass(frozen=True)
class _Known:
    """What the predictor makes of the training items: hidden values (n, width) and output classes (n,)."""

    hidden: FloatArray
    classes: IntArray


def _known(predictor: Predictor) -> _Known:
    hidden, classes = _seen(predictor, predictor.background.rows.to(predictor.device))
    return _Known(hidden, classes)


def _nearest(batch: Batch, known: _Known) -> Iterator[tuple[IntArray, FloatArray]]:
    """For each item the places of its nearest training items among all of them, with the distances."""
    n_shown = int(batch.params["n_examples"])
    hidden: dict[int, FloatArray] = {}
    for group in encode(batch.predictor, batch.inputs):
        hidden.update(zip(group.places, _seen(batch.predictor, group.rows)[0], strict=True))
    for place, item in enumerate(batch.inputs):
        distances = np.round(np.sqrt(((known.hidden - hidden[place]) ** 2).sum(axis=1)), DECIMALS)
        order = np.argsort(distances, kind="stable")
        near = np.array(list(_distinct(order, batch.predictor, item, n_shown)), dtype=np.int64)
        yield near, distances[near]


def _distinct(order: IntArray, predictor: Predictor, item: Input, n_shown: int) -> Iterator[int]:
    inputs, seen = predictor.background.inputs, {item}
    for index in order.tolist():
        if len(seen) > n_shown:
            return
        if inputs[index] not in seen:
            seen.add(inputs[index])
            yield index


def _attribution(batch: Batch, place: int, known: _Known, shown: IntArray, distances: FloatArray) -> Attribution:
    inputs, classes = batch.predictor.background.inputs, known.classes[shown]
    examples = tuple(Example(inputs[index], int(found)) for index, found in zip(shown, classes, strict=True))
    same = float((classes == batch.classes[place]).sum() / max(len(shown), 1))
    return Attribution(distances, {"examples": float(len(shown)), "same_output": same}, examples=examples)


# --- what a pass makes of an item ------------------------------------------------------------------------------------


class _Recorder(nn.Module):
    """A linear layer that notes what comes in."""

    def __init__(self, layer: nn.Module, notes: list[Tensor]) -> None:
        super().__init__()
        self.layer, self.notes = layer, notes

    def forward(self, values: Tensor) -> Tensor:
        self.notes.append(values)
        out: Tensor = self.layer(values)
        return out


def _seen(predictor: Predictor, rows: Tensor) -> tuple[FloatArray, IntArray]:
    """Hidden values (n, width) and output classes (n,) of encoded rows, in blocks of one shape."""
    notes: list[Tensor] = []
    names = [name for name, layer in predictor.module.named_modules() if isinstance(layer, nn.Linear)]
    watched = with_layers(predictor, names, lambda layer: _Recorder(layer, notes))
    hidden, classes = [], []
    with torch.inference_mode():
        for block, n_true in in_blocks(rows, BLOCK_ROWS):
            notes.clear()
            logits = watched.logits(block)
            found = notes[-1] if notes else block.flatten(1)
            hidden.append(_one_a_row(found, block)[:n_true].double().cpu())
            classes.append(logits.argmax(1)[:n_true].cpu())
    return torch.cat(hidden).numpy(), torch.cat(classes).numpy()


def _one_a_row(found: Tensor, block: Tensor) -> Tensor:
    """Values a row; of values a word their mean over the words, which stand in front of the padding."""
    if found.dim() < 3:
        return found
    n_words = (block != PADDING).sum(1, keepdim=True)
    present = (torch.arange(found.shape[1], device=found.device) < n_words).unsqueeze(2)
    return (found * present).sum(1) / n_words.clamp(min=1)

"""The training loop all predictors share."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from explainers.cards import Recipe
from explainers.predictors.initialise import initialise
from explainers.predictors.nets.image import ImageSenn
from explainers.predictors.objective import OwnObjective
from explainers.predictors.senn import Parts, SennModule, robustness_penalty
from explainers.predictors.text import PADDING


@dataclass(frozen=True)
class Encoded:
    """Encoded items (n, ...) and their labels (n,), long."""

    items: Tensor
    labels: Tensor


def fit(module: nn.Module, train: Encoded, validation: Encoded, recipe: Recipe, seed: int) -> nn.Module:
    """Train from fresh weights and keep those of the epoch with the best validation accuracy (the last of equals).

    AdamW at a learning rate that falls linearly to 0; cross-entropy, for a SENN plus `robustness` times the
    robustness penalty (see `senn.py`) and `reconstruction` times the error of the concepts' decoder with `sparsity`
    times their l1 norm, or what a module says itself (`objective.py`). One thread and one
    generator: the same seed gives the same weights on the same machine.

    Parameters
    ----------
    module : torch.nn.Module
        Its weights are overwritten.
    seed : int
        Of the weights, the order of the items, the hidden words and the signs of the penalty.
    """
    generator = torch.Generator().manual_seed(seed)
    initialise(module, seed).train().requires_grad_(True)
    optimiser = torch.optim.AdamW(module.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    n_steps = recipe.epochs * -(-len(train.labels) // recipe.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / n_steps)
    best, kept = -1.0, copy.deepcopy(module.state_dict())
    with single_thread():
        for _ in range(recipe.epochs):
            for items, labels in _batches(train, recipe, generator):
                optimiser.zero_grad()
                torch.autograd.backward(_loss(module, items, labels, recipe, generator))
                optimiser.step()
                schedule.step()
            reached = accuracy(module, validation)
            if reached >= best:
                best, kept = reached, copy.deepcopy(module.state_dict())
    module.load_state_dict(kept)
    return module.eval()


def accuracy(module: nn.Module, data: Encoded, batch: int = 1024) -> float:
    """The share of items whose largest logit is that of the label."""
    return (predictions(module, data.items, batch) == data.labels).double().mean().item()


def predictions(module: nn.Module, items: Tensor, batch: int = 1024) -> Tensor:
    """Class indices (n,)."""
    with torch.no_grad():
        return torch.cat([module(part).argmax(1) for part in torch.split(items, batch)])


@contextmanager
def single_thread() -> Iterator[None]:
    """Sums in one order, whatever the number of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _batches(data: Encoded, recipe: Recipe, generator: Generator) -> Iterator[tuple[Tensor, Tensor]]:
    order = torch.randperm(len(data.labels), generator=generator)
    for chosen in torch.split(order, recipe.batch):
        items = data.items[chosen]
        if items.dtype == torch.long:
            items = hide_words(items, recipe.word_dropout, generator)
        yield items, data.labels[chosen]


def hide_words(items: Tensor, share: float, generator: Generator) -> Tensor:
    """Take a random share of the words away, so that shortened texts are familiar; cut the padding all share."""
    longest = max(1, int((items != PADDING).sum(1).max()))
    shown = items[:, :longest]
    return shown.masked_fill(torch.rand(shown.shape, generator=generator) < share, PADDING)


def _loss(module: nn.Module, items: Tensor, labels: Tensor, recipe: Recipe, generator: Generator) -> Tensor:
    if isinstance(module, OwnObjective):
        return module.objective(items, labels, recipe, generator)
    if not isinstance(module, SennModule):
        return functional.cross_entropy(module(items), labels)
    parts = module.parts(items, differentiable=True)
    loss = functional.cross_entropy(module.combine(parts), labels)
    if recipe.robustness:
        loss = loss + recipe.robustness * robustness_penalty(parts, generator).mean()
    if isinstance(module, ImageSenn):
        loss = loss + recipe.reconstruction * _concept_loss(module, parts, recipe)
    return loss


def _concept_loss(module: ImageSenn, parts: Parts, recipe: Recipe) -> Tensor:
    l1 = parts.concepts.abs().sum(1)
    return (module.reconstruction_error(parts) + recipe.sparsity * l1).mean()

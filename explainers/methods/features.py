"""Features of a transformer's first layer of units, and the training texts that tell what each is about.

In the first layer a word is still itself: higher up, all words of a text have heard of all others, and what makes a
unit active can no longer be shown at a word.

A feature is a unit (SoLU was made so that single units have a meaning, Elhage et al. 2022) or a feature of a sparse
autoencoder of them. What is known of it is gathered once over all training texts: how active it is at most in each
and at which word, and what the predictor's logits lose without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from explainers.background import Background
from explainers.errors import InputError
from explainers.methods.blocks import in_blocks
from explainers.methods.layers import with_layers
from explainers.methods.sparse_autoencoder import SparseAutoencoder, fit_autoencoder
from explainers.predictors.base import Predictor
from explainers.predictors.nets.transformer import SoLU
from explainers.predictors.text import PADDING

BLOCK_ROWS = 128
N_TEXTS_OF_EFFECT = 16  # the texts that a feature is most active in, of which its effect is the mean


class Features(Protocol):
    """What can be read of units: features of 0 or more mean active; each adds its direction to the units."""

    def features(self, units: Tensor) -> Tensor: ...

    @property
    def directions(self) -> Tensor: ...


class Units:
    """The units themselves as features."""

    def __init__(self, n_units: int) -> None:
        self.directions = torch.eye(n_units)

    def features(self, units: Tensor) -> Tensor:
        return units


@dataclass(frozen=True)
class Known:
    """What the training texts tell of each feature.

    Parameters
    ----------
    features : Features
    most : Tensor, shape (n_texts, n_features)
        The largest value in each text.
    words : Tensor, shape (n_texts, n_features)
        The position of the word where it has it.
    effects : Tensor, shape (n_features, n_classes)
        What the centred logits lose when the feature is taken out of every word, in the mean over the
        `N_TEXTS_OF_EFFECT` texts where it is largest; 0 for a feature that is never above 0.
    """

    features: Features
    most: Tensor
    words: Tensor
    effects: Tensor


_KNOWN: WeakKeyDictionary[nn.Module, tuple[Background, dict[str, Known]]] = WeakKeyDictionary()


def known(predictor: Predictor, source: str) -> Known:
    """What is known of "units" or "autoencoder" features; gathered when first asked for, then kept.

    Raises
    ------
    InputError
        When the predictor has no layer of SoLU units.
    MaterialError
        When what it was trained on is not known.
    """
    background, found = _KNOWN.get(predictor.module, (None, {}))
    if background is not predictor.background:
        found = {}
        _KNOWN[predictor.module] = (predictor.background, found)
    if source not in found:
        found[source] = _gathered(predictor, source)
    return found[source]


def values_at_words(predictor: Predictor, features: Features, rows: Tensor) -> Tensor:
    """Features (n, length, n_features) of encoded texts, -inf at padding; in blocks of one shape."""
    reader, notes = _watched(predictor)
    found = []
    with torch.inference_mode():
        for block, n_true in in_blocks(rows, BLOCK_ROWS):
            reader.logits(block)
            absent = (block == PADDING).unsqueeze(2)
            found.append(features.features(notes[-1]).masked_fill(absent, -torch.inf)[:n_true])
            notes.clear()
    return torch.cat(found)


def effects_on(predictor: Predictor, features: Features, rows: Tensor) -> Tensor:
    """What the centred logits of encoded texts (n, length) lose without each feature, (n, n_features, n_classes)."""
    n_features = len(features.directions)
    which = torch.arange(n_features, device=rows.device).repeat(len(rows))
    without = _without(predictor, features, rows.repeat_interleave(n_features, 0), which)
    return _centred(predictor, rows).unsqueeze(1) - without.reshape(len(rows), n_features, -1)


def _gathered(predictor: Predictor, source: str) -> Known:
    rows = predictor.background.rows.to(predictor.device)
    units = values_at_words(predictor, _AsTheyAre(), rows)
    present = units[rows != PADDING]
    features: Features = Units(units.shape[2]) if source == "units" else _on(fit_autoencoder(present), predictor.device)
    parts = [values_at_words(predictor, features, block).max(1) for block in torch.split(rows, BLOCK_ROWS)]
    most, words = torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts])
    return Known(features, most, words, _effects(predictor, features, rows, most))


def _on(learned: SparseAutoencoder, device: torch.device) -> SparseAutoencoder:
    parts = (learned.into, learned.shift, learned.directions, learned.middle)
    return SparseAutoencoder(*(part.to(device) for part in parts))


class _AsTheyAre:
    directions = torch.empty(0)

    def features(self, units: Tensor) -> Tensor:
        return units


def _effects(predictor: Predictor, features: Features, rows: Tensor, most: Tensor) -> Tensor:
    """What the centred logits lose without each feature, (n_features, n_classes), in float64."""
    n_texts = min(N_TEXTS_OF_EFFECT, len(rows))
    largest = most.T.argsort(dim=1, descending=True, stable=True)[:, :n_texts]  # (n_features, n_texts)
    active = most.T.gather(1, largest) > 0
    texts = rows[largest.flatten()]
    which = torch.arange(len(largest), device=rows.device).repeat_interleave(n_texts)
    lost = _centred(predictor, texts) - _without(predictor, features, texts, which)
    return (lost.reshape(len(largest), n_texts, -1) * active.unsqueeze(2)).mean(1)


def _without(predictor: Predictor, features: Features, rows: Tensor, which: Tensor) -> Tensor:
    """Centred logits when feature `which` of each row is taken out at every word."""
    watched: list[_TakenOut] = []

    def wrap(layer: nn.Module) -> nn.Module:
        watched.append(_TakenOut(layer, features))
        return watched[0]

    changed, found = with_layers(predictor, [_units_of(predictor)], wrap), []
    with torch.inference_mode():
        for (block, n_true), (own, _) in zip(in_blocks(rows, BLOCK_ROWS), in_blocks(which, BLOCK_ROWS), strict=True):
            watched[0].which = own
            found.append(_centred_logits(changed.logits(block))[:n_true])
    return torch.cat(found)


class _TakenOut(nn.Module):
    """A layer of units without one feature, for each row the one that `which` (n,) says."""

    which: Tensor

    def __init__(self, layer: nn.Module, features: Features) -> None:
        super().__init__()
        self.layer, self.features = layer, features

    def forward(self, values: Tensor) -> Tensor:
        units: Tensor = self.layer(values)
        index = self.which[:, None, None].expand(-1, units.shape[1], 1)
        directions = self.features.directions.to(units.device)[self.which]
        return units - self.features.features(units).gather(2, index) * directions.unsqueeze(1)


def _centred(predictor: Predictor, rows: Tensor) -> Tensor:
    with torch.inference_mode():
        blocks = list(in_blocks(rows, BLOCK_ROWS))
        return torch.cat([_centred_logits(predictor.logits(block))[:n_true] for block, n_true in blocks])


def _centred_logits(logits: Tensor) -> Tensor:
    return logits.double() - logits.double().mean(1, keepdim=True)


class _Then(nn.Module):
    """A layer whose output goes through a function."""

    def __init__(self, layer: nn.Module, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.function = layer, function

    def forward(self, values: Tensor) -> Tensor:
        return self.function(self.layer(values))


def _watched(predictor: Predictor) -> tuple[Predictor, list[Tensor]]:
    """A copy that notes the values of its units at each pass."""
    notes: list[Tensor] = []

    def note(values: Tensor) -> Tensor:
        notes.append(values)
        return values

    return with_layers(predictor, [_units_of(predictor)], lambda layer: _Then(layer, note)), notes


def _units_of(predictor: Predictor) -> str:
    names: list[str] = [name for name, layer in predictor.module.named_modules() if isinstance(layer, SoLU)]
    if not names:
        raise InputError(
            f"predictor: {predictor.name} is of architecture {predictor.architecture}, which has no SoLU units; choose "
            "another method or predictor"
        )
    return names[0]

"""A small transformer for token ids, with attention of its own, because `nn.Transformer` keeps its weights to itself.

Two layers of self-attention and of units with the SoLU activation (Elhage et al. 2022, Softmax linear units,
Transformer Circuits Thread), each behind a layer normalisation (Xiong et al. 2020, arXiv 2002.04745, "pre-LN"). A last
attention pools the words: each head has one learned query (as in Lee et al. 2019, arXiv 1810.00825, section 3.2),
which stands where BERT has its [CLS] word, so that all attention of the pooling is to words.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from explainers.predictors.attention import AttentionModule, Read
from explainers.predictors.nets.text import present_first
from explainers.predictors.text import MAX_TOKENS, PADDING

N_LAYERS = 2
N_HEADS = 4
UNITS_PER_WIDTH = 2
FAR_BELOW = -1e9  # the score of what is not there


class SoLU(nn.Module):
    """x * softmax(x) over the units: a unit that is far above the others is kept, the others fade."""

    def forward(self, values: Tensor) -> Tensor:
        return values * values.softmax(-1)


class SelfAttention(nn.Module):
    """Attention of every word to every word, in several heads; gives its weights beside its result."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.mix = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, states: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Mixed states (n, length, width) and weights (n, heads, length, length); `present` is (n, length)."""
        query, key, value = (in_heads(part(states)) for part in (self.query, self.key, self.value))
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[3])
        weights = scores.masked_fill(~present[:, None, None], FAR_BELOW).softmax(3)
        mixed: Tensor = self.mix((weights @ value).transpose(1, 2).flatten(2))
        return mixed, weights


class Layer(nn.Module):
    """Self-attention, then units, each added to the states."""

    def __init__(self, width: int) -> None:
        super().__init__()
        n_units = UNITS_PER_WIDTH * width
        self.before_attention, self.attention = nn.LayerNorm(width), SelfAttention(width)
        self.before_units, self.into_units = nn.LayerNorm(width), nn.Linear(width, n_units)
        self.units = SoLU()
        self.behind_units, self.out_of_units = nn.LayerNorm(n_units), nn.Linear(n_units, width)

    def forward(self, states: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        mixed, weights = self.attention(self.before_attention(states), present)
        states = states + mixed
        units = self.units(self.into_units(self.before_units(states)))
        return states + self.out_of_units(self.behind_units(units)), weights


class TextTransformer(AttentionModule):
    """Words and places through `N_LAYERS` layers, pooled by attention: (n, length) ids to (n, n_classes)."""

    def __init__(self, n_ids: int, n_classes: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_ids, width, padding_idx=PADDING)
        self.place = nn.Embedding(MAX_TOKENS, width)
        self.layers = nn.ModuleList(Layer(width) for _ in range(N_LAYERS))
        self.behind_layers = nn.LayerNorm(width)
        self.attention = nn.Linear(width, N_HEADS)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, n_classes)

    def read(self, embeddings: Tensor, encoded: Tensor) -> Read:
        order = present_first(encoded)
        present = encoded.gather(1, order) != PADDING
        words = embeddings.gather(1, order.unsqueeze(2).expand_as(embeddings))
        states, within = words + self.place.weight[: words.shape[1]], []
        for layer in self.layers:
            states, weights = layer(states, present)
            within.append(weights)
        states = self.behind_layers(states)
        scores = self.attention(states).masked_fill(~present.unsqueeze(2), FAR_BELOW)
        # a text without a word is pooled to 0, however long its padding is
        weights = scores.softmax(1) * present.unsqueeze(2)
        return Read(weights.transpose(1, 2), in_heads(self.value(states)), tuple(within))

    def combine(self, weights: Tensor, values: Tensor) -> Tensor:
        out: Tensor = self.out(torch.einsum("nhl,nhlw->nhw", weights, values).flatten(1))
        return out

    def looking(self) -> tuple[nn.Module, ...]:
        below = [part for part in self.modules() if isinstance(part, SelfAttention)]
        return (*(side for part in below for side in (part.query, part.key)), self.attention)


def in_heads(values: Tensor) -> Tensor:
    """Values (n, length, width) as (n, heads, length, width of a head)."""
    n, length, width = values.shape
    return values.reshape(n, length, N_HEADS, width // N_HEADS).transpose(1, 2)

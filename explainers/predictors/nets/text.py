"""Modules for token ids: a GRU with attention, and a SENN whose concepts are the presence of each token.

Padding ids may stand anywhere: present tokens are moved together first, so a padded position is a missing word.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from explainers.predictors.attention import AttentionModule, Read
from explainers.predictors.senn import Parts, SennModule, centred
from explainers.predictors.text import PADDING

WINDOW = 5  # tokens that a relevance sees around its own


def present_first(encoded: Tensor) -> Tensor:
    """Positions (n, length) that bring the tokens to the front, in order, and the padding behind them."""
    return torch.argsort((encoded == PADDING).long(), dim=1, stable=True)


class GruAttention(AttentionModule):
    """A GRU read through one attention head: (n, length) ids to (n, n_classes)."""

    def __init__(self, n_ids: int, n_classes: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_ids, width, padding_idx=PADDING)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.attention = nn.Linear(width, 1)
        self.out = nn.Linear(2 * width, n_classes)

    def read(self, embeddings: Tensor, encoded: Tensor) -> Read:
        order = present_first(encoded)
        absent = encoded.gather(1, order) == PADDING
        words = embeddings.gather(1, order.unsqueeze(2).expand_as(embeddings))
        # cuDNN cannot go backwards through a GRU in evaluation mode, and gradients of trained predictors are wanted.
        with torch.backends.cudnn.flags(enabled=not embeddings.requires_grad):
            states, _ = self.gru(words)
        scores = self.attention(states).masked_fill(absent.unsqueeze(2), -1e9)
        return Read(scores.softmax(1).transpose(1, 2), torch.cat((states, words), 2).unsqueeze(1))

    def combine(self, weights: Tensor, values: Tensor) -> Tensor:
        out: Tensor = self.out((weights.unsqueeze(3) * values).sum(2).flatten(1))
        return out

    def looking(self) -> tuple[nn.Module, ...]:
        return (self.attention,)


class TextSenn(SennModule):
    """Concepts h_t = 1 where token t is there; theta_t depends on the token, its neighbours and the whole text.

    The point of differentiation is the presence itself, which scales the embedding of its token: h is that point. Only
    where theta_t reads its own token is the embedding left whole. Else the robustness penalty would ask that a word's
    relevance be that of no word, and a large one would leave nothing: the penalty is on what the *other* words do to
    it.
    """

    def __init__(self, n_ids: int, n_classes: int, width: int) -> None:
        super().__init__(n_classes)
        self.embedding = nn.Embedding(n_ids, width, padding_idx=PADDING)
        self.neighbours = nn.Conv1d(width, width, WINDOW, padding=WINDOW // 2)
        self.whole = nn.Linear(width, width)
        self.relevance = nn.Sequential(nn.SiLU(), nn.Linear(width, n_classes))

    def parts(self, encoded: Tensor, *, differentiable: bool = False) -> Parts:
        presence = (encoded != PADDING).to(self.bias.dtype)
        point = presence.requires_grad_() if differentiable else presence
        return self._parts(self.embedding(encoded), encoded, point)

    def from_embeddings(self, embeddings: Tensor, encoded: Tensor) -> Tensor:
        return self.combine(self._parts(embeddings, encoded, (encoded != PADDING).to(embeddings.dtype)))

    def _parts(self, embeddings: Tensor, encoded: Tensor, point: Tensor) -> Parts:
        order = present_first(encoded)
        places = order.unsqueeze(2).expand_as(embeddings)
        scaled = embeddings * point.unsqueeze(2)
        words = scaled.gather(1, places)
        mean = words.sum(1, keepdim=True) / (encoded != PADDING).sum(1).clamp(min=1).reshape(-1, 1, 1)
        own = (embeddings - scaled).gather(1, places) @ self.neighbours.weight[:, :, WINDOW // 2].T
        read = self.neighbours(words.transpose(1, 2)).transpose(1, 2) + self.whole(mean) + own
        moved = centred(self.relevance(read))
        back = torch.argsort(order, dim=1)
        relevances = moved.gather(1, back.unsqueeze(2).expand_as(moved))
        return Parts(point, point, relevances)

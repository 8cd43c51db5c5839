"""Control: adversarial attention (Jain & Wallace 2019, Attention is not explanation, arXiv 1902.10186, section 4.2.2).

Looks for attention as far as possible from the network's own, in Jensen-Shannon divergence, that changes its answer by
no more than a little, in total variation. As there, the shares are a softmax of free numbers, which climb (Adam) from
random starts with a penalty on what the answer changes beyond the bound; all that lies below the attention stays as
it is. Unlike there, a climb that ends beyond the bound is drawn back on the straight line to the real attention until
it keeps it, so that every item has a result; the penalty is milder therefore; and of several starts the farthest is
kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explainers.methods.attention import words_of
from explainers.methods.attention_distance import divergence, probabilities, variation
from explainers.methods.base import Attribution, Batch, generator
from explainers.methods.blocks import as_text, encode, in_blocks
from explainers.predictors.attention import AttentionModule, attending
from explainers.predictors.text import PADDING

BLOCK_ITEMS = 16
N_STARTS = 16
_STARTS = 8  # stream of an item's generator
_SPREAD = 3.0  # standard deviation of the free numbers at the start
_RATE = 0.3
_PENALTY = 10.0  # the authors' 500 lets a climb end at the first bound it meets, at 0.6 of the farthest that there is
_FAR_BELOW = -1e9
_HALVINGS = 40


def explain(batch: Batch) -> list[Attribution]:
    """The farthest attention found for each item, as the mean of the heads.

    Returns
    -------
    list of Attribution
        Weights of 0 or more that sum to 1. Diagnostics: `jsd`, the Jensen-Shannon divergence in nats from the
        network's own attention (at most ln 2 = 0.693), and `output_change`, the total variation between the
        probabilities with it and with the network's own, at most `max_change`.
    """
    found: dict[int, Attribution] = {}
    for group in encode(batch.predictor, batch.inputs):
        starts = _starts([batch.requests[place].seed for place in group.places], group.rows, batch)
        blocks = zip(in_blocks(group.rows, BLOCK_ITEMS), in_blocks(starts, BLOCK_ITEMS), strict=True)
        farthest = torch.cat([_farthest(batch, rows, z)[:n_true] for (rows, n_true), (z, _) in blocks])
        for place, row in zip(group.places, farthest, strict=True):
            facts = dict(zip(("jsd", "output_change"), row[:2].tolist(), strict=True))
            found[place] = Attribution(words_of(batch.inputs[place], row[2:]), facts)
    return [found[place] for place in range(len(batch.requests))]


def _starts(seeds: Sequence[int], rows: Tensor, batch: Batch) -> Tensor:
    """Free numbers (n, starts, heads, length); an item's do not depend on its padding."""
    with torch.inference_mode():
        module = attending(batch.predictor)
        n_heads = module.read(as_text(batch.predictor).embed(rows[:1]), rows[:1]).weights.shape[1]
    drawn = np.zeros((len(rows), N_STARTS, n_heads, rows.shape[1]), dtype=np.float32)
    for own, seed, n_words in zip(drawn, seeds, (rows != PADDING).sum(1).tolist(), strict=True):
        own[..., :n_words] = _SPREAD * generator(seed, _STARTS).standard_normal((N_STARTS, n_heads, n_words))
    return torch.from_numpy(drawn).to(rows.device)


@dataclass(frozen=True)
class _Climb:
    """Items, each once for every start: rows are (items x starts)."""

    module: AttentionModule
    real: Tensor  # (rows, heads, length)
    values: Tensor  # (rows, heads, length, width)
    absent: Tensor  # (rows, 1, length)
    answer: Tensor  # (rows, classes), float64
    max_change: float

    def shares(self, free: Tensor) -> Tensor:
        return free.masked_fill(self.absent, _FAR_BELOW).softmax(2)

    def distance(self, shares: Tensor) -> Tensor:
        return divergence(shares.double().mean(1), self.real.double().mean(1))

    def change(self, shares: Tensor) -> Tensor:
        return variation(probabilities(self.module.combine(shares, self.values)), self.answer)

    def climbed(self, free: Tensor, n_rounds: int) -> Tensor:
        """The shares after the last round; every row climbs for itself."""
        free = free.clone().requires_grad_(True)
        optimiser = torch.optim.Adam([free], lr=_RATE)
        with torch.enable_grad():
            for _ in range(n_rounds):
                optimiser.zero_grad()
                shares = self.shares(free)
                beyond = (self.change(shares) - self.max_change).clamp(min=0)
                torch.autograd.backward((_PENALTY * beyond - self.distance(shares)).sum())
                optimiser.step()
        return self.shares(free.detach())

    def drawn_back(self, shares: Tensor) -> Tensor:
        """The farthest point on the line from the real attention that keeps the bound, by halving."""
        low = (self.change(shares) <= self.max_change).double()
        for number in range(1, _HALVINGS):
            tried = (low + 0.5**number).clamp(max=1)
            low = torch.where(self.change(self._between(shares, tried)) <= self.max_change, tried, low)
        return self._between(shares, low)

    def _between(self, shares: Tensor, share: Tensor) -> Tensor:
        weight = share.to(shares.dtype)[:, None, None]
        return self.real + weight * (shares - self.real)


def _farthest(batch: Batch, rows: Tensor, starts: Tensor) -> Tensor:
    """For each item `jsd`, `output_change` and the shares (n, 2 + length) of its best start, in float64."""
    module = attending(batch.predictor)
    with torch.no_grad():
        read = module.read(as_text(batch.predictor).embed(rows), rows)
        real, values = (part.repeat_interleave(N_STARTS, 0) for part in (read.weights, read.values))
        absent = (rows == PADDING).repeat_interleave(N_STARTS, 0)[:, None]
        answer = probabilities(module.combine(real, values))
        climb = _Climb(module, real, values, absent, answer, float(batch.params["max_change"]))
        shares = climb.drawn_back(climb.climbed(starts.flatten(0, 1), int(batch.params["n_rounds"])))
        facts = torch.stack([climb.distance(shares), climb.change(shares)], 1)
        table = torch.cat([facts, shares.double().mean(1)], 1).reshape(len(rows), N_STARTS, -1)
    best = table[:, :, 0].argmax(1)
    return table[torch.arange(len(rows), device=rows.device), best]

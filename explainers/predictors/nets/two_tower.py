"""A small two-tower network: pictures and captions in one space, after CLIP (Radford et al. 2021, arXiv 2103.00020).

One tower turns a picture into a direction, the other a caption; pictures are near their captions. Nobody has captioned
our pictures, so the captions are written by rule: "a CLASS drawn thin" (or plain, or thick, by the share of ink). The
classes are told by their captions: their probability is the sum of that of their captions, so the network answers as
CLIP does without ever having had a last layer for the question. We depart from CLIP in size, in a fixed temperature, in
a caption tower that takes the mean of its words, whatever their order, and in that equal captions of a batch count as
matches of the same pictures.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from explainers.cards import Recipe
from explainers.predictors.nets.prototype import coarse_encoder
from explainers.predictors.objective import OwnObjective

STROKES = ("thin", "plain", "thick")
INK = (0.10, 0.13)  # shares of ink from which a drawing is plain and thick: about thirds of handwritten 4s and 9s
SCALE = 10.0  # inverse temperature of the similarities, which are cosines


def caption_of(name: str, stroke: str) -> tuple[str, ...]:
    """A caption as its words."""
    return ("a", name, "drawn", stroke)


class TwoTower(nn.Module, OwnObjective):
    """Logits are log-sums over a class's captions of the scaled cosines of picture and caption."""

    captions: Tensor

    def __init__(self, shape: tuple[int, int, int], classes: Sequence[str], width: int, n_dimensions: int) -> None:
        super().__init__()
        texts = [[caption_of(name, stroke) for stroke in STROKES] for name in classes]
        self.vocabulary = tuple(dict.fromkeys(word for rows in texts for row in rows for word in row))
        ids = [[[self.vocabulary.index(word) for word in row] for row in rows] for rows in texts]
        self.register_buffer("captions", torch.tensor(ids))  # (n_classes, n_strokes, n_words)
        self.picture = nn.Sequential(*coarse_encoder(shape, width, n_dimensions))
        self.words = nn.Embedding(len(self.vocabulary), n_dimensions)
        self.text = nn.Sequential(nn.Linear(n_dimensions, width), nn.SiLU(), nn.Linear(width, n_dimensions))

    def of_pictures(self, encoded: Tensor) -> Tensor:
        """Directions (n, n_dimensions) of length 1."""
        return functional.normalize(self.picture(encoded), dim=1)

    def of_captions(self, ids: Tensor, present: Tensor) -> Tensor:
        """Directions (m, n_dimensions) of the captions (m, n_words) with those of their words that are present."""
        shown = present.to(self.words.weight.dtype).unsqueeze(2)
        mean = (self.words(ids) * shown).sum(1) / shown.sum(1).clamp(min=1)
        return functional.normalize(self.text(mean), dim=1)

    def similarities(self, encoded: Tensor, present: Tensor | None = None) -> Tensor:
        """Cosines of each picture and every caption, (n, n_classes, n_strokes), with the words that are present."""
        ids = self.captions.flatten(0, 1)
        texts = self.of_captions(ids, torch.ones_like(ids) if present is None else present)
        n_classes, n_strokes, _ = self.captions.shape
        return (self.of_pictures(encoded) @ texts.T).reshape(-1, n_classes, n_strokes)

    def forward(self, encoded: Tensor) -> Tensor:
        return (SCALE * self.similarities(encoded)).logsumexp(2)

    def objective(self, items: Tensor, labels: Tensor, recipe: Recipe, generator: Generator) -> Tensor:
        """The symmetric contrastive loss: each picture finds its caption, each caption of the batch its pictures.

        A share `word_dropout` of the captions' words is hidden, so that shortened captions are familiar.
        """
        ids = self.captions.flatten(0, 1)
        present = torch.rand(ids.shape, generator=generator).to(items) >= recipe.word_dropout
        scores = SCALE * self.similarities(items, present).flatten(1)
        own = labels * len(STROKES) + strokes_of(items)
        finds_caption = functional.cross_entropy(scores, own)
        matches = functional.one_hot(own, scores.shape[1]).bool()
        found = scores.log_softmax(0).masked_fill(~matches, -torch.inf)[:, matches.any(0)].logsumexp(0)
        return (finds_caption - found.mean()) / 2


def strokes_of(items: Tensor) -> Tensor:
    """The place in `STROKES` of each picture (n, ...), by its share of ink."""
    bounds = torch.tensor(INK, device=items.device, dtype=items.dtype)
    return torch.bucketize(items.flatten(1).mean(1), bounds, right=True)

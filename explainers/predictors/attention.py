"""Modules that read a text through attention: how they say where they look, and what another look would lead to.

The last thing such a module does with a text is to mix values of its words by weights that sum to 1, once for each
head, and to make logits of the mixtures. Both parts are open here, so that a method can show the weights and put
others in their place (Jain & Wallace 2019, arXiv 1902.10186).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from explainers.errors import InputError
from explainers.predictors.base import Predictor


@dataclass(frozen=True)
class Read:
    """A batch of texts as the module reads them. Present words stand in front, in their order, padding behind.

    Parameters
    ----------
    weights : Tensor, shape (n, n_heads, length)
        The attention of each head; sums to 1 over the present words and is 0 at padding.
    values : Tensor, shape (n, n_heads, length, width)
        What is mixed.
    within : tuple of Tensors, each of shape (n, n_heads, length, length)
        Self-attention of the layers below, from each word (rows) to each word, the first layer first; empty where
        there is none.
    """

    weights: Tensor
    values: Tensor
    within: tuple[Tensor, ...] = ()


class AttentionModule(nn.Module, ABC):
    """A module for token ids whose logits are made of what its attention mixes."""

    embedding: nn.Embedding

    @abstractmethod
    def read(self, embeddings: Tensor, encoded: Tensor) -> Read:
        """Weights and values of embedded texts (n, length, width); `encoded` says where the padding is."""

    @abstractmethod
    def combine(self, weights: Tensor, values: Tensor) -> Tensor:
        """Logits (n, n_classes) of values mixed by weights, shaped as in `Read`; differentiable in both."""

    @abstractmethod
    def looking(self) -> tuple[nn.Module, ...]:
        """The parts whose weights decide nothing but where the module looks."""

    def forward(self, encoded: Tensor) -> Tensor:
        return self.from_embeddings(self.embedding(encoded), encoded)

    def from_embeddings(self, embeddings: Tensor, encoded: Tensor) -> Tensor:
        """Logits (n, n_classes), differentiable in the embeddings."""
        read = self.read(embeddings, encoded)
        return self.combine(read.weights, read.values)


def attending(predictor: Predictor) -> AttentionModule:
    """The predictor's module as one with attention; raises InputError."""
    if not isinstance(predictor.module, AttentionModule):
        raise InputError(
            f"predictor: {predictor.name} is of architecture {predictor.architecture}, which has no attention; choose "
            "another method or predictor"
        )
    return predictor.module

"""Text predictors: words as ids of a fixed vocabulary."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

from explainers.errors import InputError
from explainers.predictors.base import Predictor
from explainers.types import Input, Modality, TextInput

PADDING, UNKNOWN = 0, 1
MAX_TOKENS = 256
AROUND = string.punctuation


def normalised(token: str) -> str:
    """The word of a token: lower case, without punctuation around it ('Segal."' is "segal"); a lone sign stays."""
    word = token.lower()
    return word.strip(AROUND) or word


class ReadsEmbeddings(Protocol):
    """What a text module offers besides its forward pass."""

    embedding: nn.Embedding

    def from_embeddings(self, embeddings: Tensor, encoded: Tensor) -> Tensor: ...


class TextPredictor(Predictor):
    """Encodes a text as the ids of its normalised tokens, padded on the right.

    A padding id inside a text means that the word is not there: the logits are those of the text without it.
    """

    modality: ClassVar[Modality] = "text"

    def __init__(
        self,
        *,
        name: str,
        architecture: str,
        classes: tuple[str, ...],
        module: nn.Module,
        vocabulary: tuple[str, ...],
    ) -> None:
        super().__init__(name=name, architecture=architecture, classes=classes, module=module)
        self.vocabulary = vocabulary
        self._ids = {word: index for index, word in enumerate(vocabulary, start=UNKNOWN + 1)}

    @property
    def _reader(self) -> ReadsEmbeddings:
        module: ReadsEmbeddings = self.module  # type: ignore[assignment]  # every text module has these two
        return module

    def encode(self, inputs: Sequence[Input]) -> Tensor:
        rows = [self._row(item) for item in inputs]
        longest = max(map(len, rows), default=0)
        padded = [row + [PADDING] * (longest - len(row)) for row in rows]
        return torch.tensor(padded, dtype=torch.long).reshape(len(rows), longest).to(self.device)

    def _row(self, item: Input) -> list[int]:
        if not isinstance(item, TextInput):
            raise InputError(f"input: {self.name} takes text inputs, {item.modality} came")
        if not 1 <= len(item.tokens) <= MAX_TOKENS:
            raise InputError(f"input: {len(item.tokens)} tokens came, 1 to {MAX_TOKENS} were expected")
        return [self._ids.get(normalised(token), UNKNOWN) for token in item.tokens]

    def embed(self, encoded: Tensor) -> Tensor:
        """Embeddings (n, length, width) of token ids; that of the padding is 0."""
        out: Tensor = self._reader.embedding(encoded)
        return out

    def logits_from_embeddings(self, embeddings: Tensor, encoded: Tensor) -> Tensor:
        """Logits (n, n_classes), differentiable in the embeddings; `encoded` says where the padding is."""
        return self._reader.from_embeddings(embeddings, encoded)

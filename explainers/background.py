"""What a predictor was trained on, for methods that look at it: read and encoded when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from explainers.cards import Card
from explainers.errors import MaterialError
from explainers.material import material as find_material
from explainers.material.base import split
from explainers.types import Input

Bits: TypeAlias = NDArray[np.uint64]  # a training item each, 64 a number


class Background:
    """The training items of a predictor.

    Parameters
    ----------
    read : callable
        Gives the inputs in their order.
    encode : callable
        The predictor's own encoding.
    """

    def __init__(self, read: Callable[[], Sequence[Input]], encode: Callable[[Sequence[Input]], Tensor]) -> None:
        self._read, self._encode = read, encode
        self._holding: dict[int, Bits] = {}

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        return tuple(self._read())

    @cached_property
    def rows(self) -> Tensor:
        """All inputs encoded as one batch, on the CPU."""
        return self._encode(self.inputs).cpu()

    def holding(self, code: int) -> Bits:
        """Which items have a value: of tables a one-hot column, of texts a word's id anywhere; shape (n / 64,)."""
        if code not in self._holding:
            rows = self.rows
            has = rows[:, code] > 0 if rows.is_floating_point() else (rows == code).any(1)
            packed = np.packbits(has.numpy())
            self._holding[code] = np.pad(packed, (0, -len(packed) % 8)).view(np.uint64)
        return self._holding[code]


def training_inputs(card: Card) -> tuple[Input, ...]:
    """The inputs that the card's predictor was trained on, from its material.

    Raises
    ------
    UnknownName
        When no such material is registered.
    MaterialError
        When the material cannot be fetched, or is not the one the predictor was trained on.
    """
    return _training_inputs(card.material, card.material_sha256, card.split_shares, card.split_seed)


@lru_cache(maxsize=4)
def _training_inputs(name: str, sha256: str, shares: tuple[float, float], seed: int) -> tuple[Input, ...]:
    found = find_material(name)
    if found.sha256 != sha256:
        raise MaterialError(
            f"{name}: the card promises sha256 {sha256}, {found.sha256} came; train the predictor again"
        )
    return tuple(item.input for item in split(found.read(), shares, seed).train)

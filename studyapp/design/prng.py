"""A keyed stream of random integers that is the same on every machine and every Python.

HMAC-SHA256 in counter mode: unpredictable without the key, so it also draws the allocation sequence.
`random.Random` would be neither sealed nor promised to stay the same between Python versions.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import TypeVar

Thing = TypeVar("Thing")


class KeyedStream:
    """Random integers derived from a key and a label; two labels give independent streams."""

    def __init__(self, key: bytes, label: str) -> None:
        self._key = hmac.digest(key, label.encode("utf-8"), "sha256")
        self._counter = 0
        self._words: list[int] = []

    def _next_word(self) -> int:
        if not self._words:
            block = hmac.digest(self._key, self._counter.to_bytes(8, "big"), "sha256")
            self._counter += 1
            self._words = [int.from_bytes(block[i : i + 8], "big") for i in (24, 16, 8, 0)]
        return self._words.pop()

    def below(self, bound: int) -> int:
        """A uniform integer in [0, bound), by rejection (no modulo bias)."""
        if bound < 1:
            raise ValueError(f"bound: {bound} is below 1")
        limit = (1 << 64) - (1 << 64) % bound
        while (word := self._next_word()) >= limit:
            pass
        return word % bound

    def shuffled(self, things: Sequence[Thing]) -> list[Thing]:
        """A uniform permutation (Fisher and Yates, as Durstenfeld 1964, algorithm 235)."""
        result = list(things)
        for last in range(len(result) - 1, 0, -1):
            other = self.below(last + 1)
            result[last], result[other] = result[other], result[last]
        return result

    def choice(self, things: Sequence[Thing]) -> Thing:
        """One of the things, uniformly."""
        return things[self.below(len(things))]


def stream(seed: int, label: str) -> KeyedStream:
    """A stream for a public seed; for the allocation use the study's sealed key instead."""
    return KeyedStream(str(seed).encode("ascii"), label)

"""The allocation sequence: permuted blocks of random size within strata, drawn from a sealed key.

Nothing is stored ahead: place n of a stratum follows from the key alone, so that a list cannot leak, and an
auditor who is given the key after closing re-derives every assignment.
Source: Rosenberger & Lachin, Randomization in Clinical Trials (2016), sections 3.5 (permuted blocks) and 3.6
(random block sizes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studyapp.design.prng import KeyedStream


@dataclass(frozen=True)
class Placement:
    """A place in a stratum's sequence: its arm and the permuted block it stands in (all numbers from 0)."""

    sequence: int
    arm: str
    permuted_block: int
    block_size: int


@dataclass(frozen=True)
class PermutedBlocks:
    """Blocks whose size is a multiple of the sum of the weights.

    `weights` are arm keys to whole-number ratios, `multiples` the block sizes to draw from in units of the
    smallest block.
    """

    weights: Mapping[str, int]
    multiples: Sequence[int]

    def smallest_block(self) -> tuple[str, ...]:
        """Every arm as often as its weight says, in the design's order; weights 2 and 2 make blocks of 4."""
        return tuple(arm for arm, weight in self.weights.items() for _ in range(weight))

    def place(self, key: bytes, stratum: str, sequence: int) -> Placement:
        """The placement at `sequence` (from 0) of a stratum."""
        unit = self.smallest_block()
        start = number = 0
        while True:
            draw = KeyedStream(key, f"allocation/{stratum}/{number}")
            block = unit * draw.choice(self.multiples)
            if sequence < start + len(block):
                arm = draw.shuffled(block)[sequence - start]
                return Placement(sequence, arm, number, len(block))
            start, number = start + len(block), number + 1

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
class BlockStart:
    """Where a permuted block begins: its number and the place of its first member (both from 0)."""

    number: int = 0
    sequence: int = 0


FIRST_BLOCK = BlockStart()


@dataclass(frozen=True)
class Placement:
    """A place in a stratum's sequence: its arm and the permuted block it stands in (all numbers from 0)."""

    sequence: int
    arm: str
    block: BlockStart
    block_size: int

    @property
    def permuted_block(self) -> int:
        return self.block.number


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

    def place(self, key: bytes, stratum: str, sequence: int, *, after: BlockStart = FIRST_BLOCK) -> Placement:
        """The placement at `sequence` (from 0) of a stratum.

        Sizes are random, so a block's start follows from all the blocks before it. Who remembers the block of an
        earlier place gives it as `after` and is spared the walk; the placement is the same.
        """
        if sequence < after.sequence:
            raise ValueError(f"sequence: {sequence} is before {after.sequence}, where the block to start from begins")
        unit, start, number = self.smallest_block(), after.sequence, after.number
        while True:
            draw = KeyedStream(key, f"allocation/{stratum}/{number}")
            block = unit * draw.choice(self.multiples)
            if sequence < start + len(block):
                arm = draw.shuffled(block)[sequence - start]
                return Placement(sequence, arm, BlockStart(number, start), len(block))
            start, number = start + len(block), number + 1

"""The allocation mechanism, drawn again: permuted blocks with weights, within strata, the last block often unfilled.

Rosenberger, W. F. & Lachin, J. M. (2016). Randomization in Clinical Trials, 2nd ed., chapters 3 and 6: inference is
based on the sequences the procedure could have given, with the probabilities it gives them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import comb, factorial, prod

import numpy as np

from analysis.types import FloatArray, IntArray, LabelArray

CHUNK_CELLS = 4_000_000  # labels held at once: 4 MB, whatever the size of the study


@dataclass(frozen=True)
class Allocation:
    """Who was given which arm, and what the mechanism could have given instead.

    Parameters
    ----------
    arm : int array, shape (n,)
        Arm of each participant, a position in `weights`.
    permuted_block : int array, shape (n,)
        Permuted block of each, a position in `block_sizes`.
    block_sizes : tuple of int
        Full size of each permuted block, a multiple of the sum of the weights. It was drawn before any arm was, so the
        inference is conditional on it.
    weights : tuple of int
        Places of each arm in the smallest permuted block.
    """

    arm: IntArray
    permuted_block: IntArray
    block_sizes: tuple[int, ...]
    weights: tuple[int, ...]

    def content(self, size: int) -> tuple[int, ...]:
        """Return the places of each arm in a full permuted block of `size` places."""
        return tuple(size // sum(self.weights) * weight for weight in self.weights)

    def redraws(self, draws: int, seed: int) -> Iterator[LabelArray]:
        """Draw the allocation again and again, as the mechanism would.

        A permuted block is a random order of its full content; a block that was not filled keeps the first places of
        it, so its arms need not balance, here as in the study.

        Parameters
        ----------
        draws : int
        seed : int

        Yields
        ------
        int8 array, shape (m, n)
            The arms of `m` re-draws; the `m` add up to `draws`.
        """
        generator = np.random.default_rng(seed)
        groups = [(size, self._places(size)) for size in sorted(set(self.block_sizes))]
        chunk = max(1, CHUNK_CELLS // max(1, sum(self.block_sizes)))
        for start in range(0, draws, chunk):
            m = min(chunk, draws - start)
            labels = np.empty((m, len(self.arm)), dtype=np.int8)
            for size, (members, places) in groups:
                full = np.repeat(np.arange(len(self.weights), dtype=np.int8), self.content(size))
                n_blocks = self.block_sizes.count(size)
                permuted = generator.permuted(np.tile(full, (m * n_blocks, 1)), axis=1)
                labels[:, members] = permuted.reshape(m, n_blocks * size)[:, places]
            yield labels

    def _places(self, size: int) -> tuple[IntArray, IntArray]:
        """Return the members of the blocks of one size, and their places when these blocks are laid end to end."""
        blocks = [number for number, its_size in enumerate(self.block_sizes) if its_size == size]
        members = [np.flatnonzero(self.permuted_block == block) for block in blocks]
        places = [number * size + np.arange(len(its_members)) for number, its_members in enumerate(members)]
        return np.concatenate(members), np.concatenate(places)

    def n_distinct(self) -> int:
        """Count the distinct allocations the mechanism could have given to the places that were filled."""
        return prod(_n_prefixes(content, filled) for content, filled in self._blocks())

    def every(self) -> tuple[LabelArray, FloatArray]:
        """List every distinct allocation with its probability; call it when `n_distinct` is small.

        Returns
        -------
        labels : int8 array, shape (n_distinct, n)
        probability : float array, shape (n_distinct,)
            They differ where a block is unfilled: of the content AABB, two filled places are AB more often than AA.
        """
        labels = np.zeros((1, len(self.arm)), dtype=np.int8)
        probability = np.ones(1)
        for block, (content, filled) in enumerate(self._blocks()):
            prefixes = _prefixes(content, filled)
            arms = np.array([prefix for prefix, _ in prefixes], dtype=np.int8)
            chances = np.array([chance for _, chance in prefixes])
            old = len(labels)
            labels = np.repeat(labels, len(prefixes), axis=0)
            labels[:, self.permuted_block == block] = np.tile(arms, (old, 1))
            probability = np.outer(probability, chances).ravel()
        return labels, probability

    def _blocks(self) -> list[tuple[tuple[int, ...], int]]:
        filled = np.bincount(self.permuted_block, minlength=len(self.block_sizes))
        return [(self.content(size), int(count)) for size, count in zip(self.block_sizes, filled, strict=True)]

    def between(self, arms: Sequence[int]) -> "tuple[IntArray, Allocation]":
        """Hold everybody outside `arms` in place.

        Given the places of the other arms, the remaining content of each block is in random order over the remaining
        places: permuted blocks again, of these arms alone.

        Parameters
        ----------
        arms : sequence of int
            Positions in `weights`.

        Returns
        -------
        members : int array
            The participants of these arms, positions in this allocation.
        allocation : Allocation
            Theirs; arms keep their numbers.
        """
        members = np.flatnonzero(np.isin(self.arm, list(arms)))
        weights = tuple(weight if k in arms else 0 for k, weight in enumerate(self.weights))
        sizes = tuple(size // sum(self.weights) * sum(weights) for size in self.block_sizes)
        return members, Allocation(self.arm[members], self.permuted_block[members], sizes, weights)


@cache
def _n_prefixes(content: tuple[int, ...], filled: int) -> int:
    """Count the distinct first `filled` places of a block; arm by arm, choose its places among those left."""
    ways = [1] + [0] * filled
    for count in content:
        ways = [sum(ways[n - j] * comb(n, j) for j in range(min(count, n) + 1)) for n in range(filled + 1)]
    return ways[filled]


@cache
def _prefixes(content: tuple[int, ...], filled: int) -> tuple[tuple[tuple[int, ...], float], ...]:
    """List the distinct first `filled` places of a block, each with its probability."""
    total = _orders(content)

    def grow(left: tuple[int, ...], prefix: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], float]]:
        if len(prefix) == filled:
            yield prefix, _orders(left) / total
            return
        for arm, count in enumerate(left):
            if count:
                yield from grow((*left[:arm], count - 1, *left[arm + 1 :]), (*prefix, arm))

    return tuple(grow(content, ()))


def _orders(content: tuple[int, ...]) -> int:
    """Count the distinct orders of a multiset."""
    return factorial(sum(content)) // prod(factorial(count) for count in content)

"""What every way to give out arms can do for a test: be drawn again, and be listed where it is small.

Permuted blocks are in `allocation`, minimisation in `minimisation`, orders within a person in `crossover`; here are the
protocol they share and the two plainest mechanisms.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from analysis.errors import InputError
from analysis.inference.allocation import CHUNK_CELLS, Allocation
from analysis.types import FloatArray, IntArray, LabelArray


class Mechanism(Protocol):
    """Who was given which arm, and what could have been given instead."""

    @property
    def arm(self) -> IntArray:
        """Arm of each participant, shape (n,)."""
        ...

    def redraws(self, draws: int, seed: int) -> Iterator[LabelArray]:
        """Yield int8 arrays of shape (m, n), each row the arms of one re-draw; the m add up to `draws`."""
        ...

    def n_distinct(self) -> int:
        """Count the distinct allocations, or say how many they are at most."""
        ...

    def every(self) -> tuple[LabelArray, FloatArray]:
        """Return all distinct allocations, shape (n_distinct, n), and their probabilities."""
        ...


class Divisible(Mechanism, Protocol):
    """A mechanism that, some arms held in place, is one of the same kind for the others."""

    def between(self, arms: Sequence[int]) -> "tuple[IntArray, Divisible]":
        """Return the participants of these arms, and the mechanism that gave them theirs."""
        ...


@dataclass(frozen=True)
class SimpleRandomisation:
    """Everybody's arm drawn for himself, with chances in the ratio of the weights.

    Rosenberger & Lachin (2016), Randomization in Clinical Trials, 2nd ed., section 3.2.

    Parameters
    ----------
    arm : int array, shape (n,)
        A position in `weights`.
    weights : tuple of int
    """

    arm: IntArray
    weights: tuple[int, ...]

    def redraws(self, draws: int, seed: int) -> Iterator[LabelArray]:
        """Draw everybody's arm again; see `Mechanism`."""
        generator = np.random.default_rng(seed)
        limits = np.cumsum(self.weights)
        chunk = max(1, CHUNK_CELLS // max(1, len(self.arm)))
        for start in range(0, draws, chunk):
            ticket = generator.integers(limits[-1], size=(min(chunk, draws - start), len(self.arm)))
            yield np.searchsorted(limits, ticket, side="right").astype(np.int8)

    def n_distinct(self) -> int:
        """Count the distinct allocations."""
        return int(sum(weight > 0 for weight in self.weights) ** len(self.arm))

    def every(self) -> tuple[LabelArray, FloatArray]:
        """List them; see `Mechanism`."""
        used = [k for k, weight in enumerate(self.weights) if weight]
        labels = np.array(np.meshgrid(*[used] * len(self.arm), indexing="ij"), dtype=np.int8)
        labels = labels.reshape(len(self.arm), -1).T
        chances = np.array(self.weights) / sum(self.weights)
        return labels, chances[labels].prod(axis=1)

    def between(self, arms: Sequence[int]) -> "tuple[IntArray, SimpleRandomisation]":
        """Hold everybody outside `arms` in place; the others' arms are still drawn one by one."""
        members = np.flatnonzero(np.isin(self.arm, list(arms)))
        weights = tuple(weight if k in arms else 0 for k, weight in enumerate(self.weights))
        return members, SimpleRandomisation(self.arm[members], weights)


def complete_randomisation(arm: IntArray, n_arms: int) -> Allocation:
    """Return the mechanism that fixed how many each arm was to have, and nothing else: one permuted block.

    Parameters
    ----------
    arm : int array, shape (n,)
    n_arms : int

    Returns
    -------
    Allocation

    Raises
    ------
    InputError
        When nobody was allocated, or an arm is not among the `n_arms`.
    """
    if not len(arm) or arm.min() < 0 or arm.max() >= n_arms:
        found = f"{int(arm.min())} to {int(arm.max())}" if len(arm) else "nobody"
        raise InputError("complete randomisation", [f"arm: expected numbers from 0 to {n_arms - 1}, found {found}"])
    sizes = tuple(np.bincount(arm, minlength=n_arms).tolist())
    return Allocation(arm, np.zeros(len(arm), dtype=np.int64), (len(arm),), sizes)

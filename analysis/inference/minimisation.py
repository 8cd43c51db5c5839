"""Minimisation run again: everybody in the order of arrival, each to the arm that keeps the factors balanced.

Pocock, S. J. & Simon, R. (1975), Biometrics 31, 103-115. Inference re-runs the procedure with the people, their factors
and their order as they were, and new coins (Rosenberger & Lachin 2016, section 6.9; Simon, R. & Simon, N. R. 2011,
Stat. Probab. Lett. 81): whoever was balanced on cannot be exchanged at will.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.errors import InputError
from analysis.inference.allocation import CHUNK_CELLS
from analysis.types import BoolArray, FloatArray, IntArray, LabelArray

Imbalance = Literal["range", "variance"]
Counts = NDArray[np.int16]  # of people at a level; narrow, since the time goes into moving them

MOST_LISTED: Final = 8  # arms up to which the chances of every set of best arms are listed: a byte holds one bit an arm


@dataclass(frozen=True)
class Minimisation:
    """Who was given which arm by minimisation over arms of equal size.

    Parameters
    ----------
    arm : int array, shape (n,)
        In the order of arrival; from 0 to n_arms - 1.
    factors : int array, shape (n, n_factors)
        The level of each factor, counted from 0.
    n_arms : int
    probability : float
        Of the arm that would leave the least imbalance; the others share the rest. Ties are broken by equal chances.
    factor_weights : tuple of int
        One a factor.
    imbalance : {"range", "variance"}
        Of the arms' counts at one level of a factor; summed over the person's levels by the weights.

    Raises
    ------
    InputError
        When the parts do not fit each other.
    """

    arm: IntArray
    factors: IntArray
    n_arms: int
    probability: float
    factor_weights: tuple[int, ...]
    imbalance: Imbalance = "range"

    def __post_init__(self) -> None:
        found = []
        if self.factors.shape != (len(self.arm), len(self.factor_weights)):
            found.append(
                f"factors: expected shape ({len(self.arm)}, {len(self.factor_weights)}), one row a person and one "
                f"column a weight, found {self.factors.shape}"
            )
        if not self.factor_weights or min(self.factor_weights) < 1:
            found.append(f"factor_weights: expected at least one, from 1 up, found {self.factor_weights}")
        if self.factors.size and self.factors.min() < 0:
            found.append(f"factors: expected levels counted from 0, found {self.factors.min()}")
        if self.n_arms < 2 or (len(self.arm) and not 0 <= self.arm.min() <= self.arm.max() < self.n_arms):
            found.append(f"arm: expected numbers from 0 to {self.n_arms - 1} of at least two arms")
        if not 1 / max(2, self.n_arms) <= self.probability <= 1:
            found.append(f"probability: expected from 1 / n_arms to 1, found {self.probability}")
        if found:
            raise InputError("minimisation", found)

    def redraws(self, draws: int, seed: int) -> Iterator[LabelArray]:
        """Run the procedure again and again; see `Mechanism`."""
        generator = np.random.default_rng(seed)
        chunk = max(1, CHUNK_CELLS // max(1, len(self.arm)))
        for start in range(0, draws, chunk):
            m = min(chunk, draws - start)
            labels = np.empty((len(self.arm), m), dtype=np.int8)
            counts = self._no_counts(m)
            for person, levels in enumerate(self.factors):
                labels[person] = self._drawn(self._is_best(counts, levels), generator.random(m))
                self._count(counts, levels, labels[person])
            yield labels.T

    def n_distinct(self) -> int:
        """Say how many sequences there are at most: where the coin is certain, not all of them can come."""
        return int(self.n_arms ** len(self.arm))

    def every(self) -> tuple[LabelArray, FloatArray]:
        """List the sequences that can come, person by person; see `Mechanism`."""
        labels, probability = np.zeros((0, 1), dtype=np.int8), np.ones(1)
        for person, levels in enumerate(self.factors):
            counts = self._no_counts(labels.shape[1])
            for earlier in range(person):
                self._count(counts, self.factors[earlier], labels[earlier])
            chances = self._chances(counts, levels)
            arm = np.repeat(np.arange(self.n_arms, dtype=np.int8), labels.shape[1])
            labels = np.concatenate([np.tile(labels, self.n_arms), arm[None, :]])
            probability = (probability * chances).ravel()
            labels, probability = labels[:, probability > 0], probability[probability > 0]
        return labels.T, probability

    def _no_counts(self, m: int) -> Counts:
        n_levels = int(self.factors.max(initial=0)) + 1
        return np.zeros((len(self.factor_weights), n_levels, self.n_arms, m), dtype=np.int16)

    def _count(self, counts: Counts, levels: IntArray, labels: LabelArray) -> None:
        is_here = (labels == np.arange(self.n_arms, dtype=np.int8)[:, None]).astype(counts.dtype)
        for factor, level in enumerate(levels):
            counts[factor, level] += is_here

    def _drawn(self, is_best: BoolArray, coins: FloatArray) -> LabelArray:
        """Return the arms that coins between 0 and 1 choose, shape (m,)."""
        if self.n_arms > MOST_LISTED:
            limits = np.cumsum(self._shares(is_best)[:-1], axis=0)
            above: LabelArray = (coins >= limits).sum(axis=0).astype(np.int8)
            return above
        pattern = np.zeros(len(coins), dtype=np.uint8)
        for arm in range(self.n_arms - 1, -1, -1):
            pattern += pattern
            pattern += is_best[arm].view(np.uint8)
        number = pattern.astype(np.intp)
        passed = np.zeros(len(coins), dtype=np.int8)
        for limits in self._limits_by_pattern:
            passed += (coins >= limits[number]).view(np.int8)
        return passed

    @cached_property
    def _limits_by_pattern(self) -> FloatArray:
        """Return the limits between the arms' chances for every set of best arms, shape (n_arms - 1, 2^n_arms)."""
        is_best = (np.arange(2**self.n_arms) >> np.arange(self.n_arms)[:, None]) % 2 == 1
        is_best[:, 0] = True  # nobody best: cannot be
        return np.cumsum(self._shares(is_best)[:-1], axis=0)

    def _chances(self, counts: Counts, levels: IntArray) -> FloatArray:
        """Return the arms' chances for a person of these levels, shape (n_arms, m)."""
        return self._shares(self._is_best(counts, levels))

    def _shares(self, is_best: BoolArray) -> FloatArray:
        other = (1 - self.probability) / (self.n_arms - 1)
        chances: FloatArray = other + (self.probability - other) * is_best / is_best.sum(axis=0)
        return chances

    def _is_best(self, counts: Counts, levels: IntArray) -> BoolArray:
        """Say which arms would leave the least imbalance for a person of these levels, shape (n_arms, m)."""
        whole = np.int8 if sum(self.factor_weights) <= np.iinfo(np.int8).max else np.int32
        left = sum(
            whole(weight) * self._added(counts[factor, level])
            for factor, (level, weight) in enumerate(zip(levels, self.factor_weights, strict=True))
        )
        is_best: BoolArray = left == np.min(left, axis=0)
        return is_best

    def _added(self, here: Counts) -> NDArray[np.signedinteger]:
        """Return what one more in each arm adds to the imbalance of these counts (n_arms, m), but for a constant.

        All whole numbers, so that ties are ties. The variance grows with the count of the arm that gets one more, and
        the rest is the same for all arms. The range grows where the arm has the most already, and shrinks where it is
        the only one that has the least.
        """
        if self.imbalance == "variance":
            return here.astype(np.int32)
        is_most = (here == here.max(axis=0)).view(np.int8)
        is_least = (here == here.min(axis=0)).view(np.int8)
        is_alone = (np.add.reduce(is_least, axis=0, dtype=np.int8) == 1).view(np.int8)
        added: NDArray[np.int8] = is_most - (is_least & is_alone)
        return added

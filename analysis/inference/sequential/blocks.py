"""Steps of a sequential analysis: one filled permuted block, in which two arms are compared on equal terms."""

from dataclasses import dataclass

import numpy as np

from analysis.inference.allocation import Allocation
from analysis.types import FloatArray, IntArray


@dataclass(frozen=True)
class BlockSteps:
    """Differences of two arms, block by block, in the order in which blocks were filled.

    Parameters
    ----------
    differences : float array, shape (n_steps,)
        First arm's mean minus the second's, in the outcome's unit.
    weights : float array, shape (n_steps,)
        Size of the block, in smallest blocks: a difference of twice as many people has half the variance.
    n_enrolments : int array, shape (n_steps,)
        People of the two arms with an outcome.
    is_mirrored : bool
        Whether swapping the two arms in a block is as likely as not, as when they have equal places: without any
        effect, differences are then symmetric about 0.
    """

    differences: FloatArray
    weights: FloatArray
    n_enrolments: IntArray
    is_mirrored: bool

    def __len__(self) -> int:
        return len(self.differences)


def block_steps(
    values: FloatArray, allocation: Allocation, contrast: tuple[int, int], order: IntArray | None = None
) -> BlockSteps:
    """Compare two arms within every permuted block that is full.

    A block that is not full waits: its arms need not balance. One in which an arm has no outcome is left out.

    Parameters
    ----------
    values : float array, shape (n,)
        One a participant; NaN where there is none.
    allocation : Allocation
        Of the n participants.
    contrast : (int, int)
        Arms: the first minus the second.
    order : int array, shape (n,), optional
        When each participant's outcome came, any increasing number; by default their order here. A block counts from
        its last one on.

    Returns
    -------
    BlockSteps
    """
    when = np.arange(len(values)) if order is None else order
    found = []
    for block, size in enumerate(allocation.block_sizes):
        members = np.flatnonzero(allocation.permuted_block == block)
        if len(members) < size:
            continue
        groups = [members[(allocation.arm[members] == k) & ~np.isnan(values[members])] for k in contrast]
        if all(len(group) for group in groups):
            first, second = (float(values[group].mean()) for group in groups)
            n = sum(len(group) for group in groups)
            found.append((int(when[members].max()), block, first - second, size / sum(allocation.weights), n))
    found.sort()
    differences, weights = (np.array([row[i] for row in found], dtype=np.float64) for i in (2, 3))
    people = np.array([row[4] for row in found], dtype=np.int64)
    first_weight, second_weight = (allocation.weights[k] for k in contrast)
    return BlockSteps(differences, weights, people, first_weight == second_weight)


def pair_steps(differences: FloatArray) -> BlockSteps:
    """Take pairs, one member of each given the first arm by a fair coin, as steps in their order.

    Parameters
    ----------
    differences : float array, shape (n_pairs,)
        First arm minus second; NaN are left out.
    """
    known = differences[~np.isnan(differences)].astype(np.float64)
    return BlockSteps(known, np.ones(len(known)), np.full(len(known), 2, dtype=np.int64), True)

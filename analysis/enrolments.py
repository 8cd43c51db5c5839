"""Everybody allocated, in the order of the allocation sequence: the people an estimate is about."""

from dataclasses import dataclass

import numpy as np

from analysis.design import Design
from analysis.inference.allocation import Allocation
from analysis.inference.mechanisms import complete_randomisation
from analysis.table import ResponseTable
from analysis.types import IntArray


@dataclass(frozen=True)
class Enrolments:
    """The allocated participants, sorted by stage, stratum and place, whatever the order of the rows was.

    Parameters
    ----------
    subjects : tuple of str
        Their pseudonyms.
    allocation : Allocation
        Who was given which arm, and by which permuted block; arms are numbered as in the design.
    missing_places : int
        Places of the allocation sequence that no row accounts for.
    """

    subjects: tuple[str, ...]
    allocation: Allocation
    missing_places: int

    def __len__(self) -> int:
        return len(self.subjects)

    def positions(self, table: ResponseTable) -> IntArray:
        """Return, for each row of `table`, its participant's position here, or -1; shape (n_rows,)."""
        where = {subject: position for position, subject in enumerate(self.subjects)}
        return np.array([where.get(subject, -1) for subject in table.subject_id], dtype=np.int64)


def read_enrolments(table: ResponseTable, design: Design) -> Enrolments:
    """Collect the allocation rows of a table that passed `check_table`.

    Parameters
    ----------
    table : ResponseTable
        The rows of the stages analysed.
    design : Design

    Returns
    -------
    Enrolments
    """
    rows = np.flatnonzero(table.trial_type == "allocation").tolist()
    order = sorted(rows, key=lambda i: (table.stage[i], table.stratum[i], table.sequence[i]))
    last_places = {(table.stage[i], table.stratum[i]): int(table.sequence[i]) for i in order}
    return Enrolments(
        subjects=tuple(table.subject_id[i] for i in order),
        allocation=_allocation(table, design, order),
        missing_places=sum(last + 1 for last in last_places.values()) - len(order),
    )


def _allocation(table: ResponseTable, design: Design, order: list[int]) -> Allocation:
    """Number arms and permuted blocks; where the blocks are not known, everybody is in one."""
    number = {arm.key: k for k, arm in enumerate(design.arms)}
    arm = np.array([number[table.arm[i]] for i in order], dtype=np.int64)
    if design.allocation_method == "complete":
        return complete_randomisation(arm, len(number))
    keys = [(table.stage[i], table.stratum[i], int(table.permuted_block[i])) for i in order]
    sizes = {key: int(table.block_size[i]) for key, i in zip(reversed(keys), reversed(order), strict=True)}
    block_numbers = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return Allocation(
        arm=arm,
        permuted_block=np.array([block_numbers[key] for key in keys], dtype=np.int64),
        block_sizes=tuple(sizes[key] for key in block_numbers),
        weights=tuple(one.weight for one in design.arms),
    )

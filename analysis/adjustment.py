"""How the primary p-values may be adjusted for being several: one entry each, as a plan names it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.inference.allocation import Allocation
from analysis.inference.dunnett import dunnett
from analysis.inference.multiplicity import benjamini_hochberg, hochberg, holm
from analysis.inference.permutation import max_t_tests
from analysis.types import FloatArray

P = float | None


@dataclass(frozen=True)
class PrimaryTests:
    """What an adjustment may use.

    Parameters
    ----------
    p_values : tuple of float or None
        Of the primary contrasts; None is a test that could not be made.
    values : float array, shape (n,)
        One a participant; NaN where there is none.
    allocation : Allocation
    pairs : tuple of (int, int)
        The contrasts as arm numbers, all with one control.
    draws, seed : int
        Of the re-draws; the same as for the p-values.
    """

    p_values: tuple[P, ...]
    values: FloatArray
    allocation: Allocation
    pairs: tuple[tuple[int, int], ...]
    draws: int
    seed: int


@dataclass(frozen=True)
class Adjustment:
    """A registry entry: `how` is half a sentence, `adjust` gives the adjusted p-values in the order of the pairs."""

    how: str
    adjust: Callable[[PrimaryTests], Sequence[P]]


def _westfall_young(tests: PrimaryTests) -> Sequence[P]:
    found = max_t_tests(tests.values, tests.allocation, tests.pairs, draws=tests.draws, seed=tests.seed)
    return [None if test is None else test.p_adjusted for test in found]


def _dunnett(tests: PrimaryTests) -> Sequence[P]:
    control, arm = tests.pairs[0][1], tests.allocation.arm
    compared = np.isin(arm, [control, *(first for first, _ in tests.pairs)])
    found = {one.arm: one for one in dunnett(tests.values[compared], arm[compared], control=control).differences}
    return [found[first].p_value if first in found else None for first, _ in tests.pairs]


ADJUSTMENTS: Final[dict[str, Adjustment]] = {
    "holm": Adjustment("Holm's method", lambda tests: holm(tests.p_values)),
    "hochberg": Adjustment("Hochberg's method", lambda tests: hochberg(tests.p_values)),
    "westfall_young": Adjustment("the step-down max-T of Westfall and Young over the same re-draws", _westfall_young),
    "dunnett": Adjustment("Dunnett's test, which takes its own p-values from one variance", _dunnett),
    "benjamini_hochberg": Adjustment(
        "the method of Benjamini and Hochberg, which controls the false-discovery rate and not the family-wise error",
        lambda tests: benjamini_hochberg(tests.p_values),
    ),
}

"""Studies in which everybody meets every condition: the order is what was drawn, within each person.

Jones, B. & Kenward, M. G. (2014). Design and Analysis of Cross-Over Trials, 3rd ed. Orders drawn again leave the
effects of period and person in place whatever they are; under the sharp null hypothesis of no effect and no carry-over
the test is exact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from analysis.errors import InputError
from analysis.inference.mechanisms import Mechanism, SimpleRandomisation
from analysis.inference.permutation import TIE, PermutationTest, tests_by_redrawing
from analysis.types import FloatArray, IntArray, LabelArray


@dataclass(frozen=True)
class Crossover:
    """Who met the conditions in which order.

    Parameters
    ----------
    sequences : int array, shape (n_sequences, n_periods)
        The condition of each period, in every order that could be drawn: all of them, or the rows of a Latin square.
    mechanism : Mechanism
        How people were given sequences; its `arm` is a row of `sequences`.

    Raises
    ------
    InputError
        When somebody was given a sequence that is not there.
    """

    sequences: IntArray
    mechanism: Mechanism

    def __post_init__(self) -> None:
        given = self.mechanism.arm
        if self.sequences.ndim != 2 or (len(given) and not 0 <= given.min() <= given.max() < len(self.sequences)):
            raise InputError(
                "crossover", [f"expected everybody to have one of the {len(self.sequences)} sequences, a row each"]
            )

    @property
    def arm(self) -> IntArray:
        """The conditions met, person by person and period by period, shape (n * n_periods,)."""
        met: IntArray = self.sequences[self.mechanism.arm].ravel()
        return met

    def redraws(self, draws: int, seed: int) -> Iterator[LabelArray]:
        """Draw the orders again; see `Mechanism`."""
        for labels in self.mechanism.redraws(draws, seed):
            yield self.sequences.astype(np.int8)[labels].reshape(len(labels), -1)

    def n_distinct(self) -> int:
        """Count the ways to order."""
        return self.mechanism.n_distinct()

    def every(self) -> tuple[LabelArray, FloatArray]:
        """List them; see `Mechanism`."""
        labels, probability = self.mechanism.every()
        return self.sequences.astype(np.int8)[labels].reshape(len(labels), -1), probability


def orders_drawn_freely(conditions: IntArray) -> Crossover:
    """Return the crossover in which everybody's order was drawn for himself among all orders.

    Parameters
    ----------
    conditions : int array, shape (n, n_periods)
        As they were met; everybody meets the same ones.

    Returns
    -------
    Crossover

    Raises
    ------
    InputError
        When somebody met other conditions than the first person.
    """
    sequences = sorted(set(permutations(conditions[0].tolist())))
    number = {sequence: k for k, sequence in enumerate(sequences)}
    met = [tuple(row) for row in conditions.tolist()]
    strange = [i for i, sequence in enumerate(met) if sequence not in number]
    if strange:
        i = strange[0]
        raise InputError("crossover", [f"person {i}: expected {sequences[0]} in some order, found {met[i]}"])
    given = np.array([number[sequence] for sequence in met], dtype=np.int64)
    return Crossover(np.array(sequences, dtype=np.int64), SimpleRandomisation(given, (1,) * len(sequences)))


def crossover_tests(
    values: FloatArray, crossover: Crossover, contrasts: Sequence[tuple[int, int]], *, draws: int, seed: int
) -> tuple[PermutationTest | None, ...]:
    """Test contrasts of conditions by drawing everybody's order again; all contrasts see the same draws.

    Parameters
    ----------
    values : float array, shape (n, n_periods)
        NaN where there is none; a person without a value in one of the two conditions is not in their mean.
    crossover : Crossover
    contrasts : sequence of (int, int)
        Pairs of conditions: the first minus the second.
    draws, seed : int

    Returns
    -------
    tuple of PermutationTest or None
        By the paired t of the persons' differences; None where fewer than two persons have one.

    Raises
    ------
    InputError
        When the values do not have the crossover's shape.
    """
    shape = len(crossover.mechanism.arm), crossover.sequences.shape[1]
    if values.shape != shape:
        raise InputError("crossover", [f"values: expected shape {shape}, person by period, found {values.shape}"])
    differences = [_differences(values, crossover.sequences, a, b) for a, b in contrasts]

    def statistics(labels: LabelArray) -> FloatArray:
        return np.stack([_paired_t(made[np.arange(len(values)), labels]) for made in differences], axis=1)

    return tests_by_redrawing(statistics, crossover.mechanism, draws=draws, seed=seed)


def _differences(values: FloatArray, sequences: IntArray, first: int, second: int) -> FloatArray:
    """Return everybody's difference under every sequence, shape (n, n_sequences)."""
    seen = ~np.isnan(values)
    filled = np.where(seen, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [
            (filled @ (sequences == k).T) / (seen @ (sequences == k).T.astype(np.float64)) for k in (first, second)
        ]
    difference: FloatArray = means[0] - means[1]
    return difference


def _paired_t(differences: FloatArray) -> FloatArray:
    """Return mean over standard error of each row, over those who have a difference; 0 where all are zero."""
    seen = ~np.isnan(differences)
    n = seen.sum(axis=1)
    filled = np.where(seen, differences, 0.0)
    floor = (TIE * np.abs(filled).max(initial=0.0)) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(axis=1) / n
        variance = np.maximum((filled**2).sum(axis=1) - n * mean**2, 0.0) / (n - 1)
        mean, variance = np.where(mean**2 <= floor, 0.0, mean), np.where(variance <= floor, 0.0, variance)
        t: FloatArray = mean / np.sqrt(variance / n)
    return np.where(n < 2, np.nan, np.where((mean == 0) & (variance == 0), 0.0, t))

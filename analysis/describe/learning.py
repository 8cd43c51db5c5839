"""Accuracy as a phase goes on: how people learn, or tire, with each arm."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from analysis.describe.answers import Described, person_means, places, within_0_and_1
from analysis.inference.welch import mean_of
from analysis.types import FloatArray, Interval

TRIALS_A_BIN: Final = 4
MOST_BINS: Final = 12  # of one phase; longer ones get wider bins


@dataclass(frozen=True)
class LearningPoint:
    """Accuracy of one arm over some trials that follow one another in a phase.

    Parameters
    ----------
    arm, phase : str
        Keys.
    first, last : int
        Places of the trials in the order of the person's phase, from 1.
    value : float or None
        Mean of the participants' shares; None where nobody of the arm came so far.
    interval : Interval or None
        t interval with the participant as the unit, cut at 0 and 1.
    n_enrolments : int
    """

    arm: str
    phase: str
    first: int
    last: int
    value: float | None
    interval: Interval | None
    n_enrolments: int


def learning(rows: Described) -> tuple[LearningPoint, ...]:
    """Bin the answers of each phase by their place in it; every arm has the same bins.

    Parameters
    ----------
    rows : Described

    Returns
    -------
    tuple of LearningPoint
        Phase by phase in the design's order, an arm after the other.
    """
    place = np.zeros(len(rows.positions), dtype=np.int64)
    longest: dict[str, int] = {}
    cells = list(rows.cells())
    for _, _, phase, chosen in cells:
        place[chosen] = places(rows.positions[chosen], rows.table.trial_index[chosen])
        longest[phase] = max(longest.get(phase, 0), int(place[chosen].max(initial=-1)) + 1)
    hit = (rows.table.correct == 1).astype(np.float64)
    found = []
    for _, arm, phase, chosen in cells:
        for first, last in bins(longest[phase]):
            inside = chosen & (place >= first) & (place < last)
            found.append(_point(arm, phase, first, last, person_means(rows.positions[inside], hit[inside]), rows.level))
    return tuple(found)


def bins(n_trials: int) -> Iterator[tuple[int, int]]:
    """Yield where each of about equal parts of a phase begins and where the next does, counted from 0."""
    count = min(max(1, round(n_trials / TRIALS_A_BIN)), MOST_BINS)
    edges = [round(number * n_trials / count) for number in range(count + 1)]
    yield from pairwise(edges)


def _point(arm: str, phase: str, first: int, last: int, per_person: FloatArray, level: float) -> LearningPoint:
    mean = mean_of(per_person, level)
    return LearningPoint(arm, phase, first + 1, last, mean.value, within_0_and_1(mean.interval), len(per_person))

"""Answers by arm and phase: shares, response times, ratings."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.design import Design
from analysis.enrolments import Enrolments
from analysis.inference.welch import mean_of
from analysis.table import MISSING, ResponseTable
from analysis.types import BoolArray, FloatArray, IntArray, Interval


@dataclass(frozen=True)
class Share:
    """A share of answers in one arm and phase: the mean of the participants' shares.

    Parameters
    ----------
    arm, phase : str
        Keys.
    model_is_right : bool or None
        Over the items whose label the model gives, over the others, or (None) over all.
    value : float or None
        Between 0 and 1; None where nobody answered.
    interval : Interval or None
        t interval with the participant as the unit, cut at 0 and 1.
    n_enrolments, n_answers : int
    """

    arm: str
    phase: str
    model_is_right: bool | None
    value: float | None
    interval: Interval | None
    n_enrolments: int
    n_answers: int


@dataclass(frozen=True)
class Times:
    """Quartiles of the response times of one arm and phase, in ms; None where none is known."""

    arm: str
    phase: str
    lower_quartile_ms: float | None
    median_ms: float | None
    upper_quartile_ms: float | None
    n_answers: int


@dataclass(frozen=True)
class Ratings:
    """Ratings of one arm: mean of the participants' means, with a t interval over participants."""

    arm: str
    value: float | None
    interval: Interval | None
    n_enrolments: int
    n_ratings: int


@dataclass(frozen=True)
class Described:
    """Rows of the people analysed, with what every description needs of them.

    Parameters
    ----------
    table : ResponseTable
    design : Design
    positions : int array, shape (n_rows,)
        Whose a row is, -1 for somebody who was not allocated.
    arm : int array, shape (n_rows,)
        The participant's arm, -1 likewise.
    level : float
        Of the intervals.
    """

    table: ResponseTable
    design: Design
    positions: IntArray
    arm: IntArray
    level: float

    def cells(self) -> Iterator[tuple[int, str, str, BoolArray]]:
        """Yield arm number, arm key, phase key and rows of every arm and phase that has scored trials in some arm."""
        scored = self.table.is_simulation & (self.table.correct != MISSING)
        for phase in self.design.phases:
            in_phase = scored & (self.table.phase == phase.key)
            if in_phase.any():
                for number, arm in enumerate(self.design.arms):
                    yield number, arm.key, phase.key, in_phase & (self.arm == number)


def describe_rows(table: ResponseTable, design: Design, enrolments: Enrolments, level: float) -> Described:
    """Say whose each row is and in which arm."""
    positions = enrolments.positions(table)
    arms = np.append(enrolments.allocation.arm, -1)  # position -1 is nobody, and nobody has no arm
    return Described(table, design, positions, arms[positions], level)


def accuracy(rows: Described) -> tuple[Share, ...]:
    """Share of answers that name the model's class, over all items and by whether the model was right."""
    correct = (rows.table.correct == 1).astype(np.float64)
    is_right = rows.table.model_output == rows.table.label
    known = _known_labels(rows.table) & (rows.table.model_output != "")
    kinds: tuple[tuple[bool | None, BoolArray], ...] = (
        (None, np.ones(len(is_right), dtype=np.bool_)),
        (True, known & is_right),
        (False, known & ~is_right),
    )
    return tuple(
        _share(rows, arm, phase, kind, chosen & wanted, correct)
        for kind, wanted in kinds
        for _, arm, phase, chosen in rows.cells()
    )


def own_label(rows: Described) -> tuple[Share, ...]:
    """Share of answers that name the true label: a proxy for giving one's own answer instead of the model's.

    The real thing, "belief projection" (Yang et al. 2021, Sci. Rep. 11), needs each person's own answer to the item.
    """
    own = (rows.table.response == rows.table.label).astype(np.float64)
    known = _known_labels(rows.table) & (rows.table.response != "")
    return tuple(_share(rows, arm, phase, None, chosen & known, own) for _, arm, phase, chosen in rows.cells())


def _known_labels(table: ResponseTable) -> BoolArray:
    """A study that was run elsewhere may not say what its items really are."""
    known: BoolArray = table.label != ""
    return known


def _share(rows: Described, arm: str, phase: str, kind: bool | None, chosen: BoolArray, hit: FloatArray) -> Share:
    per_person = person_means(rows.positions[chosen], hit[chosen])
    mean = mean_of(per_person, rows.level)
    interval = within_0_and_1(mean.interval)
    return Share(arm, phase, kind, mean.value, interval, len(per_person), int(chosen.sum()))


def within_0_and_1(interval: Interval | None) -> Interval | None:
    """Cut the interval of a share where shares end."""
    return interval and Interval(max(0.0, interval.low), min(1.0, interval.high), interval.level)


def person_means(positions: IntArray, values: FloatArray) -> FloatArray:
    """Return the mean of each person who has a value, in the order of their positions; shape (n_people,)."""
    people, where = np.unique(positions, return_inverse=True)
    counts = np.bincount(where, minlength=len(people))
    means: FloatArray = np.bincount(where, values, minlength=len(people)).astype(np.float64) / counts
    return means


def response_times(rows: Described) -> tuple[Times, ...]:
    """Quartiles over the answers of an arm and phase."""
    return tuple(_times(arm, phase, rows.table.rt[chosen]) for _, arm, phase, chosen in rows.cells())


def _times(arm: str, phase: str, rt: FloatArray) -> Times:
    known = rt[~np.isnan(rt)]
    if not len(known):
        return Times(arm, phase, None, None, None, 0)
    low, middle, high = (float(q) for q in np.quantile(known, [0.25, 0.5, 0.75]))
    return Times(arm, phase, low, middle, high, len(known))


def ratings(rows: Described) -> tuple[Ratings, ...]:
    """Ratings by arm. People's ratings do not tell which explanations help them (Hase & Bansal 2020, ACL)."""
    rated = (rows.table.trial_type == "rating") & ~np.isnan(rows.table.rating)
    if not rated.any():
        return ()
    found = []
    for number, arm in enumerate(rows.design.arms):
        chosen = rated & (rows.arm == number)
        per_person = person_means(rows.positions[chosen], rows.table.rating[chosen])
        mean = mean_of(per_person, rows.level)
        found.append(Ratings(arm.key, mean.value, mean.interval, len(per_person), int(chosen.sum())))
    return tuple(found)


def places(positions: IntArray, trial_index: IntArray) -> IntArray:
    """Number each person's trials from 0 in the order they came."""
    by_time = np.lexsort((trial_index, positions))
    starts = np.flatnonzero(np.diff(positions[by_time], prepend=-1))
    lengths = np.diff(np.append(starts, len(positions)))
    places = np.empty(len(positions), dtype=np.int64)
    places[by_time] = np.arange(len(positions)) - np.repeat(starts, lengths)
    return places

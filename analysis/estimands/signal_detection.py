"""Telling the model's two classes apart, and leaning towards one of them, kept apart.

Green, D. M. & Swets, J. A. (1966). Signal Detection Theory and Psychophysics; the log-linear correction of Hautus, M.
J. (1995), Behavior Research Methods, Instruments, & Computers 27, 46-51: half an answer is added to hits and false
alarms, one to the trials of either kind, whether or not a rate is 0 or 1.

The signal is the class that comes last in alphabetical order (yes after no, positive after negative). Taking the other
one leaves d' as it is and turns the sign of the criterion.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy import special

from analysis.errors import TableError
from analysis.estimands.scores import Grid
from analysis.table import ResponseTable
from analysis.types import BoolArray, FloatArray

CLASSES: Final = 2


@dataclass(frozen=True)
class Detection:
    """How well, and with which leaning, signals are told from noise.

    Parameters
    ----------
    d_prime : float array
        Distance of the two distributions, in standard deviations; 0 is guessing. NaN without trials of either kind.
    criterion : float array
        Place of the cut from midway between them, in standard deviations; below 0 leans towards saying signal.
    """

    d_prime: FloatArray
    criterion: FloatArray

    @property
    def log_beta(self) -> FloatArray:
        """Log likelihood ratio at the criterion."""
        product: FloatArray = self.d_prime * self.criterion
        return product


def detection(hits: FloatArray, signals: FloatArray, false_alarms: FloatArray, noises: FloatArray) -> Detection:
    """Compute d' and criterion with the log-linear correction (Hautus 1995).

    Parameters
    ----------
    hits, signals : float array
        Answers "signal" to signals, of how many; of one shape with the next two.
    false_alarms, noises : float array
        Answers "signal" to noise, of how many.

    Returns
    -------
    Detection
    """
    is_known = (signals > 0) & (noises > 0)
    hit = np.where(is_known, special.ndtri((hits + 0.5) / (signals + 1)), np.nan)
    alarm = np.where(is_known, special.ndtri((false_alarms + 0.5) / (noises + 1)), np.nan)
    return Detection(hit - alarm, -(hit + alarm) / 2)


@dataclass(frozen=True)
class DetectionScore:
    """d' or criterion of participants; counts have shape (n, n_items), see `detection`."""

    what: Literal["d_prime", "criterion"]
    hits: FloatArray
    signals: FloatArray
    false_alarms: FloatArray
    noises: FloatArray

    @property
    def n_items(self) -> int:
        return int(self.hits.shape[1])

    def reweighted(self, item_weights: FloatArray) -> FloatArray:
        counts = (self.hits, self.signals, self.false_alarms, self.noises)
        found = detection(*(count @ item_weights for count in counts))
        return found.d_prime if self.what == "d_prime" else found.criterion


def detection_score(
    table: ResponseTable, grid: Grid, where: BoolArray, what: Literal["d_prime", "criterion"]
) -> DetectionScore:
    """Count hits and false alarms of the rows laid out for which `where` (shape (n_rows,)) holds.

    Raises
    ------
    TableError
        When the model has more than two classes.
    """
    signal = signal_class(table)
    asked, said = table.model_output == signal, table.response == signal
    ones = np.ones(len(table))
    return DetectionScore(
        what,
        hits=grid.sums(said, where & asked),
        signals=grid.sums(ones, where & asked),
        false_alarms=grid.sums(said, where & ~asked),
        noises=grid.sums(ones, where & ~asked),
    )


def signal_class(table: ResponseTable) -> str:
    """Return the class that counts as the signal; "" where no trial was asked.

    Raises
    ------
    TableError
        When the model has more than two classes.
    """
    rows = table.is_simulation
    named = [set(cells[rows].tolist()) for cells in (table.label, table.model_output, table.response)]
    classes = sorted(set().union(*named) - {""})
    if len(classes) > CLASSES:
        raise TableError(
            "responses.csv",
            [
                f"column model_output: d′ and the criterion need a model of two classes, found {len(classes)} "
                f"({', '.join(classes[:5])}{' …' if len(classes) > 5 else ''}); plan the accuracy instead"
            ],
        )
    return str(classes[-1]) if classes else ""

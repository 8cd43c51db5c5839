"""What is asked of a test: how often it rejects what is true, covers what is true, or finds what is there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.types import Interval

Kind = Literal["size", "coverage", "power", "control"]
Answers = Mapping[str, bool | None]
Trial = Callable[[np.random.Generator], Answers]

ALPHA, LEVEL = 0.05, 0.95
SIZE, COVERAGE = (0.035, 0.065), (0.935, 0.965)


@dataclass(frozen=True)
class Check:
    """One line of the table.

    Parameters
    ----------
    title : str
        The test or interval, as the report names it.
    kind : {"size", "coverage", "power", "control"}
        A share of rejections where nothing is to be found, of intervals that hold the truth, of effects found, or of
        rejections by a test that is known to be wrong and must be seen to be.
    is_conservative : bool
        Whether it is known, and said where it is shown, to be wrong less often than the level allows.
    """

    title: str
    kind: Kind = "size"
    is_conservative: bool = False

    def is_kept(self, rate: float) -> bool:
        """Whether the rate is what the title promises; a control has to break the promise."""
        if self.kind == "control":
            return rate > SIZE[1]
        if self.kind == "size":
            return rate <= SIZE[1] and (rate >= SIZE[0] or self.is_conservative)
        return self.kind == "power" or (rate >= COVERAGE[0] and (rate <= COVERAGE[1] or self.is_conservative))


@dataclass(frozen=True)
class Group:
    """Checks made on the same studies.

    Parameters
    ----------
    key : str
    process : str
        How the studies come about, in words.
    checks : mapping of str to Check
        By the keys of what `trial` answers.
    trial : callable
        From a generator to whether each check's event happened in one study; None where there was no answer.
    n_studies : int
    """

    key: str
    process: str
    checks: Mapping[str, Check]
    trial: Trial
    n_studies: int = 2000


def rejects(p_value: float | None) -> bool | None:
    """Whether a test rejects at the level; None where there was none."""
    return None if p_value is None else p_value <= ALPHA


def covers(interval: Interval | None, truth: float = 0.0) -> bool | None:
    """Whether an interval holds the truth; None where there was none."""
    return None if interval is None else interval.low <= truth <= interval.high


def excludes(interval: Interval | None, value: float = 0.0) -> bool | None:
    """Whether an interval rejects a value; None where there was none."""
    held = covers(interval, value)
    return None if held is None else not held

"""Two proportions of independent people, compared."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

from analysis.errors import InputError
from analysis.inference.counts import share_interval
from analysis.types import Interval

REFERENCE: Final = "Newcombe 1998, Statist. Med. 17, method 10"


@dataclass(frozen=True)
class ProportionDifference:
    """A difference of two proportions: the first minus the second.

    Parameters
    ----------
    value : float or None
        None where a group has nobody.
    interval : Interval or None
    unit : str
    n : tuple of int
        People of both groups.
    method, reference : str
    """

    value: float | None
    interval: Interval | None
    unit: str
    n: tuple[int, int]
    method: str
    reference: str


def newcombe(
    first_count: int, first_total: int, second_count: int, second_total: int, *, level: float = 0.95
) -> ProportionDifference:
    """Compare two proportions by the hybrid of their score intervals.

    Newcombe, R. G. (1998), Statist. Med. 17, 873-890, method 10: each limit is reached by moving both proportions
    towards their own Wilson limits. Unlike the usual interval it stays within -1 and 1 and covers near 0 and 1.

    Parameters
    ----------
    first_count, first_total, second_count, second_total : int
        People with the mark and people, in both groups.
    level : float

    Returns
    -------
    ProportionDifference

    Raises
    ------
    InputError
        When a count is below 0 or above its total.
    """
    groups = (first_count, first_total), (second_count, second_total)
    wrong = [f"expected from 0 to {total} people with the mark, found {count}"
             for count, total in groups if not 0 <= count <= total]  # fmt: skip
    if wrong:
        raise InputError("two proportions", wrong)
    first, second = (share_interval(count, total, level) for count, total in groups)
    method = "Newcombe's hybrid score interval"
    if first is None or second is None:
        return ProportionDifference(None, None, "proportion", (first_total, second_total), method, REFERENCE)
    p, q = first_count / first_total, second_count / second_total
    low = p - q - sqrt((p - first.low) ** 2 + (second.high - q) ** 2)
    high = p - q + sqrt((first.high - p) ** 2 + (q - second.low) ** 2)
    interval = Interval(low, high, level)
    return ProportionDifference(p - q, interval, "proportion", (first_total, second_total), method, REFERENCE)

"""Tests on counts of participants by arm."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Final

import numpy as np
from scipy import special, stats

from analysis.types import FloatArray, IntArray, Interval

MAX_TABLES = 2_000_000  # tables enumerated for the exact test: about a second and 16 MB
TIE = 1e-7  # tables as likely as the observed one but for rounding, as in R's fisher.test
MAX_OUTCOMES = 50_000  # ways to share people among arms that are enumerated: about 20 ms
ALARM_P: Final = 0.001  # below this a ratio is broken; one sound study in a thousand at most says so by chance


@dataclass(frozen=True)
class RatioTest:
    """A test of counts against a ratio."""

    p_value: float
    is_exact: bool

    @property
    def is_alarm(self) -> bool:
        """Whether chance alone hardly explains the counts."""
        return self.p_value < ALARM_P


def independence_p(yes: Sequence[int], no: Sequence[int]) -> float | None:
    """Pearson's chi-square test that a share is the same in all arms; None where a margin is empty.

    Parameters
    ----------
    yes, no : sequence of int
        Counts by arm; arms with nobody are left out.

    Returns
    -------
    float or None
    """
    table = np.array([(y, n) for y, n in zip(yes, no, strict=True) if y + n], dtype=np.int64)
    if len(table) < 2 or (table.sum(axis=0) == 0).any():
        return None
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def fisher_p(yes: Sequence[int], no: Sequence[int]) -> float | None:
    """Fisher's exact test that a share is the same in all arms (Freeman & Halton 1951, Biometrika 38).

    p is the probability, given both margins, of all tables no more likely than the observed one.

    Parameters
    ----------
    yes, no : sequence of int
        Counts by arm; arms with nobody are left out.

    Returns
    -------
    float or None
        None where a margin is empty, or there are too many tables to enumerate (the chi-square test is good then).
    """
    table = np.array([(y, n) for y, n in zip(yes, no, strict=True) if y + n], dtype=np.int64)
    if len(table) < 2 or (table.sum(axis=0) == 0).any():
        return None
    rarer = table[:, int(np.argmin(table.sum(axis=0)))]
    sizes = table.sum(axis=1)
    if comb(int(rarer.sum()) + len(sizes) - 1, len(sizes) - 1) > MAX_TABLES:
        return None
    log_ways = _log_ways_of_every_table(sizes.tolist(), int(rarer.sum()))
    observed = float(sum(_log_comb(int(size), np.array([count]))[0] for size, count in zip(sizes, rarer, strict=True)))
    ways = np.exp(log_ways - log_ways.max())
    return float(min(1.0, ways[log_ways <= observed + TIE].sum() / ways.sum()))


def _log_ways_of_every_table(sizes: list[int], total: int) -> FloatArray:
    """Return log prod C(size, count) of every way to share `total` among groups of these sizes."""
    log_ways, used = np.zeros(1), np.zeros(1, dtype=np.int64)
    for size in sizes[:-1]:
        counts = np.arange(min(size, total) + 1)
        log_ways = np.add.outer(log_ways, _log_comb(size, counts)).ravel()
        used = np.add.outer(used, counts).ravel()
        log_ways, used = log_ways[used <= total], used[used <= total]
    fits = total - used <= sizes[-1]
    result: FloatArray = log_ways[fits] + _log_comb(sizes[-1], total - used[fits])
    return result


def _log_comb(n: int, k: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> FloatArray:
    result: FloatArray = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return result


def sample_ratio_test(counts: Sequence[int], weights: Sequence[int]) -> RatioTest | None:
    """Test that arms hold people in the planned ratio; None where there is nobody, or one arm.

    Exact, by the probability of all counts no more likely than those found, while they can be enumerated; beyond that
    Pearson's chi-square. Permuted blocks keep counts nearer to the ratio than independent draws would, so both are
    conservative for people allocated, and nearly so for those who are left while few have gone.

    Parameters
    ----------
    counts, weights : sequence of int
        By arm.

    Returns
    -------
    RatioTest or None
    """
    total = sum(counts)
    if total == 0 or len(counts) < 2:
        return None
    if comb(total + len(counts) - 1, len(counts) - 1) <= MAX_OUTCOMES:
        return RatioTest(_exact_ratio_p(counts, weights), True)
    expected = np.array(weights) * total / sum(weights)
    return RatioTest(float(stats.chisquare(counts, expected).pvalue), False)


def _exact_ratio_p(counts: Sequence[int], weights: Sequence[int]) -> float:
    log_shares = np.log(np.array(weights) / sum(weights))
    log_chances = _log_chances_of_every_count(sum(counts), log_shares)
    terms = (_log_term(np.array([count]), share)[0] for count, share in zip(counts, log_shares, strict=True))
    chances = np.exp(log_chances - log_chances.max())
    return float(min(1.0, chances[log_chances <= float(sum(terms)) + TIE].sum() / chances.sum()))


def _log_chances_of_every_count(total: int, log_shares: FloatArray) -> FloatArray:
    """Return the log probability, but for a constant, of every way to share `total` among arms of these shares."""
    log_chances, used = np.zeros(1), np.zeros(1, dtype=np.int64)
    counts = np.arange(total + 1)
    for share in log_shares[:-1]:
        log_chances = np.add.outer(log_chances, _log_term(counts, share)).ravel()
        used = np.add.outer(used, counts).ravel()
        log_chances, used = log_chances[used <= total], used[used <= total]
    result: FloatArray = log_chances + _log_term(total - used, log_shares[-1])
    return result


def _log_term(counts: IntArray, log_share: float) -> FloatArray:
    result: FloatArray = counts * log_share - special.gammaln(counts + 1)
    return result


def share_interval(count: int, total: int, level: float) -> Interval | None:
    """Return Wilson's interval for a share (Wilson 1927, JASA 22); None where there is nobody.

    Parameters
    ----------
    count, total : int
        People with the mark, and people.
    level : float
        Confidence level, between 0 and 1.
    """
    if total == 0:
        return None
    found = stats.binomtest(count, total).proportion_ci(level, method="wilson")
    return Interval(float(found.low), float(found.high), level)

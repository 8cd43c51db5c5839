"""Tests on counts of participants by arm."""

from collections.abc import Sequence
from math import comb

import numpy as np
from scipy import special, stats

from analysis.types import FloatArray

MAX_TABLES = 2_000_000  # tables enumerated for the exact test: about a second and 16 MB
TIE = 1e-7  # tables as likely as the observed one but for rounding, as in R's fisher.test


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


def sample_ratio_p(counts: Sequence[int], weights: Sequence[int]) -> float | None:
    """Pearson's chi-square test that arms were given out in the planned ratio; None where nobody was allocated.

    Permuted blocks keep counts nearer to the ratio than chance would, so a small p here means a broken allocation.

    Parameters
    ----------
    counts, weights : sequence of int
        By arm.

    Returns
    -------
    float or None
    """
    if sum(counts) == 0 or len(counts) < 2:
        return None
    expected = np.array(weights) * sum(counts) / sum(weights)
    return float(stats.chisquare(counts, expected).pvalue)

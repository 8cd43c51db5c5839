"""From values of items to the mean with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from explainers.methods.base import FloatArray
from explainers.methods.forms import rounded
from explainers.metrics.types import ItemValue, Summary


def summarise(
    items: Sequence[ItemValue], *, level: float, low: float | None = None, high: float | None = None
) -> Summary:
    """Mean and median of the items' values, and Student's interval for the mean.

    Parameters
    ----------
    items : sequence of ItemValue
        Those without a value are counted and left out.
    level : float
        Of the interval, between 0 and 1.
    low, high : float, optional
        Bounds of the metric; the interval is cut at them, which costs no coverage.

    Returns
    -------
    Summary
        The interval is over items as a random draw: it does not hold the noise of a single item's explanation apart.
    """
    values = np.array([item.value for item in items if item.value is not None], dtype=np.float64)
    n_undefined = len(items) - len(values)
    if not len(values):
        return Summary(None, None, None, None, level, 0, n_undefined)
    mean, median = rounded(np.array([values.mean(), np.median(values)]))
    first, last = _interval(values, level, low, high) or (None, None)
    return Summary(mean, median, first, last, level, len(values), n_undefined)


def _interval(values: FloatArray, level: float, low: float | None, high: float | None) -> tuple[float, float] | None:
    if len(values) < 2:
        return None
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    bounds = -np.inf if low is None else low, np.inf if high is None else high
    first, last = rounded(np.clip(values.mean() + np.array([-half, half]), *bounds))
    return first, last

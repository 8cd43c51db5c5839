"""p-values adjusted for being several."""

from collections.abc import Callable, Sequence
from typing import Final


def holm(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Adjust by Holm's step-down rule, which controls the family-wise error under any dependence.

    Holm, S. (1979). Scand. J. Statist. 6, 65-70. The hypothesis of rank i of m is compared with alpha / (m - i + 1);
    the adjusted p is the smallest alpha at which it falls.

    Parameters
    ----------
    p_values : sequence of float or None
        The whole planned family. None is a test that could not be made: it stays in the family, as the last to fall, so
        that an arm that failed does not make the others easier to pass.

    Returns
    -------
    tuple of float or None
        In the order given; None stays None.
    """
    m = len(p_values)
    adjusted: list[float | None] = [None] * m
    highest = 0.0
    ranked = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    for rank, (p, i) in enumerate(ranked):
        highest = max(highest, min(1.0, (m - rank) * p))
        adjusted[i] = highest
    return tuple(adjusted)


def hochberg(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Adjust by Hochberg's step-up rule, which controls the family-wise error of independent or like-minded tests.

    Hochberg, Y. (1988). Biometrika 75, 800-802: Holm's limits, taken from the largest p downwards. Never larger than
    Holm's; contrasts with one control are positively dependent, for which it holds (Sarkar 1998, Ann. Statist. 26).

    Parameters
    ----------
    p_values : sequence of float or None
        As in `holm`.

    Returns
    -------
    tuple of float or None
    """
    m = len(p_values)
    return _stepped_up(p_values, [float(m - rank + 1) for rank in range(1, m + 1)])


def benjamini_hochberg(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Adjust so that at most alpha of the findings are expected to be false; for exploring, not for confirming.

    Benjamini, Y. & Hochberg, Y. (1995). J. R. Statist. Soc. B 57, 289-300; for independent or positively dependent
    tests.

    Parameters
    ----------
    p_values : sequence of float or None
        As in `holm`.

    Returns
    -------
    tuple of float or None
    """
    m = len(p_values)
    return _stepped_up(p_values, [m / rank for rank in range(1, m + 1)])


def benjamini_yekutieli(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Adjust as `benjamini_hochberg` does, under any dependence of the tests.

    Benjamini, Y. & Yekutieli, D. (2001). Ann. Statist. 29, 1165-1188: the factor is 1 + 1/2 + ... + 1/m.

    Parameters
    ----------
    p_values : sequence of float or None
        As in `holm`.

    Returns
    -------
    tuple of float or None
    """
    m = len(p_values)
    harmonic = sum(1 / rank for rank in range(1, m + 1))
    return _stepped_up(p_values, [harmonic * m / rank for rank in range(1, m + 1)])


def _stepped_up(p_values: Sequence[float | None], factors: Sequence[float]) -> tuple[float | None, ...]:
    """Multiply the p of each rank by its factor; none may exceed that of a larger p. A test not made ranks last."""
    adjusted: list[float | None] = [None] * len(p_values)
    lowest = 1.0
    ranked = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    for rank in range(len(ranked), 0, -1):
        p, i = ranked[rank - 1]
        lowest = min(lowest, factors[rank - 1] * p)
        adjusted[i] = lowest
    return tuple(adjusted)


ADJUSTMENTS: Final[dict[str, Callable[[Sequence[float | None]], tuple[float | None, ...]]]] = {
    "holm": holm,
    "hochberg": hochberg,
    "benjamini_hochberg": benjamini_hochberg,
    "benjamini_yekutieli": benjamini_yekutieli,
}

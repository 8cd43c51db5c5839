"""p-values adjusted for being several."""

from collections.abc import Sequence


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

"""Weights that share one whole among an item's parts, as attention does, shown beside an even share.

Attention is often nearly even. Drawn like other weights, the strongest as long as there is room, it would look as if
every word counted most; beside the even share it is seen which words had more, and that it was little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

TOLERANCE = 1e-4  # stored weights have seven digits
NEARLY = 0.25  # of the even share: less above it than this is nearly even, and never marked as strongest


def are_shares(weights: Sequence[float], *, is_signed: bool) -> bool:
    """Whether the weights are parts of one whole: none below 0, and 1 together."""
    return not is_signed and min(weights, default=-1.0) >= 0 and math.isclose(math.fsum(weights), 1, abs_tol=TOLERANCE)


def above_even(weights: Sequence[float]) -> list[float]:
    """How far each share lies above the even one, in parts of the farthest, or of what is nearly even if that is more.

    0 where it lies below.
    """
    even = 1 / len(weights)
    excess = [max(0.0, weight - even) for weight in weights]
    scale = max(*excess, NEARLY * even)
    return [one / scale for one in excess]


def nearly_even(weights: Sequence[float]) -> bool:
    return max(weights) <= (1 + NEARLY) / len(weights)


def lengths_of(weights: Sequence[float]) -> tuple[list[float], float]:
    """The shares and the even share as parts of a bar's full length, which is at least two even shares."""
    even = 1 / len(weights)
    full = max(*weights, 2 * even)
    return [weight / full for weight in weights], even / full

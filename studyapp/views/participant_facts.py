"""The times and the small declared trail that a page's script may send with an answer.

Numbers only, each with a bound; what is missing, odd or too large is left out, for a page works without script
and a wrong clock is no reason to lose an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

DAY_MS = 24 * 3600 * 1000
MAX_COUNT = 1_000
MAX_STORED_MS = 2**31 - 1

# Name to bound. No key contents, no pointer path: this is all that is ever kept beside the answer.
TRAIL: Mapping[str, int] = MappingProxyType(
    {
        "painted_ms": DAY_MS,  # page begun to stimulus painted
        "first_touch_ms": DAY_MS,  # painted to the first key or pointer press
        "chosen_ms": DAY_MS,  # painted to the last choice
        "changes": MAX_COUNT,  # choices after the first
        "focus_lost": MAX_COUNT,
        "focus_lost_ms": DAY_MS,
        "pastes": MAX_COUNT,
    }
)


def read_response_ms(data: Mapping[str, str]) -> int | None:
    """Stimulus painted to answer, by the browser's monotonic clock; None without script."""
    return _number(data.get("response_ms", ""), DAY_MS)


def read_trail(data: Mapping[str, str], *, ahead: bool = False) -> dict[str, int]:
    """The trail's numbers that came and are within bounds; `ahead` is ours, of a screen handed out before its turn."""
    numbers = {name: _number(data.get(f"trail_{name}", ""), bound) for name, bound in TRAIL.items()}
    trail = {name: number for name, number in numbers.items() if number is not None}
    return trail | {"ahead": 1} if ahead else trail


def server_interval_ms(served_at_ms: int | None, received_at_ms: int) -> int | None:
    """Our own interval; None for a screen handed ahead, and when our clock was set back in between."""
    if served_at_ms is None:
        return None
    interval = received_at_ms - served_at_ms
    return min(interval, MAX_STORED_MS) if interval >= 0 else None


def _number(text: str, bound: int) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    number = int(text)
    return number if number <= bound else None

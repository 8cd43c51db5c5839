"""Numbers for readers: percentage points, as many digits as the uncertainty allows, p-values without stars."""

from analysis.types import Estimate, Interval

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"


def decimals(interval: Interval | None) -> int:
    """Return how many decimals of a percentage leave two digits of the interval's half-width, at most one decimal."""
    half_points = 50 * (interval.high - interval.low) if interval is not None else 0.0
    return 0 if half_points >= 10 else 1


def points(value: float | None, places: int = 1, *, signed: bool = True) -> str:
    """Write a proportion as percentage points: 0.123 is "+12.3"."""
    if value is None:
        return DASH
    text = f"{100 * value:+.{places}f}" if signed else f"{100 * value:.{places}f}"
    # Rounding must not leave a sign on nothing.
    text = text.lstrip("+-") if float(text) == 0 else text
    return text.replace("-", MINUS)


def span(interval: Interval | None, places: int = 1, *, signed: bool = True) -> str:
    """Write an interval as "+4.1 to +20.5"."""
    if interval is None:
        return DASH
    return f"{points(interval.low, places, signed=signed)} to {points(interval.high, places, signed=signed)}"


def effect(estimate: Estimate) -> str:
    """Write an estimate as "+12.3 (+4.1 to +20.5)"."""
    places = decimals(estimate.interval)
    value = points(estimate.value, places)
    return f"{value} ({span(estimate.interval, places)})" if estimate.interval is not None else value


def p_text(p: float | None) -> str:
    """Write a p-value: two digits, three decimals at most."""
    if p is None:
        return DASH
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def percent(value: float | None) -> str:
    """Write a share as "62 %"."""
    return DASH if value is None else f"{100 * value:.0f} %"


def level_text(level: float) -> str:
    """Write a confidence level as "95 %"."""
    return f"{100 * level:.4g} %"

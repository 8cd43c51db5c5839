"""Numbers for readers: percentage points, as many digits as the uncertainty allows, p-values without stars."""

from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import Final

from analysis.types import Estimate, Interval

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"


@dataclass(frozen=True)
class Scale:
    """How values of a unit are read.

    Parameters
    ----------
    noun : str
        What stands behind a number.
    factor : float
        What a value is multiplied by before it is written.
    most_places : int
        Decimals that anybody reads, whatever the uncertainty.
    is_ratio : bool
        1 is no effect, and numbers have no sign.
    """

    noun: str
    factor: float = 1.0
    most_places: int = 3
    is_ratio: bool = False

    @property
    def short(self) -> str:
        """The noun without what goes without saying."""
        return self.noun.split()[-1]


SCALES: Final = {
    "proportion correct": Scale("percentage points", 100.0, 1),
    "ratio of odds": Scale("odds ratio", most_places=2, is_ratio=True),
    "standard deviations (d′)": Scale("d′", most_places=2),
    "standard deviations (c)": Scale("c", most_places=2),
    "ratio of proportions correct": Scale("times the accuracy", most_places=2, is_ratio=True),
    "log odds": Scale("log odds", most_places=2),
    "scale points": Scale("scale points", most_places=2),
    "points": Scale("points", most_places=2),
}


def scale_of(unit: str) -> Scale:
    """Return how a unit is read; one that is not listed is read as it is."""
    return SCALES.get(unit, Scale(unit))


def decimals(interval: Interval | None, unit: str = "proportion correct") -> int:
    """Return how many decimals leave two digits of the interval's half-width, no more than the unit bears."""
    scale = scale_of(unit)
    half = 0.5 * scale.factor * (interval.high - interval.low) if interval is not None else 0.0
    wanted = 1 - floor(log10(half)) if half > 0 and isfinite(half) else scale.most_places if half == 0 else 0
    return min(max(wanted, 0), scale.most_places)


def amount(value: float | None, unit: str, places: int, *, signed: bool = True) -> str:
    """Write a value of a unit without its noun: a proportion of 0.123 is "+12.3", a ratio of 1.5 is "× 1.50"."""
    if value is None:
        return DASH
    scale = scale_of(unit)
    if scale.is_ratio:
        return f"× {value:.{places}f}"
    text = f"{scale.factor * value:+.{places}f}" if signed else f"{scale.factor * value:.{places}f}"
    # Rounding must not leave a sign on nothing.
    text = text.lstrip("+-") if float(text) == 0 else text
    return text.replace("-", MINUS)


def between(interval: Interval | None, unit: str, places: int) -> str:
    """Write an interval of a unit without its noun."""
    if interval is None:
        return DASH
    return f"{amount(interval.low, unit, places)} to {amount(interval.high, unit, places).removeprefix('× ')}"


def points(value: float | None, places: int = 1, *, signed: bool = True) -> str:
    """Write a proportion as percentage points: 0.123 is "+12.3"."""
    return amount(value, "proportion correct", places, signed=signed)


def span(interval: Interval | None, places: int = 1, *, signed: bool = True) -> str:
    """Write an interval as "+4.1 to +20.5"."""
    if interval is None:
        return DASH
    return f"{points(interval.low, places, signed=signed)} to {points(interval.high, places, signed=signed)}"


def effect(estimate: Estimate) -> str:
    """Write an estimate as "+12.3 (+4.1 to +20.5)"."""
    places = decimals(estimate.interval, estimate.unit)
    value = amount(estimate.value, estimate.unit, places)
    return f"{value} ({between(estimate.interval, estimate.unit, places)})" if estimate.interval is not None else value


def p_text(p: float | None) -> str:
    """Write a p-value: two digits, three decimals at most."""
    if p is None:
        return DASH
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def factor_text(factor: float | None) -> str:
    """Write a Bayes factor to two digits: "12", "0.31", "1 / 45"."""
    if factor is None:
        return DASH
    if factor >= 10_000:
        return "> 10,000"
    if factor >= 10:
        return f"{factor:,.0f}"
    return f"{factor:.2g}" if factor >= 0.1 else f"1 / {1 / factor:,.0f}" if factor > 1e-4 else "< 1 / 10,000"


def deviations_text(value: float | None) -> str:
    """Write a number of standard deviations with its sign: "−0.42"."""
    return DASH if value is None else f"{value:+.2f}".replace("-", MINUS)


def coefficient(value: float | None, interval: Interval | None = None) -> str:
    """Write a correlation or a reliability with its interval: "0.62 (0.41 to 0.78)"."""
    if value is None:
        return DASH
    text = amount(value, "", 2, signed=False)
    if interval is None:
        return text
    return f"{text} ({amount(interval.low, '', 2, signed=False)} to {amount(interval.high, '', 2, signed=False)})"


def percent(value: float | None) -> str:
    """Write a share as "62 %"."""
    return DASH if value is None else f"{100 * value:.0f} %"


def level_text(level: float) -> str:
    """Write a confidence level as "95 %"."""
    return f"{100 * level:.4g} %"


def counted(n: int) -> str:
    """So many people, in words that fit one."""
    return "1 person" if n == 1 else f"{n} people"

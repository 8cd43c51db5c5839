"""JSON from strangers, read strictly: each reader takes a value and its path, and gives a plain value or a Misfit."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Object: TypeAlias = Mapping[str, Any]

MOST_DIGITS = 1e12  # of a number: more tells nobody anything, and sums of larger ones might not be finite
SHOWN = 60  # characters of a value that a message repeats
# Control characters, halves of characters, and what is no character at all: no table keeps them all, nobody reads them.
UNREADABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Misfit(ValueError):
    """A value that does not fit its field: where it stands, what was expected and what came."""


def parsed(text: str) -> object:
    """A JSON value; Misfit for what is none, for NaN and infinities, and for a key that stands twice."""
    try:
        found: object = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
    except Misfit:
        raise
    except json.JSONDecodeError as error:
        raise Misfit(f"no JSON (column {error.colno}: {error.msg})") from None
    except (ValueError, RecursionError):  # a number of thousands of digits; brackets thousands deep
        raise Misfit("no JSON that can be read: a number is too long, or it is nested too deeply") from None
    return found


def _no_constant(name: str) -> object:
    raise Misfit(f"{name} is no JSON and no finite number")


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, _ in pairs if [name for name, _ in pairs].count(key) > 1)
        raise Misfit(f"the key {shown(twice)} stands twice")
    return found


def shown(value: object) -> str:
    """A value as a message repeats it, cut where it is long."""
    text = json.dumps(value, ensure_ascii=True) if not isinstance(value, float) else repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def record(value: object, path: str, required: Sequence[str], optional: Sequence[str] = ()) -> Object:
    """An object with all of the required keys and no key that is not named."""
    if not isinstance(value, dict):
        raise Misfit(f"{path}: an object was expected, {shown(value)} came")
    missing = [key for key in required if key not in value]
    if missing:
        raise Misfit(f"{path}: the key {missing[0]!r} is missing")
    unknown = sorted(set(value) - {*required, *optional})
    if unknown:
        known = ", ".join((*required, *optional))
        raise Misfit(f"{path}: the key {shown(unknown[0])} is none of {known}")
    return value


def sequence(value: object, path: str, *, fewest: int = 0, most: int) -> list[Any]:
    """A list of so many entries."""
    if not isinstance(value, list):
        raise Misfit(f"{path}: a list was expected, {shown(value)} came")
    if not fewest <= len(value) <= most:
        bound = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        raise Misfit(f"{path}: {bound} entries were expected, {len(value)} came")
    return value


def line(value: object, path: str, *, most: int, fewest: int = 1) -> str:
    """A text of one line, with characters that people can read."""
    if not isinstance(value, str):
        raise Misfit(f"{path}: a text was expected, {shown(value)} came")
    if not fewest <= len(value) <= most:
        raise Misfit(f"{path}: a text of {fewest} to {most} characters was expected, {len(value)} came")
    found = UNREADABLE.search(value)
    if found:
        raise Misfit(f"{path}: character {found.start() + 1} (U+{ord(found.group()):04X}) cannot be shown; delete it")
    return value


def number(value: object, path: str, *, low: float = -MOST_DIGITS, high: float = MOST_DIGITS) -> float:
    """A finite number within its bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise Misfit(f"{path}: a finite number was expected, {shown(value)} came")
    if not low <= value <= high:
        raise Misfit(f"{path}: a number from {low:g} to {high:g} was expected, {shown(value)} came")
    return float(value) + 0.0  # -0 becomes 0


def _is_finite(value: int | float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def whole(value: object, path: str, *, low: int, high: int) -> int:
    """A whole number within its bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Misfit(f"{path}: a whole number from {low} to {high} was expected, {shown(value)} came")
    return value


def flag(value: object, path: str) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise Misfit(f"{path}: true or false was expected, {shown(value)} came")
    return value

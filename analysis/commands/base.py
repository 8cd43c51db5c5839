"""What the commands share."""

import argparse
import io
import json
import sys
from collections.abc import Callable
from math import isfinite
from typing import Any, TypeAlias

from analysis.codec import Json, encode

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_json(parser: argparse.ArgumentParser) -> None:
    """Let a command print JSON instead of a table."""
    parser.add_argument("--json", action="store_true", help="print everything, with every digit, as JSON")


def show(options: argparse.Namespace, result: Any, text: Callable[[], str]) -> None:
    """Print a result as JSON where that was asked for, else as text."""
    say(json.dumps(_finite(encode(result)), indent=1, ensure_ascii=False, allow_nan=False) if options.json else text())


def say(text: str) -> None:
    """Print text and a line end."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console without a minus sign or curly quotes still gets its table
    sys.stdout.write(f"{text}\n")


def _finite(value: Json) -> Json:
    """The same with null for numbers that JSON does not know."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def number(value: float | None, digits: int = 4) -> str:
    """A number for a table; nothing where there is none."""
    return "" if value is None else f"{value:.{digits}f}"


def p_text(value: float | None) -> str:
    """A p-value for a table."""
    if value is None:
        return ""
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"

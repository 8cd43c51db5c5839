"""`python -m analysis adjust 0.001 0.03 0.04 --method holm`: p-values of several tests, adjusted."""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from analysis.commands.base import Commands, add_json, p_text, show
from analysis.errors import InputError
from analysis.inference.dunnett import critical_value, exceedance, shared_control_loadings
from analysis.inference.multiplicity import benjamini_hochberg, benjamini_yekutieli, hochberg, holm

NAME = "adjust"
BY_P: Final[Mapping[str, Callable[[Sequence[float | None]], tuple[float | None, ...]]]] = {
    "holm": holm,
    "hochberg": hochberg,
    "benjamini_hochberg": benjamini_hochberg,
    "benjamini_yekutieli": benjamini_yekutieli,
}
EPILOG = """
examples:
  python -m analysis adjust 0.001 0.008 0.03 0.2
  python -m analysis adjust 0.001 0.008 0.03 0.2 --method holm --json
  python -m analysis adjust --method dunnett --df 120 --sizes 40 40 40 --control-size 60 2.9 2.1 -0.4

Holm and Hochberg hold the chance of any false finding, Benjamini-Hochberg the share of false ones among the findings.
Dunnett's takes t statistics of arms against one control, whose people it asks for, and is exact for them.
In Python: analysis.inference.multiplicity.holm([0.001, 0.008, 0.03, 0.2]).
"""


@dataclass(frozen=True)
class Adjusted:
    """What was given, adjusted by each method; Dunnett's with the critical value at `alpha`."""

    given: tuple[float, ...]
    adjusted: Mapping[str, tuple[float | None, ...]]
    alpha: float
    critical_value: float | None = None


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        NAME,
        help="adjust the p-values of several tests",
        description="Adjust the p-values of several tests, or (Dunnett) t statistics of arms against one control.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("values", type=float, nargs="+", help="p-values; t statistics for --method dunnett")
    parser.add_argument("--method", choices=(*BY_P, "dunnett"), help="all of those for p-values unless given")
    parser.add_argument("--alpha", type=float, default=0.05, help="for Dunnett's critical value (default: 0.05)")
    parser.add_argument("--df", type=float, default=inf, help="Dunnett: degrees of freedom (default: infinite)")
    parser.add_argument("--sizes", type=float, nargs="+", help="Dunnett: people of each arm")
    parser.add_argument("--control-size", type=float, help="Dunnett: people of the control")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Adjust, and print."""
    found = _by_dunnett(options) if options.method == "dunnett" else _by_p(options)
    show(options, found, lambda: "\n".join(_lines(found)))
    return 0


def _by_p(options: argparse.Namespace) -> Adjusted:
    wrong = [value for value in options.values if not 0 <= value <= 1]
    if wrong:
        raise InputError("p-values", [f"numbers from 0 to 1 were expected, {value} came" for value in wrong])
    methods = [options.method] if options.method else list(BY_P)
    return Adjusted(tuple(options.values), {name: BY_P[name](options.values) for name in methods}, options.alpha)


def _by_dunnett(options: argparse.Namespace) -> Adjusted:
    n_arms = len(options.values)
    sizes = options.sizes or [1.0] * n_arms
    control = options.control_size if options.control_size is not None else sizes[0]
    if len(sizes) != n_arms or min(*sizes, control) <= 0 or not 0 < options.alpha < 1:
        raise InputError(
            "Dunnett's test",
            [f"a size above 0 for each of {n_arms} arms and the control was expected, {sizes} and {control} came"],
        )
    loadings = shared_control_loadings(sizes, control)
    p_values = tuple(exceedance(abs(t), loadings, options.df) for t in options.values)
    critical = critical_value(options.alpha, loadings, options.df)
    return Adjusted(tuple(options.values), {"dunnett": p_values}, options.alpha, critical)


def _lines(found: Adjusted) -> Iterator[str]:
    yield f"{'given':>10} " + " ".join(f"{name:>20}" for name in found.adjusted)
    for k, value in enumerate(found.given):
        yield f"{value:>10.4f} " + " ".join(f"{p_text(own[k]):>20}" for own in found.adjusted.values())
    if found.critical_value is not None:
        yield f"Critical value at {found.alpha:g}: {found.critical_value:.10f}"

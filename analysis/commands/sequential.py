"""`python -m analysis sequential --times 0.5 1 [--look 0.5:2.1]`: bounds of planned looks, and what each decides."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from scipy import special

from analysis.commands.base import Commands, add_json, number, p_text, show
from analysis.errors import InputError
from analysis.inference.sequential.bounds import Bounds, spending_bounds
from analysis.inference.sequential.looks import Decision, Look, LookPlan, bounds_at, decide
from analysis.inference.sequential.power import Stopping, stopping
from analysis.inference.sequential.spending import SPENDING
from analysis.inference.sequential.stopped import StoppedEstimate, estimate_after_stopping

NAME = "sequential"
EPILOG = """
examples:
  python -m analysis sequential --times 0.33 0.67 1
  python -m analysis sequential --times 0.5 1 --spending pocock --power 0.8
  python -m analysis sequential --times 0.33 0.67 1 --look 0.35:1.2 --look 0.66:2.7 --standard-error 0.031

Times are information as shares of the planned maximum, in most studies people analysed of those planned; a look's z is
its estimate over its standard error. Bounds hold for any times that do not depend on the results (Lan & DeMets 1983).
In Python: analysis.inference.sequential.looks.decide(LookPlan((0.5, 1.0)), [Look(0.5, 2.1)]).
"""
WORDS = {
    "stop_for_effect": "stop: the effect is there",
    "stop_for_harm": "stop: the effect is there, in the other direction",
    "go_on": "go on",
    "end_without_effect": "end: no effect shown",
}


@dataclass(frozen=True)
class Answer:
    """Bounds as planned, how the test then ends under one effect, and what the looks that were made decide."""

    bounds: Bounds
    stopping: Stopping | None
    looks: tuple[Decision, ...]
    estimate: StoppedEstimate | None


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        NAME,
        help="bounds of planned looks before the end, and what each look decides",
        description="Group-sequential bounds by error spending, decisions at looks, and estimates that allow for them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--times", type=float, nargs="+", required=True, help="of the planned looks; the last is 1")
    parser.add_argument("--alpha", type=float, default=0.05, help="of all sides together (default: 0.05)")
    parser.add_argument("--sides", type=int, choices=(1, 2), default=2)
    parser.add_argument("--spending", choices=SPENDING, default="obrien_fleming", help="how alpha is spent")
    parser.add_argument("--gamma", type=float, default=-4.0, help="of hwang_shih_decani (default: -4)")
    parser.add_argument("--tolerance", type=float, default=0.05, help="how far from its time a planned look may come")
    parser.add_argument("--power", type=float, help="of a study without looks: how does this one then end?")
    parser.add_argument("--look", action="append", default=[], metavar="TIME:Z", help="a look that was made; in order")
    parser.add_argument("--unplanned", choices=("refuse", "report"), default="refuse", help="looks that nobody planned")
    parser.add_argument("--standard-error", type=float, help="of the effect at the last look made: estimates it")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print the bounds, and what was asked of them."""
    plan = LookPlan(
        tuple(options.times), options.alpha, options.sides, options.spending, options.gamma, options.tolerance
    )
    bounds = spending_bounds(plan.times, alpha=plan.alpha, spending=plan.checked(), sides=plan.sides)
    looks = [_look(text) for text in options.look]
    answer = Answer(
        bounds,
        None if options.power is None else stopping(bounds, _drift(plan, options.power)),
        decide(plan, looks, unplanned=options.unplanned) if looks else (),
        _estimate(plan, looks, options.standard_error) if looks and options.standard_error is not None else None,
    )
    show(options, answer, lambda: "\n".join(_lines(answer)))
    return 0


def _look(text: str) -> Look:
    time, _, z = text.partition(":")
    try:
        return Look(float(time), float(z))
    except ValueError as error:
        raise InputError("--look", [f"TIME:Z was expected, such as 0.5:2.1, {text!r} came"]) from error


def _drift(plan: LookPlan, power: float) -> float:
    if not 0 < power < 1:
        raise InputError("--power", [f"a number between 0 and 1 was expected, {power} came"])
    return float(special.ndtri(1 - plan.alpha / plan.sides) + special.ndtri(power))


def _estimate(plan: LookPlan, looks: list[Look], error: float) -> StoppedEstimate:
    """The effect at the last look, the information of those before it following from their times."""
    if not error > 0:
        raise InputError("--standard-error", [f"a number above 0 was expected, {error} came"])
    last = looks[-1]
    informations = [look.time / last.time / error**2 for look in looks]
    return estimate_after_stopping(bounds_at(plan, looks), informations, last.z, level=1 - plan.alpha)


def _lines(answer: Answer) -> Iterator[str]:
    bounds = answer.bounds
    yield bounds.method
    yield f"{'look':>4} {'time':>7} {'bound of z':>11} {'nominal p':>10} {'alpha spent':>12}"
    rows = zip(bounds.times, bounds.upper, bounds.nominal_p, bounds.spent, strict=True)
    for k, (time, upper, p, spent) in enumerate(rows, start=1):
        yield f"{k:>4} {time:>7.3f} {number(upper) or 'none':>11} {p_text(p):>10} {spent:>12.5f}"
    if answer.stopping is not None:
        yield ""
        yield (
            f"Power {100 * answer.stopping.power:.1f} %; ends at {100 * answer.stopping.expected_time:.1f} % of the "
            "planned people on average"
        )
        yield "Stops for the effect at each look: " + ", ".join(f"{100 * p:.1f} %" for p in answer.stopping.above)
    for look in answer.looks:
        yield ""
        bound = number(look.bound, 3) or "none"
        yield f"Look {look.look} at {look.time:g}: z {look.z:.3f}, bound {bound}: {WORDS[look.action]}"
        yield from (f"  {sentence}" for sentence in look.deviations)
    if answer.estimate is not None:
        low, high = answer.estimate.interval.low, answer.estimate.interval.high
        yield (
            f"Estimate {answer.estimate.estimate:.4f} [{low:.4f}, {high:.4f}], p {p_text(answer.estimate.p_value)}; "
            f"{answer.estimate.unadjusted:.4f} as if nobody had looked"
        )

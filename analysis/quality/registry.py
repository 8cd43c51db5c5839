"""The rules of data quality, in the order people see them."""

from collections.abc import Mapping
from typing import Final

from analysis.quality import rules
from analysis.quality.base import Parameter, Rule


def _share(default: float, low: float = 0.01) -> Parameter:
    return Parameter(default, low, 1, "share of the answers")


RULES: Final[Mapping[str, Rule]] = {
    "fast_trials": Rule(
        "Faster than reading",
        "{share:.0%} of the answers or more came within {ms:g} ms",
        rules.fast_trials,
        {"ms": Parameter(300, 50, 10_000, "milliseconds", is_whole=True), "share": _share(0.1)},
    ),
    "flat_times": Rule(
        "Times without variation",
        "the answer times have a coefficient of variation below {cv:g}",
        rules.flat_times,
        {"cv": Parameter(0.1, 0.01, 1, "coefficient of variation")},
    ),
    "clock_mismatch": Rule(
        "Times that cannot be",
        "{share:.0%} of the answers or more claim a time that is {ms:g} ms longer than the server's own interval",
        rules.clock_mismatch,
        {"ms": Parameter(250, 0, 60_000, "milliseconds", is_whole=True), "share": _share(0.1)},
    ),
    "straight_line": Rule(
        "A straight line",
        "one answer without a break over {share:.0%} of a phase or more",
        rules.straight_line,
        {"share": _share(0.75, 0.1)},
    ),
    "same_answers": Rule(
        "Always the same answer",
        "{share:.0%} of all answers or more are the same one",
        rules.same_answers,
        {"share": _share(0.95, 0.5)},
    ),
    "inconsistent": Rule(
        "Answers that change at random",
        "{share:.0%} or more of the items asked twice were answered differently (learning changes answers too)",
        rules.inconsistent,
        {"share": _share(0.6)},
    ),
    "same_ratings": Rule(
        "Ratings all alike",
        "{ratings:g} ratings or more, every one at the same point",
        rules.same_ratings,
        {"ratings": Parameter(3, 2, 20, "ratings", is_whole=True)},
    ),
    "focus_lost": Rule(
        "Often away",
        "the page lost the focus {times:g} times or more",
        rules.focus_lost,
        {"times": Parameter(10, 1, 1000, "times", is_whole=True)},
    ),
    "pastes": Rule(
        "Pasted",
        "something was pasted {times:g} times or more",
        rules.pastes,
        {"times": Parameter(1, 1, 1000, "times", is_whole=True)},
    ),
    "check_attempts": Rule(
        "Comprehension at a later attempt",
        "the comprehension check took {attempts:g} attempts or more",
        rules.check_attempts,
        {"attempts": Parameter(2, 2, 5, "attempts", is_whole=True)},
    ),
    "unverified_arrival": Rule(
        "Arrival not verified", "came by a link that nobody signed", rules.unverified_arrival, {}
    ),
    "seen_before": Rule(
        "Seen before",
        "had entered {studies:g} studies of the lab or more before",
        rules.seen_before,
        {"studies": Parameter(1, 1, 100, "studies", is_whole=True)},
    ),
    "shared_browser": Rule("Browser shared", "somebody else took part with the same browser", rules.shared_browser, {}),
}


def problems_of(rule: str, params: Mapping[str, object]) -> list[tuple[str, str]]:
    """Say what is wrong with a rule in a design: the part it concerns ("" for its name), and a sentence."""
    if rule not in RULES:
        return [("", f"{rule!r} is none of: {', '.join(RULES)}")]
    known = RULES[rule].params
    found = [(name, f"{rule} has no such parameter") for name in params if name not in known]
    for name, parameter in known.items():
        kind = "a whole number" if parameter.is_whole else "a number"
        if not parameter.accepts(params.get(name)):
            shown = params.get(name, "nothing")
            found.append((name, f"expected {kind} from {parameter.low:g} to {parameter.high:g}, found {shown}"))
    return found


def meaning(rule: str, params: Mapping[str, float]) -> str:
    """Whom a rule flags, in half a sentence."""
    return RULES[rule].meaning.format(**params)

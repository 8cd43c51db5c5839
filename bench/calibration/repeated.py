"""Intervals shown at every look, whether the study stops there or goes on: all of them hold the truth together."""

import numpy as np

from analysis.inference.sequential.bounds import Bounds, spending_bounds
from analysis.inference.sequential.spending import spending_named
from analysis.inference.sequential.stopped import repeated_interval
from analysis.inference.welch import welch
from bench.calibration.checks import ALPHA, LEVEL, Answers, Check, Group, covers
from bench.calibration.draw import draw_gains, permuted_blocks
from bench.calibration.sequences import TIMES, z_of

EFFECT = 0.08
BOUNDS: dict[str, Bounds] = {
    name: spending_bounds(TIMES, alpha=ALPHA, spending=spending_named(name)) for name in ("obrien_fleming", "pocock")
}


def repeated_trial(draw: np.random.Generator, n_people: int = 150) -> Answers:
    """Look three times without ever stopping."""
    arm = permuted_blocks(n_people, (1, 1), draw).arm
    gains = draw_gains(n_people, draw) + EFFECT * (arm == 1)
    held: dict[str, list[bool | None]] = {name: [] for name in BOUNDS}
    for k, time in enumerate(TIMES):
        part = slice(0, round(time * n_people))
        difference = welch(gains[part][arm[part] == 1], gains[part][arm[part] == 0], LEVEL)
        value, z = difference.value or 0.0, z_of(difference)
        error = value / z if z else difference.standard_error or 0.0  # the one that this z belongs to, as at a look
        for name, bounds in BOUNDS.items():
            held[name].append(covers(repeated_interval(value, error, bounds.upper[k] or np.inf, LEVEL), EFFECT))
    return {name: all(found) for name, found in held.items()}


REPEATED = (
    Group(
        "repeated",
        f"150 people in 2 arms, a gain of 16 + 16 answers each, an effect of {EFFECT}; looks after 50, 100 and 150, "
        "all of them made",
        {
            "obrien_fleming": Check("repeated intervals, O'Brien-Fleming type, all looks together", "coverage"),
            "pocock": Check("repeated intervals, Pocock type, all looks together", "coverage"),
        },
        repeated_trial,
    ),
)

"""Futility bounds: what is found where nothing is, and what is missed of the effect that was planned for.

Both chances are planned as 5 %, so that one band of rates judges all lines. The bounds need not be heeded: a study that
goes on regardless keeps its level, and one that heeds them finds a little less.
"""

from functools import lru_cache
from math import ceil, inf

import numpy as np
from scipy import special

from analysis.inference.sequential.futility import FutilityDesign, futility_design
from analysis.inference.sequential.spending import spending_named
from analysis.inference.welch import welch
from bench.calibration.checks import ALPHA, LEVEL, Answers, Check, Group
from bench.calibration.draw import SD_PEOPLE, draw_gains, permuted_blocks
from bench.calibration.sequences import TIMES, z_of

EFFECT = 0.1


@lru_cache
def design() -> FutilityDesign:
    """Return the bounds, one-sided."""
    spending = spending_named("obrien_fleming")
    return futility_design(TIMES, alpha=ALPHA, beta=ALPHA, spending=spending, futility=spending)


@lru_cache
def n_planned() -> int:
    """Return how many people the planned effect needs: its drift over the standard error of two arms' gains."""
    nodes, weights = special.roots_hermitenorm(61)
    chance = special.expit(0.4 + SD_PEOPLE * nodes)  # as in `draw_gains`
    variance = 2 * float(weights @ (chance * (1 - chance)) / weights.sum()) / 16
    return 2 * ceil(design().drift ** 2 * 2 * variance / EFFECT**2)


def futility_trial(draw: np.random.Generator) -> Answers:
    """Run a study without an effect and one with the planned one."""
    nothing, planned = (_z_at_looks(draw, effect) for effect in (0.0, EFFECT))
    return {
        "unheeded": _finds(nothing, heeding=False),
        "heeded": _finds(nothing, heeding=True),
        "missed": not _finds(planned, heeding=True),
    }


def _z_at_looks(draw: np.random.Generator, effect: float) -> list[float]:
    n_people = n_planned()
    arm = permuted_blocks(n_people, (1, 1), draw).arm
    gains = draw_gains(n_people, draw) + effect * (arm == 1)
    seen = (slice(0, round(time * n_people)) for time in TIMES)
    return [z_of(welch(gains[part][arm[part] == 1], gains[part][arm[part] == 0], LEVEL)) for part in seen]


def _finds(z: list[float], *, heeding: bool) -> bool:
    """Whether the upper bound is crossed, and, for who heeds them, before any lower one."""
    for now, upper, lower in zip(z, design().bounds.upper, design().lower, strict=True):
        if now >= (inf if upper is None else upper):
            return True
        if heeding and now < (-inf if lower is None else lower):
            return False
    return False


FUTILITY = (
    Group(
        "futility",
        f"{n_planned()} people in 2 arms, a gain of 16 + 16 answers each, which misses an effect of {EFFECT} in 5 %; "
        "looks at a third and two thirds, one-sided bounds of the O'Brien-Fleming type for efficacy and futility; no "
        "effect, and the planned one",
        {
            "unheeded": Check("efficacy bounds where futility bounds are not heeded"),
            "heeded": Check("efficacy bounds where futility bounds are heeded", is_conservative=True),
            "missed": Check("futility bounds, the planned effect missed"),
        },
        futility_trial,
    ),
)

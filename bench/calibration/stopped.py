"""What is said after a study was stopped at a look: the estimate's interval and its p-value."""

from functools import lru_cache, partial

import numpy as np

from analysis.inference.sequential.bounds import Bounds, spending_bounds
from analysis.inference.sequential.stopped import StoppedEstimate, estimate_after_stopping
from analysis.inference.welch import welch
from bench.calibration.checks import ALPHA, LEVEL, Answers, Check, Group, covers, rejects
from bench.calibration.draw import draw_gains, permuted_blocks
from bench.calibration.sequences import TIMES, z_of

EFFECT = 0.08


@lru_cache
def bounds() -> Bounds:
    """Return the bounds of the planned looks."""
    return spending_bounds(TIMES, alpha=ALPHA)


def stopped_trial(draw: np.random.Generator, effect: float, n_people: int = 150) -> Answers:
    """Look until a bound is crossed or the end is reached, and estimate then."""
    arm = permuted_blocks(n_people, (1, 1), draw).arm
    gains = draw_gains(n_people, draw) + effect * (arm == 1)
    for k, time in enumerate(TIMES):
        part = slice(0, round(time * n_people))
        difference = welch(gains[part][arm[part] == 1], gains[part][arm[part] == 0], LEVEL)
        z, bound = z_of(difference), bounds().upper[k]
        if k + 1 == len(TIMES) or (bound is not None and abs(z) >= bound):
            break
    information = 1 / (difference.standard_error or 1.0) ** 2
    found = _estimate([information * earlier / TIMES[k] for earlier in TIMES[: k + 1]], z)
    answers: dict[str, bool | None] = {"interval": covers(found.interval, effect)}
    return answers if effect else answers | {"p_value": rejects(found.p_value)}


def _estimate(informations: list[float], z: float) -> StoppedEstimate:
    return estimate_after_stopping(bounds(), informations, z, level=LEVEL)


INTERVAL = Check("interval after a stop, in the ordering by stage", "coverage")
STOPPED = (
    Group(
        "stopped",
        "150 people in 2 arms, a gain of 16 + 16 answers each, no effect; stopped at one of three looks by bounds of "
        "the O'Brien-Fleming type",
        {"interval": INTERVAL, "p_value": Check("p-value after a stop, in the ordering by stage")},
        partial(stopped_trial, effect=0.0),
    ),
    Group(
        "stopped_effect",
        f"the same with an effect of {EFFECT}, for which most studies stop early",
        {"interval": INTERVAL},
        partial(stopped_trial, effect=EFFECT),
    ),
)

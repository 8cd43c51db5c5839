"""Those who did as planned alone: right where that is chance, and seen to be wrong where it is not."""

import numpy as np

from analysis.inference.compliers import per_protocol
from analysis.types import BoolArray, FloatArray, Interval
from bench.calibration.checks import LEVEL, Answers, Check, Group, covers, excludes
from bench.calibration.draw import draw_gains, permuted_blocks

DO = 0.7, 0.9  # of the explained arm and of control, as planned whoever they are
EFFECT = 0.1


def as_planned_trial(draw: np.random.Generator, n_people: int = 100) -> Answers:
    """Leave out who missed something: people as they come, or those of one arm who gain little."""
    explained = permuted_blocks(n_people, (1, 1), draw).arm == 1
    gains = draw_gains(n_people, draw)
    by_chance = draw.random(n_people) < np.where(explained, *DO)
    by_gain = ~explained | (draw.random(n_people) < np.where(gains > 0, 0.9, 0.5))

    def kept(values: FloatArray, did: BoolArray) -> Interval | None:
        one, two = ((values[who], did[who]) for who in (explained, ~explained))
        return per_protocol(*one, *two, level=LEVEL).difference.interval

    return {
        "by_chance": excludes(kept(gains, by_chance)),
        "by_chance_covers": covers(kept(gains + EFFECT * explained, by_chance), EFFECT),
        "by_gain": excludes(kept(gains, by_gain)),
    }


AS_PLANNED = (
    Group(
        "as_planned",
        f"100 people in 2 arms, a gain of 16 + 16 answers each; {100 * DO[0]:.0f} % of the explained arm and "
        f"{100 * DO[1]:.0f} % of control do as planned, whoever they are; no effect, and one of {EFFECT} for the "
        "interval",
        {
            "by_chance": Check("per protocol, Welch interval as a test"),
            "by_chance_covers": Check("per protocol, Welch interval", "coverage"),
            "by_gain": Check("per protocol where those of one arm who gain nothing stop earlier", "control"),
        },
        as_planned_trial,
    ),
)

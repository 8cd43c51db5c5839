"""Tests that look more than once: planned looks, confidence sequences, e-values."""

import numpy as np
from scipy import special

from analysis.inference.sequential.blocks import block_steps
from analysis.inference.sequential.confidence_sequence import confidence_sequence, tuned_for
from analysis.inference.sequential.e_values import difference_e_value, sign_e_value
from analysis.inference.sequential.looks import Look, LookPlan, decide
from analysis.inference.welch import Mean, welch
from bench.calibration.checks import ALPHA, LEVEL, Answers, Check, Group, excludes, rejects
from bench.calibration.draw import draw_gains, permuted_blocks

TIMES = (1 / 3, 2 / 3, 1.0)
PLANS = {
    "obrien_fleming": LookPlan(TIMES, ALPHA),
    "pocock": LookPlan(TIMES, ALPHA, spending="pocock"),
    "hwang_shih_decani": LookPlan(TIMES, ALPHA, spending="hwang_shih_decani"),
}


def looks_trial(draw: np.random.Generator, n_people: int = 150) -> Answers:
    """Stop at any of three looks that says there is an effect."""
    gains, arm = draw_gains(n_people, draw), permuted_blocks(n_people, (1, 1), draw).arm
    seen = [slice(0, round(time * n_people)) for time in TIMES]
    means = [welch(gains[part][arm[part] == 1], gains[part][arm[part] == 0], LEVEL) for part in seen]
    looks = [Look(time, z_of(mean)) for time, mean in zip(TIMES, means, strict=True)]
    found: dict[str, bool | None] = {
        name: any(one.action.startswith("stop") for one in decide(plan, looks)) for name, plan in PLANS.items()
    }
    found["peeking"] = any(excludes(mean.interval) for mean in means)
    return found


def z_of(difference: Mean) -> float:
    """Return the normal deviate that is as rare as the difference's t."""
    t, freedom = (difference.value or 0.0) / (difference.standard_error or 1.0), difference.degrees_of_freedom or 1.0
    return float(special.ndtri(special.stdtr(freedom, t)))


def always_trial(draw: np.random.Generator, n_people: int = 240) -> Answers:
    """Stop at any filled block whose evidence is enough."""
    gains, allocation = draw_gains(n_people, draw), permuted_blocks(n_people, (1, 1), draw)
    steps = block_steps(gains, allocation, (1, 0))
    sequence = confidence_sequence(steps, level=LEVEL, rho2=tuned_for(n_people / 4, ALPHA))
    # The best looking for a difference of 0.1 between steps of variance 0.03 (e_values.difference_e_value).
    return {
        "confidence_sequence": any(excludes(point.interval) for point in sequence.points),
        "difference_e_value": rejects(difference_e_value(steps, (0.1 / 0.03) ** 2).p_value),
        "sign_e_value": rejects(sign_e_value(steps).p_value),
    }


SEQUENCES = (
    Group(
        "looks",
        "150 people in 2 arms, a gain of 16 + 16 answers each, no effect; looks after 50, 100 and 150",
        {
            "obrien_fleming": Check("group-sequential looks, O'Brien-Fleming type spending"),
            "pocock": Check("group-sequential looks, Pocock type spending"),
            "hwang_shih_decani": Check("group-sequential looks, Hwang-Shih-DeCani spending"),
            "peeking": Check("Welch t test at every look", "control"),
        },
        looks_trial,
    ),
    Group(
        "always",
        "240 people in 2 arms, a gain of 16 + 16 answers each, no effect; a look after every block",
        {
            "confidence_sequence": Check("confidence sequence, ever beside zero"),
            "difference_e_value": Check("e-value of block differences, ever 20", is_conservative=True),
            "sign_e_value": Check("e-value of the blocks' signs, ever 20", is_conservative=True),
        },
        always_trial,
    ),
)

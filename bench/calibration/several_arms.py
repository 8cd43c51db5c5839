"""Families of tests: several arms with one control, and content against mere attention."""

from functools import partial

import numpy as np

from analysis.inference.closed_testing import placebo_closed_test
from analysis.inference.dunnett import dunnett
from analysis.inference.multiplicity import benjamini_hochberg, hochberg, holm
from analysis.inference.permutation import max_t_tests, permutation_tests
from bench.calibration.checks import ALPHA, LEVEL, Answers, Check, Group, rejects
from bench.calibration.draw import World, draw_study, seed_of
from bench.calibration.two_arms import DRAWS, constrained

NONE, PLACEBO = 0, 1
TITLES = {2: "the second", 3: "the third"}


def family_trial(draw: np.random.Generator, world: World, *, with_model: bool) -> Answers:
    """Say whether any arm without an effect was found to have one."""
    study = draw_study(world, draw)
    gains, allocation = study.outcome.values, study.allocation
    idle = [arm for arm in range(1, world.n_arms) if world.gains[arm] == 0]
    pairs = [(arm, NONE) for arm in range(1, world.n_arms)]
    alone = permutation_tests(gains, allocation, pairs, draws=DRAWS, seed=seed_of(draw))
    p_values = [test.p_value if test else None for test in alone]
    stepped = max_t_tests(gains, allocation, pairs, draws=DRAWS, seed=seed_of(draw))
    many = dunnett(gains, allocation.arm, control=NONE, level=LEVEL).differences

    def any_idle(adjusted: dict[int, float | None]) -> bool | None:
        known = [p for arm, p in adjusted.items() if arm in idle and p is not None]
        return min(known) <= ALPHA if known else None

    arms = range(1, world.n_arms)
    found = {
        "dunnett": any_idle({one.arm: one.p_value for one in many}),
        "westfall_young": any_idle({k: t.p_adjusted if t else None for k, t in zip(arms, stepped, strict=True)}),
        "holm": any_idle(dict(zip(arms, holm(p_values), strict=True))),
        "hochberg": any_idle(dict(zip(arms, hochberg(p_values), strict=True))),
    }
    if with_model:
        found["benjamini_hochberg"] = any_idle(dict(zip(arms, benjamini_hochberg(p_values), strict=True)))
        found["omnibus"] = rejects(constrained(study).wald().p_value)
        found["unadjusted"] = any_idle(dict(zip(arms, p_values, strict=True)))
    return found


def placebo_trial(draw: np.random.Generator, world: World) -> Answers:
    """Say whether any true hypothesis of the closed family fell: content of arms 2 and 3, or mere attention."""
    study = draw_study(world, draw)
    found = placebo_closed_test(
        study.outcome.values,
        study.allocation,
        explained=(2, 3),
        placebo=PLACEBO,
        none=NONE,
        titles=TITLES,
        draws=DRAWS,
        seed=seed_of(draw),
        alpha=ALPHA,
    )
    true = [one.is_shown for one in found.hypotheses if world.gains[one.arm] == world.gains[one.minus]]
    return {"closed": any(true)}


FAMILY = {
    "dunnett": Check("Dunnett's test, family-wise"),
    "westfall_young": Check("permutation test with Westfall and Young's step-down max-T, family-wise"),
    "holm": Check("permutation tests with Holm's rule, family-wise", is_conservative=True),
    "hochberg": Check("permutation tests with Hochberg's rule, family-wise", is_conservative=True),
}
NULL_FAMILY = FAMILY | {
    "benjamini_hochberg": Check("permutation tests with Benjamini and Hochberg's rule, any finding"),
    "omnibus": Check("constrained-baseline mixed model, Wald test of all arms together"),
    "unadjusted": Check("permutation tests without adjustment, family-wise", "control"),
}
EQUAL, NOTHING = (1, 1, 1, 1), (0.0, 0.0, 0.0, 0.0)

SEVERAL_ARMS = (
    Group(
        "family",
        "80 people in 4 arms, 32 of 32 items each, no effect in any",
        NULL_FAMILY,
        partial(
            family_trial,
            world=World(80, n_items=32, weights=EQUAL, gains=NOTHING, gain_deviations=NOTHING),
            with_model=True,
        ),
    ),
    Group(
        "one_effective",
        "the same, but arm 3 gains 0.8 on the logit scale: errors about the two others",
        {key: Check(check.title, is_conservative=True) for key, check in FAMILY.items()},
        partial(
            family_trial,
            world=World(80, n_items=32, weights=EQUAL, gains=(0.0, 0.0, 0.0, 0.8), gain_deviations=NOTHING),
            with_model=False,
        ),
    ),
    Group(
        "placebo",
        "48 people in 4 arms, 16 of 16 items each: none, placebo, two explained; no effect in any",
        {"closed": Check("closed test of content and attention, family-wise")},
        partial(placebo_trial, world=World(48, 16, 16, weights=EQUAL, gains=NOTHING, gain_deviations=NOTHING)),
    ),
    Group(
        "placebo_attention",
        "the same, but whatever is shown gains 0.8: errors about content",
        {"closed": Check("closed test of content and attention, family-wise")},
        partial(
            placebo_trial,
            world=World(48, 16, 16, weights=EQUAL, gains=(0.0, 0.8, 0.8, 0.8), gain_deviations=NOTHING),
        ),
    ),
)

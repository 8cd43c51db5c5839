"""The primary test and its sensitivity set, on studies of two arms."""

from functools import partial

import numpy as np

from analysis.inference.ancova import ancova
from analysis.inference.bootstrap import crossed_intervals
from analysis.inference.cluster_robust import Correction, Link, RobustCoefficient, cluster_robust
from analysis.inference.equivalence import equivalence, non_inferiority
from analysis.inference.mixed.constrained import ConstrainedFit, fit_constrained
from analysis.inference.mixed.fit import fit_binomial
from analysis.inference.mixed.heterogeneity import item_heterogeneity
from analysis.inference.mixed.linear import fit_linear
from analysis.inference.permutation import permutation_tests
from analysis.inference.welch import welch
from analysis.types import FloatArray
from bench.calibration.checks import ALPHA, LEVEL, Answers, Check, Group, covers, excludes, rejects
from bench.calibration.draw import Study, World, draw_study, risk_difference, seed_of

DRAWS = 999
MARGIN = 0.1
PAIR = (1, 0)
NAMES = ("(Intercept)", "post", "arm", "post:arm")

BY_PEOPLE: dict[str, Check] = {
    "permutation": Check("permutation test that re-draws the permuted blocks"),
    "welch": Check("Welch t test on gains"),
    "welch_covers": Check("Welch interval", "coverage"),
    "ancova": Check("ANCOVA, HC2 errors"),
    "lin": Check("ANCOVA with a slope in each arm, HC2 errors"),
    "tost": Check("equivalence (TOST), the difference at a bound"),
    "non_inferiority": Check("non-inferiority at 0.05, the difference at the margin"),
}
ROBUST: dict[str, Check] = {
    "cr2_linear": Check("linear regression, CR2 errors"),
    "cr2_linear_covers": Check("linear regression, CR2 interval", "coverage"),
    "cr2_logit": Check("logistic regression, CR2 errors"),
    "cr3_logit": Check("logistic regression, CR3 errors", is_conservative=True),
}
BOOTSTRAP: dict[str, Check] = {
    "bootstrap": Check("two-way bootstrap interval used as a test", is_conservative=True),
    "bootstrap_covers": Check("two-way bootstrap interval", "coverage", is_conservative=True),
}
MIXED: dict[str, Check] = {
    "constrained": Check("constrained-baseline mixed model, Wald"),
    "constrained_covers": Check("constrained-baseline mixed model, interval of the log odds", "coverage"),
    "marginal": Check("constrained-baseline mixed model, marginal risk difference"),
    "marginal_covers": Check("constrained-baseline mixed model, interval of the risk difference", "coverage"),
    "likelihood_ratio": Check("constrained-baseline mixed model, likelihood ratio"),
    "plain": Check("plain mixed model (post * arm), Wald"),
    "linear_mixed": Check("linear mixed model of 0 and 1, REML, Satterthwaite"),
}
CONTROLS: dict[str, Check] = {
    "trials_as_people": Check("logistic regression after learning that ignores who answered", "control")
}


def by_people(study: Study, draw: np.random.Generator, truth: float = 0.0) -> dict[str, bool | None]:
    """Try the tests on one number a person; `truth` is the difference in proportion correct."""
    gains, arm = study.outcome.values, study.allocation.arm
    before, after = study.share(~study.is_post), study.share(study.is_post)
    difference = welch(gains[arm == 1], gains[arm == 0], LEVEL)
    shifted = welch(gains[arm == 1] - MARGIN, gains[arm == 0], LEVEL)
    (permuted,) = permutation_tests(gains, study.allocation, [PAIR], draws=DRAWS, seed=seed_of(draw))
    common = ancova(after, before, arm, control=0).differences[0]
    by_arm = ancova(after, before, arm, control=0, slopes="by_arm").differences[0]
    return {
        "permutation": rejects(permuted.p_value if permuted else None),
        "welch": excludes(difference.interval),
        "welch_covers": covers(difference.interval, truth),
        "ancova": rejects(common.p_value),
        "lin": rejects(by_arm.p_value),
        "tost": equivalence(shifted, low=-MARGIN, high=3 * MARGIN).is_equivalent,
        "non_inferiority": non_inferiority(shifted, margin=MARGIN, alpha=ALPHA).is_non_inferior,
    }


def robust(study: Study, truth: float = 0.0) -> dict[str, bool | None]:
    """Try the regressions with errors clustered by person."""
    linear = _interaction(study, "identity", "CR2")
    return {
        "cr2_linear": rejects(linear.p_value),
        "cr2_linear_covers": covers(linear.interval, truth),
        "cr2_logit": rejects(_interaction(study, "logit", "CR2").p_value),
        "cr3_logit": rejects(_interaction(study, "logit", "CR3").p_value),
    }


def _interaction(study: Study, link: Link, correction: Correction) -> RobustCoefficient:
    fit = cluster_robust(study.correct, _columns(study), NAMES, study.person, link=link, correction=correction)
    return fit.coefficient("post:arm")


def _columns(study: Study) -> FloatArray:
    post, arm = study.is_post.astype(np.float64), study.arm.astype(np.float64)
    return np.stack([np.ones(len(post)), post, arm, post * arm], axis=1)


def bootstrap(study: Study, draw: np.random.Generator) -> dict[str, bool | None]:
    """Try the interval that resamples people and items."""
    (found,) = crossed_intervals(
        study.outcome, study.allocation.arm, [PAIR], level=LEVEL, draws=DRAWS, seed=seed_of(draw)
    )
    return {"bootstrap": excludes(found), "bootstrap_covers": covers(found)}


def constrained(study: Study) -> ConstrainedFit:
    """Fit the primary model."""
    return fit_constrained(
        correct=study.correct,
        arm=study.arm,
        is_post=study.is_post,
        participants=study.person,
        items=study.item,
        n_arms=study.world.n_arms,
        participant_slopes=any(study.world.gain_deviations),
    )


def plain(study: Study) -> float:
    """Return the p-value of post:arm in the model that does not hold the arms equal before."""
    fit = fit_binomial(
        correct=study.correct, fixed=_columns(study), names=NAMES, participants=study.person, items=study.item
    )
    return fit.p_value("post:arm")


def mixed(study: Study) -> dict[str, bool | None]:
    """Try the mixed models."""
    fit = constrained(study)
    log_odds, marginal = fit.gain(1), fit.marginal_gain(1).risk_difference
    linear = fit_linear(
        values=study.correct, fixed=_columns(study), names=NAMES, participants=study.person, items=study.item
    )
    return {
        "constrained": rejects(log_odds.p_value),
        "constrained_covers": covers(log_odds.interval),
        "marginal": rejects(marginal.p_value),
        "marginal_covers": covers(marginal.interval),
        "likelihood_ratio": rejects(fit.likelihood_ratio().p_value),
        "plain": rejects(plain(study)),
        "linear_mixed": rejects(linear.effect("post:arm").p_value),
    }


def trials_as_people(study: Study) -> dict[str, bool | None]:
    """Take every answer for a person's only one: wrong, since one person's answers go together."""
    after = study.is_post
    columns = np.stack([np.ones(int(after.sum())), study.arm[after]], axis=1)
    fit = cluster_robust(
        study.correct[after], columns, ("(Intercept)", "arm"), np.arange(len(columns)), link="logit", correction="CR0"
    )
    return {"trials_as_people": rejects(fit.coefficient("arm").p_value)}


def null_trial(draw: np.random.Generator, world: World) -> Answers:
    """Try everything on a study without an effect."""
    study = draw_study(world, draw)
    return by_people(study, draw) | robust(study) | bootstrap(study, draw) | mixed(study) | trials_as_people(study)


def unequal_trial(draw: np.random.Generator, world: World) -> Answers:
    """Try what needs no equal spread on arms of unequal size and spread."""
    study = draw_study(world, draw)
    kept = UNEQUAL.keys()
    return {key: found for key, found in (by_people(study, draw) | robust(study)).items() if key in kept}


def slopes_trial(draw: np.random.Generator, world: World) -> Answers:
    """Try the primary model with a slope a person, where people differ in what they gain."""
    gain = constrained(draw_study(world, draw)).gain(1)
    return {"slopes": rejects(gain.p_value), "slopes_covers": covers(gain.interval)}


def items_trial(draw: np.random.Generator, world: World) -> Answers:
    """Try whether items differ in the effect where they do not."""
    fit = constrained(draw_study(world, draw))
    found = item_heterogeneity(fit.model, "post:arm_1")
    return {"boundary": rejects(found.test.p_value), "boundary_average": rejects(found.average.p_value)}


def effect_trial(draw: np.random.Generator, world: World) -> Answers:
    """Look for an effect that is there, by every test on the same studies."""
    study = draw_study(world, draw)
    fit, truth = constrained(study), risk_difference(world, 1)
    log_odds, marginal = fit.gain(1), fit.marginal_gain(1).risk_difference
    people = by_people(study, draw, truth)
    return {
        "constrained": rejects(log_odds.p_value),
        "plain": rejects(plain(study)),
        "ancova": people["ancova"],
        "welch": people["welch"],
        "permutation": people["permutation"],
        "constrained_covers": covers(log_odds.interval, world.gains[1]),
        "marginal_covers": covers(marginal.interval, truth),
        "welch_covers": people["welch_covers"],
    }


UNEQUAL = {key: (BY_PEOPLE | ROBUST)[key] for key in (
    "permutation", "welch", "welch_covers", "ancova", "lin", "cr2_linear", "cr2_linear_covers", "cr2_logit"
)}  # fmt: skip
SLOPES = {
    "slopes": Check("constrained-baseline mixed model with a slope a person, Wald"),
    "slopes_covers": Check("constrained-baseline mixed model with a slope a person, interval", "coverage"),
}
ITEMS = {
    "boundary": Check("item heterogeneity, boundary test of the slope's variance", is_conservative=True),
    "boundary_average": Check("average effect in the model with a slope an item, Wald"),
}
EFFECT = {
    "constrained": Check("constrained-baseline mixed model, Wald", "power"),
    "plain": Check("plain mixed model (post * arm), Wald", "power"),
    "ancova": Check("ANCOVA, HC2 errors", "power"),
    "welch": Check("Welch t test on gains", "power"),
    "permutation": Check("permutation test that re-draws the permuted blocks", "power"),
    "constrained_covers": Check("constrained-baseline mixed model, interval of the log odds", "coverage"),
    "marginal_covers": Check("constrained-baseline mixed model, interval of the risk difference", "coverage"),
    "welch_covers": Check("Welch interval", "coverage"),
}

TWO_ARMS = (
    Group(
        "two_arms",
        "60 people in 2 arms, 32 of 32 items each, no effect",
        BY_PEOPLE | ROBUST | BOOTSTRAP | MIXED | CONTROLS,
        partial(null_trial, world=World(60, n_items=32)),
    ),
    Group(
        "unequal",
        "60 people in control and 30 explained, who alone differ in what they gain (SD 1.2 on the logit scale); "
        "half of all answers are right, so the proportions are equal",
        UNEQUAL,
        partial(unequal_trial, world=World(90, weights=(2, 1), gain_deviations=(0.0, 1.2), start=0.0, practice=0.0)),
    ),
    Group(
        "slopes",
        "50 people in 2 arms, 24 of 24 items each, people differ in what they gain (SD 0.5), no effect",
        SLOPES,
        partial(slopes_trial, world=World(50, 24, 24, gain_deviations=(0.5, 0.5))),
    ),
    Group(
        "items",
        "30 people in 2 arms, 16 of 16 items each, no effect of any item",
        ITEMS,
        partial(items_trial, world=World(30, 16, 16)),
    ),
    Group(
        "effect",
        "100 people in 2 arms, 32 of 64 items each, the explained arm gains 0.35 more on the logit scale",
        EFFECT,
        partial(effect_trial, world=World(gains=(0.0, 0.35))),
        n_studies=1000,
    ),
)

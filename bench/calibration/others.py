"""Ratings, response times, losses, use, correlations, reliabilities and shares."""

from functools import partial

import numpy as np

from analysis.inference.compliers import complier_effect
from analysis.inference.counts import fisher_p, independence_p, sample_ratio_test
from analysis.inference.imputation import Incomplete, imputed_difference
from analysis.inference.lee_bounds import lee_bounds
from analysis.inference.mixed.lognormal import fit_response_time
from analysis.inference.mixed.ordinal import fit_ordinal
from analysis.inference.proportions import newcombe
from analysis.inference.rank_correlation import clustered_spearman, spearman
from analysis.inference.reliability import intraclass_correlations
from bench.calibration.checks import Answers, Check, Group, covers, excludes, rejects
from bench.calibration.draw import World, draw_gains, draw_study, permuted_blocks, seed_of

CUTS = (-1.6, -0.5, 0.7, 1.8)  # thresholds of the ratings, as in the reference study A
ARMS = ("post", "arm", "post:arm")


def ratings_trial(draw: np.random.Generator, world: World) -> Answers:
    """Try the models of ratings and of response times, people and items crossed."""
    study = draw_study(world, draw)
    person, item, n = study.person, study.item, len(study.person)
    both = draw.normal(size=world.n_people)[person], draw.normal(size=world.n_items)[item]
    rating = np.digitize(0.7 * both[0] + 0.4 * both[1] + draw.logistic(size=n), CUTS).astype(np.float64)
    both = draw.normal(size=world.n_people)[person], draw.normal(size=world.n_items)[item]
    time = np.exp(8.0 + 0.27 * both[0] + 0.1 * both[1] - 0.1 * study.is_post + 0.4 * draw.normal(size=n))
    fixed = np.stack([study.is_post, study.arm, study.is_post * study.arm], axis=1).astype(np.float64)
    with_one = np.column_stack([np.ones(n), fixed])
    ordinal = fit_ordinal(ratings=rating, fixed=fixed, names=ARMS, participants=person, items=item).effect("post:arm")
    lognormal = fit_response_time(
        response_ms=time, fixed=with_one, names=("(Intercept)", *ARMS), participants=person, items=item
    ).ratio([0, 0, 0, 1])
    return {
        "ordinal": rejects(ordinal.p_value),
        "ordinal_covers": covers(ordinal.interval),
        "lognormal": rejects(lognormal.p_value),
        "lognormal_covers": covers(lognormal.interval, 1.0),
    }


def losses_trial(draw: np.random.Generator, n_people: int = 100) -> Answers:
    """Lose people who were weak before, as many in either arm, and compare those who are left or filled in.

    What is filled in rests on the score before, which the difference of means does not use: Rubin's variance is then
    too large (Meng 1994, Stat. Sci. 9, section 3), so this line is conservative.
    """
    arm = permuted_blocks(n_people, (1, 1), draw).arm
    before = draw.normal(size=n_people)
    lost = draw.random(n_people) < np.where(before < 0, 0.3, 0.1)
    after = np.where(lost, np.nan, 0.5 * before + draw.normal(size=n_people))
    one, two = (Incomplete(after[arm == k], before[arm == k][:, None]) for k in (1, 0))
    imputed = imputed_difference(one, two, seed=seed_of(draw), n_imputations=20).pooled
    gone, left = (np.bincount(arm, of, 2).astype(int).tolist() for of in (lost, ~lost))
    ratio = sample_ratio_test(np.bincount(draw.integers(0, 3, 90), minlength=3).tolist(), (1, 1, 1))
    return {
        "imputation": rejects(imputed.p_value if imputed else None),
        "imputation_covers": covers(imputed.interval if imputed else None),
        "lee_covers": covers(lee_bounds(after[arm == 1], after[arm == 0], seed=seed_of(draw), draws=499).interval),
        "chi_square": rejects(independence_p(gone, left)),
        "fisher": rejects(fisher_p(gone, left)),
        "sample_ratio": rejects(ratio.p_value if ratio else None),
    }


def use_trial(draw: np.random.Generator, n_people: int = 100, effect: float = 0.1) -> Answers:
    """Let seven of ten use what they are given, the abler rather, and gain by it."""
    arm = permuted_blocks(n_people, (1, 1), draw).arm
    would = draw.random(n_people) < 0.7
    gains = draw_gains(n_people, draw) + 0.05 * would
    used = would & (arm == 1)
    groups = [(values[arm == k], used[arm == k]) for values in (gains, gains + effect * used) for k in (1, 0)]
    null, effective = (complier_effect(*groups[k], *groups[k + 1]) for k in (0, 2))
    return {"compliers": rejects(null.p_value), "compliers_cover": covers(effective.interval, effect)}


def agreement_trial(draw: np.random.Generator) -> Answers:
    """Correlate what has nothing to do with each other, and measure what is known."""
    n = 100
    rating, gain = draw.integers(1, 6, n).astype(np.float64), draw_gains(n, draw)
    person = np.repeat(np.arange(n), 4)
    sides = [draw.normal(size=n)[person] + draw.normal(size=4 * n) for _ in range(2)]
    clustered = clustered_spearman(np.round(sides[0]), sides[1], person, seed=seed_of(draw), draws=499)
    rated = draw.normal(size=(30, 1)) + draw.normal(size=(30, 4))
    one_way, _, fixed, *_ = intraclass_correlations(rated)
    counts = [int(draw.binomial(50, 0.7)) for _ in range(2)]
    return {
        "spearman": excludes(spearman(rating, gain).interval),
        "clustered_spearman": excludes(clustered.interval),
        "icc_1": covers(one_way.interval, 0.5),
        "icc_3": covers(fixed.interval, 0.5),
        "newcombe": covers(newcombe(counts[0], 50, counts[1], 50).interval),
    }


OTHERS = (
    Group(
        "ratings",
        "24 people in 2 arms, 12 of 12 items each, no effect; ratings of 5 steps (SD of people 0.7, of items 0.4, "
        "logistic), times (log SD of people 0.27, of items 0.1, of a trial 0.4)",
        {
            "ordinal": Check("cumulative-link mixed model, Wald"),
            "ordinal_covers": Check("cumulative-link mixed model, interval", "coverage"),
            "lognormal": Check("lognormal mixed model, REML, Satterthwaite"),
            "lognormal_covers": Check("lognormal mixed model, interval of the ratio", "coverage"),
        },
        partial(ratings_trial, world=World(24, 12, 12)),
    ),
    Group(
        "losses",
        "100 people in 2 arms, 30 % of the weaker and 10 % of the abler lost, no effect; 90 people drawn one by one "
        "into 3 arms for the sample ratio",
        {
            "imputation": Check("multiple imputation, Rubin's rules", is_conservative=True),
            "imputation_covers": Check("multiple imputation, interval", "coverage", is_conservative=True),
            "lee_covers": Check("Lee bounds, Imbens and Manski's interval", "coverage", is_conservative=True),
            "chi_square": Check("losses by arm, chi-square"),
            "fisher": Check("losses by arm, Fisher's exact test", is_conservative=True),
            "sample_ratio": Check("sample ratio, exact test"),
        },
        losses_trial,
    ),
    Group(
        "use",
        "100 people in 2 arms, 70 % of the explained arm use it, the abler rather; no effect, and one of 0.1 for the "
        "interval",
        {
            "compliers": Check("effect among compliers, test by allocation"),
            "compliers_cover": Check("effect among compliers, Fieller interval", "coverage"),
        },
        use_trial,
    ),
    Group(
        "agreement",
        "100 people's ratings and gains that have nothing to do with each other (4 pairs each where clustered); 30 "
        "targets by 4 raters, half of the variance the targets'; 2 x 50 people of whom 70 % succeed",
        {
            "spearman": Check("Spearman's correlation, Bonett and Wright's interval as a test"),
            "clustered_spearman": Check("Spearman's correlation, people resampled, interval as a test"),
            "icc_1": Check("intraclass correlation ICC(1), interval", "coverage"),
            "icc_3": Check("intraclass correlation ICC(3), interval", "coverage"),
            "newcombe": Check("difference of proportions, Newcombe's interval", "coverage"),
        },
        agreement_trial,
    ),
)

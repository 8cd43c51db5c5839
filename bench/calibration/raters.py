"""Agreement of raters, and questions that measure one thing: their intervals hold what is known."""

import numpy as np

from analysis.inference.agreement import cohen_kappa, krippendorff_alpha
from analysis.inference.reliability import cronbach_alpha
from analysis.types import FloatArray
from bench.calibration.checks import Answers, Check, Group, covers
from bench.calibration.draw import seed_of

STEPS = 5  # of an ordered scale
NEAR = 0.6, 0.15, 0.05  # the chance of the true step, of each one beside it, and of each two away; the rest is shared
KNOWS = 0.75  # a rater sees what a thing is, or guesses among the categories: agreement beyond chance is the square
CATEGORIES = 3


def raters_trial(draw: np.random.Generator, n_things: int = 100) -> Answers:
    """Let raters who know three of four things rate them, and people answer four questions of one kind."""
    rated = _ratings(draw, n_things, 3)
    answers = draw.normal(size=(n_things, 1)) + draw.normal(size=(n_things, 4))
    alpha = krippendorff_alpha(rated, scale="nominal", seed=seed_of(draw), draws=499)
    return {
        "kappa": covers(cohen_kappa(rated[0], rated[1]).interval, KNOWS**2),
        "krippendorff": covers(alpha.interval, KNOWS**2),
        "cronbach": covers(cronbach_alpha(answers).interval, 0.8),
    }


def _ratings(draw: np.random.Generator, n_things: int, n_raters: int) -> FloatArray:
    """Draw ratings of shape (n_raters, n_things)."""
    truth, guess = draw.integers(0, CATEGORIES, n_things), draw.integers(0, CATEGORIES, (n_raters, n_things))
    return np.where(draw.random((n_raters, n_things)) < KNOWS, truth, guess).astype(np.float64)


def chances() -> FloatArray:
    """Return the chance of each rating given each true step, shape (STEPS, STEPS)."""
    apart = np.abs(np.subtract.outer(np.arange(STEPS), np.arange(STEPS)))
    given = np.select([apart == k for k in range(len(NEAR))], NEAR, 0.01)
    made: FloatArray = given / given.sum(axis=1, keepdims=True)
    return made


def true_kappa(power: int) -> float:
    """Return the weighted kappa of two such raters: one minus mean cost over its mean were they independent."""
    both = chances().T @ chances() / STEPS
    cost = np.abs(np.subtract.outer(np.arange(STEPS), np.arange(STEPS))) ** power
    one = both.sum(axis=0)
    return float(1 - (both * cost).sum() / (np.outer(one, one) * cost).sum())


def steps_trial(draw: np.random.Generator, n_things: int = 150) -> Answers:
    """Let two raters who are off by a step or two rate things on an ordered scale."""
    truth, until = draw.integers(0, STEPS, n_things), chances().cumsum(axis=1)
    first, second = ((draw.random((n_things, 1)) > until[truth]).sum(axis=1).astype(np.float64) for _ in range(2))
    return {
        "linear": covers(cohen_kappa(first, second, weights="linear").interval, true_kappa(1)),
        "quadratic": covers(cohen_kappa(first, second, weights="quadratic").interval, true_kappa(2)),
    }


RATERS = (
    Group(
        "raters",
        "100 things in 3 categories by raters who see what 75 % of them are and guess the others; 100 people, 4 "
        "questions, half of the variance the people's",
        {
            "kappa": Check("Cohen's kappa, interval", "coverage"),
            "krippendorff": Check("Krippendorff's alpha, interval from resampled things", "coverage"),
            "cronbach": Check("Cronbach's alpha, Feldt's interval", "coverage"),
        },
        raters_trial,
    ),
    Group(
        "steps",
        "150 things on a scale of 5 steps by two raters, right on about 60 % and else off by one step rather than more",
        {
            "linear": Check("Cohen's kappa, linear weights, interval", "coverage"),
            "quadratic": Check("Cohen's kappa, quadratic weights, interval", "coverage"),
        },
        steps_trial,
    ),
)

"""Agreement of raters, and questions that measure one thing: their intervals hold what is known."""

import numpy as np

from analysis.inference.agreement import cohen_kappa, krippendorff_alpha
from analysis.inference.reliability import cronbach_alpha
from analysis.types import FloatArray
from bench.calibration.checks import Answers, Check, Group, covers
from bench.calibration.draw import seed_of

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
)

"""How far answers and ratings measure anything of the people who give them, and whether ratings go with outcomes.

Everything is within an arm: what an arm does for everybody in it is no difference between people.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.estimands.base import Outcome
from analysis.estimands.gain_in_accuracy import Gain
from analysis.estimands.scores import Average, Difference, Grid, ItemMeans, Score, Scored, lay_out
from analysis.estimation import Estimation
from analysis.inference.rank_correlation import Disattenuated, RankCorrelation, disattenuated, spearman
from analysis.inference.reliability import Reliability, clustering, cronbach_alpha, design_effect
from analysis.table import MISSING, ResponseTable
from analysis.types import BoolArray, FloatArray, IntArray

LEAST_COLUMNS: Final = 2
ROUNDING: Final = 1e-9
DECIMALS: Final = 9


@dataclass(frozen=True)
class AnswerReliability:
    """What the answers of one arm in POST are made of.

    Parameters
    ----------
    arm : str
    alpha : Reliability or None
        Cronbach's, which is KR-20 for answers that are right or wrong, of the people who answered every item; None for
        fewer than two items.
    people, items : Reliability
        Intraclass correlations: how much the answers of one person, and those to one item, go together. From a one-way
        analysis of variance, so that the design effect is that of the mean as it stands.
    design_effect : float or None
        By how much the answers of one person going together enlarge the variance of the arm's mean (Kish 1965).
    n_answers : int
    words : str
        What that means, or why there is nothing.
    """

    arm: str
    alpha: Reliability | None
    people: Reliability
    items: Reliability
    design_effect: float | None
    n_answers: int
    words: str


@dataclass(frozen=True)
class RatingReliability:
    """The ratings of one arm, beside its outcomes.

    Parameters
    ----------
    arm : str
    n_questions : int
    alpha : Reliability or None
        Of the scales, of the people who answered every question; None for fewer than two.
    correlation : RankCorrelation or None
        Of a person's mean rating with their outcome; None where the outcome is the rating.
    disattenuated : Disattenuated or None
        The same without errors of measurement; None where one of the reliabilities is not known or not above 0.
    words : str
        Why there is nothing; else empty.
    """

    arm: str
    n_questions: int
    alpha: Reliability | None
    correlation: RankCorrelation | None
    disattenuated: Disattenuated | None
    words: str


@dataclass(frozen=True)
class Reliabilities:
    """Of the answers and of the ratings, an arm each; no ratings where nobody was asked."""

    answers: tuple[AnswerReliability, ...]
    ratings: tuple[RatingReliability, ...]


def reliabilities(work: Estimation, outcome: Outcome, table: ResponseTable, positions: IntArray) -> Reliabilities:
    """Say how reliable answers and ratings are in each arm.

    Parameters
    ----------
    work : Estimation
    outcome : Outcome
        What a missing-data rule fills in does not count.
    table : ResponseTable
        The rows of the stages analysed.
    positions : int array, shape (n_rows,)
        Whose a row is, -1 for nobody's.

    Returns
    -------
    Reliabilities
    """
    n = len(work.allocation.arm)
    post = table.is_simulation & (table.correct != MISSING) & (table.phase == work.design.plan.post)
    answers = _of_answers(work, lay_out(table, positions, n, post), (table.correct == 1).astype(np.float64))
    rated = (table.trial_type == "rating") & ~np.isnan(table.rating) & (positions >= 0)
    if not rated.any():
        return Reliabilities(tuple(answers), ())
    ratings = per_item(lay_out(table, positions, n, rated).means(table.rating, rated))
    assert ratings is not None  # means of items are what it is made for
    return Reliabilities(tuple(answers), tuple(_of_ratings(work, outcome, ratings)))


def per_item(score: Score) -> FloatArray | None:
    """Return what a score averages over items, shape (n, n_items), NaN where there is none.

    None for a score that is no average of items, as d′ is.
    """
    if isinstance(score, ItemMeans):
        with np.errstate(invalid="ignore"):
            means: FloatArray = score.total / score.given
        return means
    if isinstance(score, Difference):
        first, second = per_item(score.first), per_item(score.second)
        return None if first is None or second is None else first - second
    if isinstance(score, Average):
        tables = [table for one in score.scores if (table := per_item(one)) is not None]
        return np.mean(tables, axis=0) if len(tables) == len(score.scores) else None
    return None


def _of_answers(work: Estimation, grid: Grid, correct: FloatArray) -> Iterator[AnswerReliability]:
    answers = per_item(grid.means(correct, grid.rows))
    arm_of = work.allocation.arm
    # Sums depend on the order of what is added, and must not on that of the rows.
    order = np.lexsort((grid.column, grid.person))
    for number, arm in enumerate(work.design.arms):
        mine = order[arm_of[grid.person[order]] == number]
        values = correct[grid.rows][mine]
        people, items = (clustering(values, each[mine], level=work.level) for each in (grid.person, grid.column))
        effect = None if people.value is None else design_effect(people.value, people.n_raters)
        yield AnswerReliability(
            arm=arm.key,
            alpha=None if answers is None else _alpha(answers[arm_of == number], work.level),
            people=people,
            items=items,
            design_effect=effect,
            n_answers=len(values),
            words=_design_words(effect, len(values)),
        )


def _design_words(effect: float | None, n_answers: int) -> str:
    if effect is None:
        return "Too few answers, or all of them the same."
    if effect < 1 + ROUNDING:
        return "Answers of one person are no more alike than those of different people."
    return f"For the arm's mean {n_answers:,} answers count as {n_answers / effect:,.0f} independent ones."


def _alpha(table: FloatArray, level: float) -> Reliability | None:
    """Return alpha over the columns that anybody of these answered; None for fewer than two."""
    asked = table[:, (~np.isnan(table)).any(axis=0)]
    return cronbach_alpha(asked, level=level) if asked.shape[1] >= LEAST_COLUMNS else None


def _of_ratings(work: Estimation, outcome: Outcome, ratings: FloatArray) -> Iterator[RatingReliability]:
    is_rating = work.design.plan.estimand == "rating"
    items = _outcome_per_item(outcome)
    for number, arm in enumerate(work.design.arms):
        members = work.allocation.arm == number
        alpha = _alpha(ratings[members], work.level)
        correlation = None if is_rating else _correlation(outcome, ratings, members, work.level)
        of_outcome = None if items is None else _alpha(items[members], work.level)
        yield RatingReliability(
            arm=arm.key,
            n_questions=ratings.shape[1],
            alpha=alpha,
            correlation=correlation,
            disattenuated=_disattenuated(correlation, alpha, of_outcome),
            words=_correlation_words(correlation, is_rating=is_rating),
        )


def _outcome_per_item(outcome: Outcome) -> FloatArray | None:
    if isinstance(outcome, Gain):
        return per_item(
            Difference(*(ItemMeans(answers.correct, answers.given) for answers in (outcome.post, outcome.pre)))
        )
    return per_item(outcome.score) if isinstance(outcome, Scored) else None


def _correlation(outcome: Outcome, ratings: FloatArray, members: BoolArray, level: float) -> RankCorrelation:
    """Correlate the mean ratings of some people with their outcomes; what is equal but for rounding is tied."""
    given = ~np.isnan(ratings)
    with np.errstate(invalid="ignore"):
        mean = np.where(given, ratings, 0.0).sum(axis=1) / given.sum(axis=1)
    values = np.where(outcome.is_observed, outcome.values, np.nan)
    return spearman(mean[members].round(DECIMALS), values[members].round(DECIMALS), level=level)


def _disattenuated(
    correlation: RankCorrelation | None, first: Reliability | None, second: Reliability | None
) -> Disattenuated | None:
    if correlation is None or first is None or second is None or first.value is None or second.value is None:
        return None
    found = disattenuated(correlation, first.value, second.value)
    return found if found.value is not None else None


def _correlation_words(correlation: RankCorrelation | None, *, is_rating: bool) -> str:
    if is_rating:
        return "The outcome is the rating itself."
    if correlation is None or correlation.value is None:
        return "Ratings or outcomes do not vary."
    return ""

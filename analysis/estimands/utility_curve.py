"""Utility-K: how many times as accurate people are with explanations as without, after K examples.

Colin, J., Fel, T., Cadène, R. & Serre, T. (2022), "What I cannot predict, I do not understand", NeurIPS: accuracy with
explanation over accuracy in the control arm, session by session; above 1 explanations are useful. The area under the
curve is its mean over the sessions.
"""

from dataclasses import dataclass

import numpy as np

from analysis.estimands.base import Question
from analysis.estimands.scores import ItemMeans
from analysis.estimands.utility import session_scores, sessions
from analysis.table import ResponseTable
from analysis.types import FloatArray, IntArray, Interval

CHUNK_CELLS = 2_000_000  # participants times draws held at once


@dataclass(frozen=True)
class Utility:
    """A ratio of accuracies, with intervals from resampling; None where there is none.

    Parameters
    ----------
    value : float or None
        With explanation over without; None where nobody answered, or nobody in the control arm was right.
    interval : Interval or None
        Percentiles over resampled participants of both arms: what other people could have given, on these items.
    conservative_interval : Interval or None
        Over resampled participants and items.
    """

    value: float | None
    interval: Interval | None
    conservative_interval: Interval | None


@dataclass(frozen=True)
class UtilityPoint:
    """One session.

    Parameters
    ----------
    session : str
        Key of its phase.
    n_examples : int or None
        K: worked examples seen before it by the participant in the middle; None where none were shown.
    explained, control : float or None
        Mean accuracy of the two arms.
    utility : Utility
    n_enrolments : tuple of int
        Explained and control, with an answer in this session.
    """

    session: str
    n_examples: int | None
    explained: float | None
    control: float | None
    utility: Utility
    n_enrolments: tuple[int, int]


@dataclass(frozen=True)
class UtilityCurve:
    """Utility after each session, and the mean of the sessions (the area under the curve)."""

    points: tuple[UtilityPoint, ...]
    area: Utility
    draws: int
    unit: str = "ratio of proportions correct"
    method: str = "ratio of arm means; percentile bootstrap of participants within arms, conservative: and of items"
    reference: str = "Colin, Fel, Cadène & Serre 2022, NeurIPS"


def utility_curve(
    table: ResponseTable,
    positions: IntArray,
    arm: IntArray,
    contrast: tuple[int, int],
    question: Question,
    *,
    level: float,
    draws: int,
    seed: int,
) -> UtilityCurve:
    """Divide the learning curves of two arms.

    Parameters
    ----------
    table : ResponseTable
    positions : int array, shape (n_rows,)
        Whose a row is; see `Estimand.measure`.
    arm : int array, shape (n,)
        Of each participant.
    contrast : (int, int)
        The explained arm, and the control arm.
    question : Question
        Its `pre` is the first session and its `post` the last.
    level : float
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    UtilityCurve
        Participants count in every session in which they answered.
    """
    phases = sessions(table, question)
    scores = session_scores(table, positions, len(arm), phases)
    members = [np.flatnonzero(arm == k) for k in contrast]
    each = np.column_stack([score.reweighted(np.ones((score.n_items, 1))) for score in scores])
    # One column a session, one row a draw; the observed table is a draw in which everybody counts once.
    explained, control = (_means(np.ones((1, len(who))), each[who][:, :, None]) for who in members)
    observed = _ratios(explained, control)
    people, items = (_resampled(scores, members, draws, seed, with_items=flag) for flag in (False, True))
    return UtilityCurve(
        points=tuple(
            UtilityPoint(
                session=phase,
                n_examples=_n_examples(table, positions, phase),
                explained=_known(explained[0, s]),
                control=_known(control[0, s]),
                utility=_utility(observed[:, s], people[:, s], items[:, s], level),
                n_enrolments=(_n_seen(each[members[0], s]), _n_seen(each[members[1], s])),
            )
            for s, phase in enumerate(phases)
        ),
        area=_utility(observed.mean(axis=1), people.mean(axis=1), items.mean(axis=1), level),
        draws=draws,
    )


def _means(weights: FloatArray, values: FloatArray) -> FloatArray:
    """Average values (shape (n, n_sessions, 1 or m)) over participants weighted by (m, n); shape (m, n_sessions)."""
    seen = ~np.isnan(values)
    total = np.einsum(
        "mn,nsm->ms", weights, np.broadcast_to(np.where(seen, values, 0.0), (*values.shape[:2], len(weights)))
    )
    count = np.einsum(
        "mn,nsm->ms", weights, np.broadcast_to(seen.astype(np.float64), (*values.shape[:2], len(weights)))
    )
    with np.errstate(invalid="ignore"):
        means: FloatArray = total / count
    return means


def _ratios(explained: FloatArray, control: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios: FloatArray = explained / control
    return ratios


def _resampled(
    scores: tuple[ItemMeans, ...], members: list[IntArray], draws: int, seed: int, *, with_items: bool
) -> FloatArray:
    """Return the ratios of each session under resampling, shape (draws, n_sessions)."""
    generator = np.random.default_rng([seed, with_items])
    n_items, n_people = scores[0].n_items, sum(len(who) for who in members)
    if not n_items or not all(len(who) > 1 for who in members):
        return np.full((1, len(scores)), np.nan)
    found = []
    chunk = max(1, CHUNK_CELLS // (n_people * len(scores)))
    for start in range(0, draws, chunk):
        m = min(chunk, draws - start)
        weights = _counts(generator, n_items, m).T if with_items else np.ones((n_items, 1))
        values = np.stack([score.reweighted(weights) for score in scores], axis=1)
        means = [_means(_counts(generator, len(who), m), values[who]) for who in members]
        found.append(_ratios(*means))
    return np.concatenate(found)


def _counts(generator: np.random.Generator, n: int, m: int) -> FloatArray:
    return generator.multinomial(n, np.full(n, 1 / n), size=m).astype(np.float64)


def _utility(observed: FloatArray, people: FloatArray, items: FloatArray, level: float) -> Utility:
    value = _known(float(observed[0]))
    if value is None:
        return Utility(None, None, None)
    return Utility(value, _percentiles(people, level), _percentiles(items, level))


def _percentiles(drawn: FloatArray, level: float) -> Interval | None:
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn) or drawn.min() == drawn.max():
        return None
    # A draw in which nobody in the control arm is right has no bound: it may not be averaged with its neighbour.
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], method="nearest")
    return Interval(float(low), float(high), level) if np.isfinite(high) else None


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _n_seen(values: FloatArray) -> int:
    return int((~np.isnan(values)).sum())


def _n_examples(table: ResponseTable, positions: IntArray, phase: str) -> int | None:
    """Return how many worked examples the participant in the middle saw before this phase."""
    asked = table.is_simulation & (table.phase == phase) & (positions >= 0)
    never = np.iinfo(np.int64).max
    begins = np.full(int(positions.max(initial=0)) + 1, never)
    np.minimum.at(begins, positions[asked], table.trial_index[asked])
    shown = (table.trial_type == "worked_example") & (positions >= 0)
    before = positions[shown][table.trial_index[shown] < begins[positions[shown]]]
    counts = np.bincount(before, minlength=len(begins))[begins < never]
    return int(np.median(counts)) if counts.any() else None

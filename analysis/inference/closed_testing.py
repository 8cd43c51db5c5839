"""Content or mere attention: explained arms against a placebo, and the placebo against nothing, in one closed family.

A placebo explanation looks like an arm's own and says nothing. What an explanation says is *explained minus placebo*,
what being shown anything does is *placebo minus none*. Marcus, R., Peritz, E. & Gabriel, K. R. (1976), Biometrika 63:
a hypothesis falls when every intersection of hypotheses that holds it falls at alpha, and the error over the whole
family is then alpha. All hypotheses here share the placebo arm, so an intersection says that its arms are alike; it is
tested exactly, by drawing the allocation of these arms again with the others held in place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

import numpy as np

from analysis.errors import InputError
from analysis.inference.mechanisms import Divisible
from analysis.inference.permutation import PermutationTest, studentised, tests_by_redrawing
from analysis.numbers import p_text
from analysis.types import FloatArray, LabelArray

Kind = Literal["content", "attention"]

REFERENCE: Final = "Marcus, Peritz & Gabriel 1976, Biometrika 63"


@dataclass(frozen=True)
class ClosedHypothesis:
    """One hypothesis: that two arms are alike.

    Parameters
    ----------
    kind : {"content", "attention"}
        Explained against placebo, or placebo against no explanation.
    arm, minus : int
    statistic : float or None
        Difference of the means over its Welch standard error; None where an arm has fewer than two values.
    p_value : float or None
        Of this hypothesis alone.
    p_adjusted : float or None
        The largest p among the intersections that hold it.
    is_shown : bool
        Whether the hypothesis fell.
    """

    kind: Kind
    arm: int
    minus: int
    statistic: float | None
    p_value: float | None
    p_adjusted: float | None
    is_shown: bool


@dataclass(frozen=True)
class Intersection:
    """Several hypotheses at once: that all these arms are alike.

    Parameters
    ----------
    arms : tuple of int
    p_value : float or None
        By the largest of the hypotheses' statistics; None where none of them has one.
    n_allocations : int
    is_exact : bool
        Whether every allocation of these arms was counted.
    """

    arms: tuple[int, ...]
    p_value: float | None
    n_allocations: int
    is_exact: bool


@dataclass(frozen=True)
class ClosedTest:
    """What was shown of content and of mere attention, the error over all of it at most alpha.

    Parameters
    ----------
    hypotheses : tuple of ClosedHypothesis
        The content of each explained arm, then attention.
    intersections : tuple of Intersection
        All of them, single hypotheses first.
    sentence : str
        What was shown, and what was not.
    alpha : float
    method, reference : str
    """

    hypotheses: tuple[ClosedHypothesis, ...]
    intersections: tuple[Intersection, ...]
    sentence: str
    alpha: float
    method: str
    reference: str


def placebo_closed_test(
    values: FloatArray,
    allocation: Divisible,
    *,
    explained: Sequence[int],
    placebo: int,
    none: int,
    titles: Mapping[int, str],
    draws: int,
    seed: int,
    alpha: float = 0.05,
) -> ClosedTest:
    """Test what explanations say, and what being shown one does, as one family.

    Parameters
    ----------
    values : float array, shape (n,)
        One a participant; NaN where there is none.
    allocation : Divisible
        Of all n participants: permuted blocks, or drawn one by one. (Minimisation cannot hold some arms in place.)
    explained : sequence of int
        At most 8 arms.
    placebo, none : int
        The arm with explanations that say nothing, and the arm without any.
    titles : mapping of int to str
        Of the explained arms, for the sentence.
    draws, seed : int
        As in `permutation_tests`.
    alpha : float

    Returns
    -------
    ClosedTest

    Raises
    ------
    InputError
        When an arm is named twice, or there is none or more than 8 explained.
    """
    named = [*explained, placebo, none]
    if not 1 <= len(explained) <= 8 or len(set(named)) < len(named):
        raise InputError("closed test", [f"expected 1 to 8 explained arms, a placebo and a control, found {named}"])
    contrasts = [*((arm, placebo) for arm in explained), (placebo, none)]
    tests: dict[tuple[int, ...], PermutationTest | None] = {}
    for size in range(1, len(contrasts) + 1):
        for chosen in combinations(range(len(contrasts)), size):
            pairs = [contrasts[i] for i in chosen]
            tests[chosen] = _intersection_test(values, allocation, pairs, draws, seed)
    hypotheses = tuple(_hypothesis(i, pair, tests, placebo, alpha) for i, pair in enumerate(contrasts))
    return ClosedTest(
        hypotheses=hypotheses,
        intersections=tuple(_intersection(chosen, contrasts, test) for chosen, test in tests.items()),
        sentence=_sentence(hypotheses, titles),
        alpha=alpha,
        method="closed test; each intersection by re-drawing the allocation of its arms, the largest studentised "
        "difference from the placebo",
        reference=REFERENCE,
    )


def _intersection_test(
    values: FloatArray, allocation: Divisible, pairs: Sequence[tuple[int, int]], draws: int, seed: int
) -> PermutationTest | None:
    """Test that all the arms of the pairs are alike; None where no pair has two values in both arms."""
    members, held = allocation.between(sorted({arm for pair in pairs for arm in pair}))
    observed = studentised(values[members], held.arm[None, :].astype(np.int8), pairs)[0]
    known = [pair for pair, t in zip(pairs, observed, strict=True) if not np.isnan(t)]
    if not known:
        return None

    def largest(labels: LabelArray) -> FloatArray:
        drawn = studentised(values[members], labels, known)
        if len(known) == 1:
            return drawn
        # A re-draw that leaves an arm without values has no largest statistic: NaN, which counts as extreme.
        joint: FloatArray = np.abs(drawn).max(axis=1, keepdims=True)
        return joint

    return tests_by_redrawing(largest, held, draws=draws, seed=seed)[0]


def _hypothesis(
    number: int,
    pair: tuple[int, int],
    tests: Mapping[tuple[int, ...], PermutationTest | None],
    placebo: int,
    alpha: float,
) -> ClosedHypothesis:
    kind: Kind = "attention" if pair[0] == placebo else "content"
    alone = tests[(number,)]
    if alone is None:
        return ClosedHypothesis(kind, *pair, None, None, None, False)
    adjusted = max(test.p_value for chosen, test in tests.items() if number in chosen and test is not None)
    return ClosedHypothesis(kind, *pair, alone.statistic, alone.p_value, adjusted, adjusted <= alpha)


def _intersection(
    chosen: tuple[int, ...], contrasts: Sequence[tuple[int, int]], test: PermutationTest | None
) -> Intersection:
    arms = tuple(sorted({arm for i in chosen for arm in contrasts[i]}))
    if test is None:
        return Intersection(arms, None, 0, False)
    return Intersection(arms, test.p_value, test.n_allocations, test.is_exact)


def _sentence(hypotheses: Sequence[ClosedHypothesis], titles: Mapping[int, str]) -> str:
    shown = [_claim(one, titles) for one in hypotheses if one.is_shown]
    open_ = [_claim(one, titles) for one in hypotheses if not one.is_shown]
    parts = [f"It was shown that {_listed(shown)}"] if shown else []
    parts += [f"{'it' if shown else 'It'} was not shown that {_listed(open_)}"] if open_ else []
    return "; ".join(parts) + "."


def _claim(one: ClosedHypothesis, titles: Mapping[int, str]) -> str:
    p = "not tested" if one.p_adjusted is None else f"adjusted p {_with_sign(p_text(one.p_adjusted))}"
    if one.kind == "attention":
        does = "does something" if not one.is_shown else "helps" if (one.statistic or 0) > 0 else "does harm"
        return f"being shown an explanation {does} whatever it says ({p})"
    does = "differs from" if not one.is_shown else "is better than" if (one.statistic or 0) > 0 else "is worse than"
    return f"what {titles[one.arm]} says {does} a placebo ({p})"


def _with_sign(p: str) -> str:
    return p if p.startswith("<") else f"= {p}"


def _listed(claims: Sequence[str]) -> str:
    return claims[0] if len(claims) == 1 else f"{', '.join(claims[:-1])} and {claims[-1]}"

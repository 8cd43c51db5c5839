"""The model of the trial: answers before and after, arms equal before, `post + post:arm`.

Before they see anything the arms are random parts of one population, and are asked the same; a model that gives each
its own level before spends information on a difference known to be zero (Liang & Zeger 2000; Liu, Lu, Mogg, Mallick
& Mehrotra 2009). With the constraint the coefficient `post:arm_k` is arm k's gain over control's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from analysis.errors import InputError
from analysis.inference.mixed.crossing import check_lengths
from analysis.inference.mixed.effect import Effect
from analysis.inference.mixed.families import Link
from analysis.inference.mixed.fit import BinomialModel, MixedFit, describe, solve
from analysis.inference.mixed.marginal import MarginalCells, marginal_cells
from analysis.inference.mixed.nested import ModelTest, likelihood_ratio_test, wald_test
from analysis.types import BoolArray, FloatArray, IntArray

REFERENCE: Final = "Liang & Zeger (2000), Sankhya B 62; Liu et al. (2009), Stat. Med. 28"
CONTROL: Final = 0
Pair = tuple[int, int]


@dataclass(frozen=True)
class MarginalGain:
    """How much more of the answers are right after than before in one arm than in another, on three scales.

    Parameters
    ----------
    risk_difference : Effect
        Difference of differences of proportions correct, over people and items.
    odds_ratio : Effect
        Of the same proportions.
    conditional_odds_ratio : Effect or None
        For one participant and item, which is farther from 1; None under a probit link.
    """

    risk_difference: Effect
    odds_ratio: Effect
    conditional_odds_ratio: Effect | None


@dataclass(frozen=True)
class ConstrainedFit:
    """The fitted model of a trial, and the questions it was fitted for.

    Parameters
    ----------
    fit : MixedFit
        Fixed effects `intercept`, `post` and a `post:arm_k` for each arm but the first. Those of arms with no answer
        after are left out, and so is `post` when control has none.
    model : BinomialModel
    n_arms : int
    """

    fit: MixedFit
    model: BinomialModel
    n_arms: int

    def gain(self, arm: int, minus: int = CONTROL, level: float = 0.95) -> Effect:
        """Return arm's gain minus the other's on the scale of the link, with Wald's interval and test."""
        unit = "log odds" if self.fit.link == "logit" else "probit"
        weights = self.weights(arm, minus)
        if weights is None:
            return _absent(unit, self.fit.n_participants)
        estimate, error = self.fit.contrast(weights.tolist())
        return Effect.difference(
            estimate,
            error if self.fit.certificate.is_maximum else None,
            level=level,
            unit=unit,
            n_participants=self.fit.n_participants,
            method="constrained-baseline mixed model, Wald",
            reference=REFERENCE,
        )

    def marginal_gain(self, arm: int, minus: int = CONTROL, level: float = 0.95) -> MarginalGain:
        """Return the same gain over people and items at large."""
        if self.weights(arm, minus) is None:
            absent = [_absent(unit, self.fit.n_participants) for unit in ("proportion correct", "ratio of odds")]
            return MarginalGain(absent[0], absent[1], absent[1] if self.fit.link == "logit" else None)
        # Before, both are the same cell: it cancels from the difference of differences.
        weights = [float(name == _after(arm)) - float(name == _after(minus)) for name in self.cells.names]
        return MarginalGain(
            self.cells.risk_difference(weights, level),
            self.cells.odds_ratio(weights, level),
            self.cells.conditional_odds_ratio(weights, level),
        )

    @cached_property
    def cells(self) -> MarginalCells:
        """Return the marginal cells: `pre`, and `post_k` of every arm with answers after."""
        arms = [arm for arm in range(self.n_arms) if self._names_of(arm) <= set(self.fit.names)]
        rows = [{"intercept"}, *({"intercept"} | self._names_of(arm) for arm in arms)]
        fixed = np.array([[float(name in row) for name in self.fit.names] for row in rows])
        is_post = np.array([0.0] + [1.0] * len(arms))
        return marginal_cells(
            self.fit,
            names=("pre", *(_after(arm) for arm in arms)),
            fixed=fixed,
            participant_slopes=None if self.model.participant_slopes is None else is_post,
            item_slopes=None if self.model.item_slopes is None else is_post,
        )

    def wald(self, pairs: Sequence[Pair] | None = None) -> ModelTest:
        """Test that all these gains are equal: every arm's and control's by default."""
        return wald_test(self.fit, self._contrasts(pairs))

    def likelihood_ratio(self, pairs: Sequence[Pair] | None = None) -> ModelTest:
        """Test the same by fitting the model in which the gains are equal."""
        return likelihood_ratio_test(self.model, self.fit, self._contrasts(pairs))

    def weights(self, arm: int, minus: int = CONTROL) -> FloatArray | None:
        """Return the contrast of the coefficients that compares two arms; None where one has no answers after."""
        for number in (arm, minus):
            if not 0 <= number < self.n_arms:
                raise InputError("arm", [f"0 to {self.n_arms - 1} was expected, {number} came"])
        first, second = self._names_of(arm), self._names_of(minus)
        if not first | second <= set(self.fit.names):
            return None
        return np.array([float(name in first) - float(name in second) for name in self.fit.names])

    def _names_of(self, arm: int) -> set[str]:
        """Return the coefficients that add up to an arm's change."""
        own = set() if arm == CONTROL else {_coefficient(arm)}
        shared = {"post"} if arm == CONTROL or "post" in self.fit.names else set()
        return own | shared

    def _contrasts(self, pairs: Sequence[Pair] | None) -> FloatArray:
        asked = pairs if pairs is not None else [(arm, CONTROL) for arm in range(1, self.n_arms)]
        rows = [weights for pair in asked if (weights := self.weights(*pair)) is not None]
        if not rows:
            raise InputError("pairs", ["two arms with answers after were expected; there is nothing to compare"])
        return np.array(rows)


def fit_constrained(
    *,
    correct: FloatArray,
    arm: IntArray,
    is_post: BoolArray,
    participants: IntArray,
    items: IntArray,
    n_arms: int,
    participant_slopes: bool = False,
    item_slopes: bool = False,
    trials: FloatArray | None = None,
    link: Link = "logit",
) -> ConstrainedFit:
    """Fit the constrained-baseline model to the trials of a study.

    Parameters
    ----------
    correct : float array, shape (n,)
        0 or 1, or counts of `trials`; NaN for a missing answer.
    arm : int array, shape (n,)
        The arm of each trial's participant, 0 to n_arms - 1; 0 is control.
    is_post : bool array, shape (n,)
        Whether the trial came after the explanation.
    participants, items : int array, shape (n,)
        Who answered what; any whole numbers.
    n_arms : int
    participant_slopes, item_slopes : bool
        Whether participants, or items, differ in their change from before to after.
    trials : float array, shape (n,), optional
    link : {"logit", "probit"}

    Returns
    -------
    ConstrainedFit
        Separated and singular fits included: `fit.certificate` tells.

    Raises
    ------
    InputError
        For arms outside the range, no answers before or none after, and what `fit_binomial` refuses.
    AnalysisError
        When the ascent ends before the maximum.
    """
    slope = np.asarray(is_post, dtype=np.float64)
    _check(correct, arm, slope, n_arms)
    columns = _columns(np.asarray(arm), slope, ~np.isnan(correct), n_arms)
    model = BinomialModel(
        correct=correct,
        fixed=np.stack(list(columns.values()), axis=1),
        names=tuple(columns),
        participants=participants,
        items=items,
        participant_slopes=slope if participant_slopes else None,
        item_slopes=slope if item_slopes else None,
        trials=trials,
        link=link,
    )
    return ConstrainedFit(describe(solve(model)), model, n_arms)


def _check(correct: FloatArray, arm: IntArray, slope: FloatArray, n_arms: int) -> None:
    check_lengths(correct=correct, arm=arm, is_post=slope)
    problems = []
    if len(arm) and (np.min(arm) < 0 or np.max(arm) >= n_arms):
        problems.append(f"arm: 0 to {n_arms - 1} was expected, {np.min(arm)} to {np.max(arm)} came")
    phases = set(slope[~np.isnan(correct)].tolist())
    if phases and phases != {0.0, 1.0}:
        problems.append(f"is_post: answers before (0) and after (1) were expected, {sorted(phases)} came")
    if problems:
        raise InputError("the constrained-baseline model", problems)


def _columns(arm: IntArray, slope: FloatArray, seen: BoolArray, n_arms: int) -> dict[str, FloatArray]:
    """Return the design by name, without the columns that nothing was seen of."""
    after = {number for number in range(n_arms) if (seen & (arm == number) & (slope == 1.0)).any()}
    columns = {"intercept": np.ones(len(arm))}
    if CONTROL in after:
        columns["post"] = slope
    return columns | {_coefficient(number): slope * (arm == number) for number in sorted(after - {CONTROL})}


def _coefficient(arm: int) -> str:
    return f"post:arm_{arm}"


def _after(arm: int) -> str:
    return f"post_{arm}"


def _absent(unit: str, n_participants: int) -> Effect:
    return Effect(None, None, None, None, None, unit, n_participants, "an arm has no answers after", REFERENCE)

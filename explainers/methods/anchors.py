"""Anchors (Ribeiro, Singh & Guestrin 2018, AAAI, algorithms 1 and 2): a rule that holds the output fast.

A rule is a set of the item's own units. Its precision is how often the output stays the explained class when the
other units are drawn anew (`explainers.methods.conditions`), its coverage the share of the training items that hold the
rule's units. A beam builds rules unit by unit: of each size KL-LUCB finds the most precise ones with as few draws as it
can, and of those that are precise enough with probability 1 - delta the one with the largest coverage is the anchor.

Constants and the margin by which a rule's lower bound may miss the precision asked for are those of the authors' code
(anchor-exp 0.0.2). We depart from it in these points: every candidate starts with a few draws of its own, instead of
those of other candidates that happen to fit; the rule without a unit is tried like every other; coverage is counted
on the training items; comparing ends at a budget; and where no rule is precise enough, the one with the highest lower
bound is given.

All items of a batch take their rounds together, so that a round is one question to the predictor. An item's draws
come from its own generator: its result does not depend on the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explainers.methods.base import Attribution, Batch, BoolArray, FloatArray, IntArray, generator
from explainers.methods.blocks import encode, mapped
from explainers.methods.conditions import conditions, coverage
from explainers.methods.lucb import MARGIN, Arms

_DRAWS = 5  # stream of an item's generator
FIRST_DRAWS = 20  # of every candidate
EPSILON = 0.15  # by which the candidates kept may miss the best ones


def explain(batch: Batch) -> list[Attribution]:
    """An anchor of each item's explained class.

    Returns
    -------
    list of Attribution
        Weights are 1 for the units of the rule and 0 for the others. Diagnostics: `precision` as estimated and
        `precision_low`, its lower bound with probability 1 - delta; `coverage`; `samples`, the rows asked;
        `is_anchor`, 1 where the rule is as precise as asked for, else 0; `probability`, the predictor's at the item.
    """
    items = _Beam(batch).search() if batch.requests else []
    return [_attribution(item, p) for item, p in zip(items, _probabilities(batch), strict=True)]


def _probabilities(batch: Batch) -> FloatArray:
    found = np.empty(len(batch.requests))
    for group in encode(batch.predictor, batch.inputs):
        shares = mapped(group.rows, lambda rows: batch.predictor.logits(rows).double().softmax(1)).cpu().numpy()
        found[list(group.places)] = shares[np.arange(len(shares)), [batch.classes[place] for place in group.places]]
    return found


@dataclass(frozen=True)
class _Rule:
    """A rule that was looked at closely."""

    held: BoolArray  # (n_units,)
    precision: float
    low: float
    coverage: float
    is_anchor: bool


@dataclass
class _Item:
    """How far the search is for one item: the candidates of this size, and the best rule so far."""

    place: int
    held: BoolArray  # (n_candidates, n_units)
    covered: FloatArray  # (n_candidates,)
    n_rows: int = 0
    best: _Rule | None = None

    def longer(self, kept: IntArray) -> BoolArray:
        """The kept candidates with each further unit; no rule twice; shape (n_candidates, n_units)."""
        n_units = self.held.shape[1]
        grown = (self.held[kept[kept >= 0], None] | np.eye(n_units, dtype=np.bool_)).reshape(-1, n_units)
        size = self.held[0].sum() + 1
        grown = grown[grown.sum(axis=1) == size]
        _, first = np.unique(np.packbits(grown, axis=1), axis=0, return_index=True)
        return np.asarray(grown[np.sort(first)], dtype=np.bool_)

    def meet(self, rule: _Rule) -> None:
        """Keep the better: an anchor by its coverage, any other rule by its lower bound; of equals the earlier."""
        ours = self.best
        if ours is None or (rule.is_anchor, rule.coverage if rule.is_anchor else rule.low) > (
            ours.is_anchor,
            ours.coverage if ours.is_anchor else ours.low,
        ):
            self.best = rule


def _attribution(item: _Item, probability: float) -> Attribution:
    rule = item.best
    assert rule is not None  # the rule without a unit at least
    diagnostics = {
        "precision": rule.precision,
        "precision_low": rule.low,
        "coverage": rule.coverage,
        "samples": float(item.n_rows),
        "is_anchor": float(rule.is_anchor),
        "probability": float(probability),
    }
    # A predictor whose answer is no number keeps to it whatever it is asked: that is no rule.
    weights = np.where(np.isfinite(probability), rule.held, np.nan)
    return Attribution(weights, diagnostics, precision=rule.precision)


class _Beam:
    """The search for all items of a batch."""

    def __init__(self, batch: Batch) -> None:
        self._params = batch.params
        self._conditions = conditions(batch)
        self._background = batch.predictor.background
        self._rngs = [generator(request.seed, _DRAWS) for request in batch.requests]
        n_items = range(len(batch.requests))
        self._held_by = [self._conditions.held_by(place) for place in n_items]
        self._items = [_Item(n, np.zeros((1, len(self._held_by[n])), np.bool_), np.ones(1)) for n in n_items]

    def search(self) -> list[_Item]:
        """Every item with its best rule."""
        longest, open_ = int(self._params["max_conditions"]), self._items
        for size in range(longest + 1):
            budget = int(self._params["max_rows"]) * (size + 1) / (longest + 1)  # something is left for longer rules
            kept = self._best_of_size(open_, budget)
            open_ = [item for item, own in zip(open_, kept, strict=True) if self._lengthen(item, own)]
            if not open_:
                break
        return self._items

    def _best_of_size(self, items: Sequence[_Item], budget: float) -> IntArray:
        """The most precise candidates of each item, after a close look at them."""

        def draw(arms: Mapping[int, IntArray], n_draws: int) -> Mapping[int, IntArray]:
            asked = {items[row].place: items[row].held[own] for row, own in arms.items()}
            kept = self._conditions.kept(asked, n_draws, self._rngs)
            for row, own in arms.items():
                items[row].n_rows += len(own) * n_draws
            return {row: kept[items[row].place] for row in arms}

        arms = Arms([len(item.held) for item in items], draw, [budget - item.n_rows for item in items])
        arms.draw_all(FIRST_DRAWS)
        width, delta = int(self._params["beam_size"]), float(self._params["delta"])
        kept = arms.best(width, EPSILON, delta)
        n_units = np.array([item.held.shape[1] for item in items])
        n_looks = np.where(n_units > 0, 1 + (width - 1) * n_units, 1)  # all that the search can take a close look at
        low = arms.decide(kept, float(self._params["precision"]), np.log(n_looks / delta))
        for row, item in enumerate(items):
            self._look(item, kept[row], arms.shares[row], low[row])
        return kept

    def _look(self, item: _Item, kept: IntArray, shares: FloatArray, low: FloatArray) -> None:
        wanted = float(self._params["precision"])
        for candidate, bound in zip(kept[kept >= 0], low, strict=False):
            precision = float(shares[candidate])
            is_anchor = precision >= wanted and bound >= wanted - MARGIN
            rule = _Rule(item.held[candidate], precision, float(bound), float(item.covered[candidate]), bool(is_anchor))
            item.meet(rule)

    def _lengthen(self, item: _Item, kept: IntArray) -> bool:
        """Go on to candidates that are one unit longer and could cover more than the anchor known; False at the end."""
        held = item.longer(kept)
        covered = coverage(self._background, self._held_by[item.place], held)
        assert item.best is not None
        useful = covered > (item.best.coverage if item.best.is_anchor else -1.0)
        item.held, item.covered = held[useful], covered[useful]
        return bool(useful.any())

"""Does the effect differ between items? One model a primary contrast, of the answers after learning.

Each model has the answers of its two arms to the items of POST, crossed people and items, and a slope of the arm over
the items. Answers of PRE are left out on purpose: items change from PRE to POST in every arm, some more than others
(people learn them), and a slope of `post:arm` would take that for variation of the effect. Among the answers of POST it
is part of how easy an item is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from analysis.errors import AnalysisError
from analysis.estimation import Estimation, planned_comparisons
from analysis.inference.mixed.effect import Effect
from analysis.inference.mixed.fit import ON_THE_BOUNDARY, BinomialModel
from analysis.inference.mixed.heterogeneity import BoundaryTest, ItemHeterogeneity, item_heterogeneity
from analysis.numbers import amount
from analysis.table import MISSING, ResponseTable, numbered
from analysis.types import BoolArray, Contrast, FloatArray, IntArray, Interval

UNIT: Final = "log odds"
SLOPE: Final = "arm"
LEAST_ITEMS: Final = 3
LEAST_PEOPLE: Final = 2
ROUNDING: Final = 1e-6  # of a likelihood ratio


@dataclass(frozen=True)
class OneItem:
    """The effect for one item, in log odds, drawn towards the average by as much as its answers are few.

    Parameters
    ----------
    item : str
    value : float
    interval : Interval or None
    n_answers : int
        In the explained arm.
    """

    item: str
    value: float
    interval: Interval | None
    n_answers: int


@dataclass(frozen=True)
class ItemVariation:
    """How one primary contrast varies over the items of POST, in log odds of a right answer.

    Parameters
    ----------
    contrast : Contrast
    test : BoundaryTest or None
        That it does not vary. None, as all that follows, where the model could not be fitted.
    deviation : float or None
        Standard deviation over items; 0 at the boundary.
    average : Effect or None
        For the average item and one person.
    new_item : Interval or None
        Where the effect for an item that was not asked is to be expected.
    items : tuple of OneItem
        From the smallest effect to the largest.
    words : str
        The same in a sentence, or why there is nothing.
    """

    contrast: Contrast
    test: BoundaryTest | None
    deviation: float | None
    average: Effect | None
    new_item: Interval | None
    items: tuple[OneItem, ...]
    words: str


def vary_over_items(work: Estimation, table: ResponseTable, positions: IntArray) -> tuple[ItemVariation, ...]:
    """Say of each primary contrast how it varies over items.

    Parameters
    ----------
    work : Estimation
    table : ResponseTable
        The rows of the stages analysed.
    positions : int array, shape (n_rows,)
        Whose a row is, -1 for nobody's.

    Returns
    -------
    tuple of ItemVariation
        In the order of the primary contrasts.
    """
    primary = [comparison for comparison in planned_comparisons(work.design) if comparison.family == "primary"]
    asked = table.is_simulation & (table.correct != MISSING) & (table.phase == work.design.plan.post) & (positions >= 0)
    names, item = numbered(table.item[asked])
    # Sums depend on the order of what is added, and must not on that of the rows.
    order = np.lexsort((item, positions[asked]))
    person = positions[asked][order]
    answers = _Answers(
        correct=(table.correct[asked] == 1).astype(np.float64)[order],
        person=person,
        item=item[order],
        arm=work.allocation.arm[person],
        names=tuple(names),
    )
    return tuple(
        _of_contrast(answers.of(pair), one.contrast, pair, work.level)
        for one, pair in zip(primary, work.pairs(primary), strict=True)
    )


def item_table(found: Sequence[ItemVariation]) -> list[tuple[str, list[OneItem | None]]]:
    """Return the items, in the order of the first contrast's effects, with their effects in every contrast fitted.

    Parameters
    ----------
    found : sequence of ItemVariation

    Returns
    -------
    list of (str, list of OneItem or None)
        An item, and a cell for each contrast that has any; None where the item was not asked in both arms.
    """
    fitted = [{one.item: one for one in variation.items} for variation in found if variation.items]
    names = dict.fromkeys(item for effects in fitted for item in effects)
    return [(item, [effects.get(item) for effects in fitted]) for item in names]


@dataclass(frozen=True)
class _Answers:
    """Answers of POST; the arrays have shape (n,), an answer each."""

    correct: FloatArray
    person: IntArray
    item: IntArray
    arm: IntArray
    names: tuple[str, ...]

    def of(self, pair: tuple[int, int]) -> "_Answers":
        """Return the answers of two arms to the items that were answered in both."""
        first, second = (np.unique(self.item[self.arm == k]) for k in pair)
        return self._only(np.isin(self.arm, pair) & np.isin(self.item, np.intersect1d(first, second)))

    def _only(self, keep: BoolArray) -> "_Answers":
        return _Answers(self.correct[keep], self.person[keep], self.item[keep], self.arm[keep], self.names)

    def model(self, explained: int) -> BinomialModel:
        is_explained = (self.arm == explained).astype(np.float64)
        return BinomialModel(
            correct=self.correct,
            fixed=np.stack([np.ones(len(is_explained)), is_explained], axis=1),
            names=("intercept", SLOPE),
            participants=self.person,
            items=self.item,
        )


def _of_contrast(answers: _Answers, contrast: Contrast, pair: tuple[int, int], level: float) -> ItemVariation:
    lacking = next(_lacking(answers, pair), None)
    if lacking is not None:
        return _nothing(contrast, lacking)
    try:
        found = item_heterogeneity(answers.model(pair[0]), SLOPE, level=level)
    except AnalysisError as error:
        return _nothing(contrast, f"The model of the answers could not be fitted: {' '.join(str(error).split())}.")
    if found.fit.certificate.is_separated:
        return _nothing(contrast, "Some answers are told apart perfectly, so the model of them has no maximum.")
    if not found.fit.certificate.is_maximum:
        return _nothing(contrast, "The model of the answers was not brought to its maximum.")
    found = _settled(found)
    return ItemVariation(
        contrast=contrast,
        test=found.test,
        deviation=found.deviation,
        average=found.average,
        new_item=found.new_item,
        items=_named(found, answers.names),
        words=_words(found),
    )


def _settled(found: ItemHeterogeneity) -> ItemHeterogeneity:
    """Return what a fit at the boundary stands for: no variation, and the average effect for every item.

    What is left of a variance there, and which item comes first, is rounding, which differs between machines.
    """
    if found.deviation >= ON_THE_BOUNDARY and found.test.statistic >= ROUNDING:
        return found
    average = found.average
    assert average.estimate is not None  # of a maximum there is one
    items = tuple(
        replace(one, estimate=average.estimate, standard_error=average.standard_error, interval=average.interval)
        for one in found.items
    )
    test = replace(found.test, statistic=0.0, p_value=0.5)
    return replace(found, deviation=0.0, test=test, items=items)


def _named(found: ItemHeterogeneity, names: tuple[str, ...]) -> tuple[OneItem, ...]:
    """Return the items by name; effects as good as equal come in the order of their names."""
    items = [OneItem(names[one.item], one.estimate, one.interval, one.n_trials) for one in found.items]
    return tuple(sorted(items, key=lambda one: (round(one.value, 6), one.item)))


def _nothing(contrast: Contrast, words: str) -> ItemVariation:
    return ItemVariation(contrast, None, None, None, None, (), words)


def _lacking(answers: _Answers, pair: tuple[int, int]) -> Iterator[str]:
    """Say what there is too little of for a model."""
    if min(len(np.unique(answers.person[answers.arm == k])) for k in pair) < LEAST_PEOPLE:
        yield "An arm has too few people with answers to the items asked in both."
    if len(np.unique(answers.item)) < LEAST_ITEMS:
        yield f"Fewer than {LEAST_ITEMS} items were answered in both arms."
    if len(np.unique(answers.correct)) < 2:
        yield "All answers are right, or all are wrong: nothing varies."


def _words(found: ItemHeterogeneity) -> str:
    if not found.deviation:
        return "No variation over items is seen beyond chance: every item is given the average effect."
    ends = [one.estimate for one in (found.items[0], found.items[-1])]
    return (
        f"Around the average of {_signed(found.average.estimate or 0.0)} log odds the items' effects have a standard "
        f"deviation of {found.deviation:.2f}; those of the items asked go from {_signed(ends[0])} to "
        f"{_signed(ends[1])}."
    )


def _signed(value: float) -> str:
    return amount(value, UNIT, 2)

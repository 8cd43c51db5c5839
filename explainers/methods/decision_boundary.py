"""Decision-boundary example: change one part after the other until the predictor's output changes.

After Hase & Bansal (2020, arXiv 2005.01831, section 4) and Joshi et al. (2018), who show the way from an item to an
example beyond the boundary step by step, with the margin of the output at each. They draw changed items at random and
keep one with the fewest edits. Here the way is greedy and draws nothing: of all changes of one more part
(`explainers.methods.changes`) it takes the one that leaves the smallest margin; as soon as some lead to another output,
the one of these that stays nearest to the boundary, or the furthest if asked so. Where one change is enough, one change
is shown; where several are needed, a shorter way than the greedy one may exist. A part is changed once. The way ends
without a crossing when no change makes the margin smaller, or at the most changes allowed.

The margin is shown at the item too, as in the paper, so it tells the item's output wherever its sides are named by the
classes. A page may do that only where the study itself has given the output; elsewhere the sides are "for" and "against
the model's answer", and then every strip looks alike: it starts for and ends against. Where a change is asked about, a
strip could hold that very change, and must not be shown.

All items of a batch take their steps together, so that a step is one question to the predictor for each shape of item.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from explainers.methods.base import Attribution, Batch, FloatArray, generator
from explainers.methods.changes import Change, Changes, Point, changes
from explainers.methods.margins import margins
from explainers.predictors.base import Predictor
from explainers.types import ItemRequest, Step

_RANDOM = 9  # stream of an item's generator

Chooser: TypeAlias = Callable[[Point, Sequence[Change]], Change]


@dataclass(frozen=True)
class Way:
    """The points from an item on and the changes between them; margins at each point; how many rows were asked."""

    points: tuple[Point, ...]
    taken: tuple[Change, ...]
    margins: tuple[float, ...]
    n_rows: int

    @property
    def crosses(self) -> bool:
        return self.margins[-1] < 0

    def longer(self, point: Point, change: Change, margin: float) -> Way:
        return Way((*self.points, point), (*self.taken, change), (*self.margins, margin), self.n_rows)


def explain(batch: Batch) -> list[Attribution]:
    """The way of each item from its explained class to another.

    Returns
    -------
    list of Attribution
        Weights are the margins of the steps, the item's own first: the logit of the explained class less the largest
        of the others. Diagnostics: `changes`, how many there are; `crosses`, 1 where the output is another in the end,
        else 0; `samples`, the rows asked.
    """
    known = changes(batch)
    return [_attribution(known, place, way, way.margins) for place, way in enumerate(ways(known))]


def ways(known: Changes) -> list[Way]:
    """The greedy way of each item of the batch."""
    batch = known.batch
    places = range(len(batch.requests))
    own = margins(batch.predictor, batch.classes, {place: known.start(place).row[None] for place in places})
    found = [Way((known.start(place),), (), (float(own[place][0]),), 1) for place in places]
    open_, nearest = list(places), batch.params["crossing"] == "nearest"
    for _ in range(int(batch.params["max_changes"])):
        possible = {place: known.possible(found[place].points[-1]) for place in open_ if not found[place].crosses}
        asked = {place: known.rows(found[place].points[-1], some) for place, some in possible.items() if some}
        answers = margins(batch.predictor, batch.classes, asked)
        open_ = [place for place in asked if answers[place].min() < found[place].margins[-1]]
        for place in asked:
            found[place] = replace(found[place], n_rows=found[place].n_rows + len(asked[place]))
        for place in open_:
            way, best = found[place], _best(answers[place], nearest)
            change = possible[place][best]
            found[place] = way.longer(known.after(way.points[-1], change), change, float(answers[place][best]))
    return found


def _best(answers: FloatArray, nearest: bool) -> int:
    """The change with the smallest margin or, of those beyond the boundary, the one nearest to it if that is wanted."""
    beyond = answers < 0
    return int(np.where(beyond, answers, -np.inf).argmax() if nearest and beyond.any() else answers.argmin())


def _attribution(known: Changes, place: int, way: Way, shown: Sequence[float]) -> Attribution:
    steps = [Step(known.batch.requests[place].input, None, 0.0)]
    for point, change, before in zip(way.points[1:], way.taken, way.points[:-1], strict=True):
        steps.append(Step(known.input(place, point), known.words(place, change, before), 0.0))
    weights = np.array(shown, dtype=np.float64)
    diagnostics = {
        "changes": float(len(way.taken)),
        "crosses": float(bool((weights < 0).any())),
        "samples": float(way.n_rows),
    }
    return Attribution(weights, diagnostics, steps=tuple(steps))


# --- placebos --------------------------------------------------------------------------------------------------------


def of_another_predictor(batch: Batch, wrong: Predictor) -> list[Attribution]:
    """The placebo: as many changes as the real way has, of the same kinds, chosen by another predictor; real margins.

    The real changes are none of them where there are others.
    """
    known = changes(batch)
    found = []
    for place, real in enumerate(ways(known)):
        choose = _by(wrong, batch.classes[place], known, real)
        found.append(_along(known, place, real, [choose] * len(real.taken)))
    return found


def _by(wrong: Predictor, class_index: int, known: Changes, real: Way) -> Chooser:
    def choose(point: Point, possible: Sequence[Change]) -> Change:
        fresh = _like_none_of(real, point, possible)
        answers = margins(wrong, [class_index], {0: known.rows(point, fresh)})[0]
        return fresh[int(answers.argmin())]

    return choose


def _like_none_of(real: Way, point: Point, possible: Sequence[Change]) -> Sequence[Change]:
    """The changes of the kind that the real way takes here, without its own where there are others."""
    seen = {(change.unit, change.new) for change in real.taken}
    is_left_out = real.taken[len(point.changed)].new is None
    alike = [change for change in possible if (change.new is None) == is_left_out] or possible
    return [change for change in alike if (change.unit, change.new) not in seen] or alike


def at_random(batch: Batch) -> list[Attribution]:
    """The placebo: as many changes as the real way has, of the same kinds, drawn by the item's seed; real margins."""
    known = changes(batch)
    found = []
    for place, real in enumerate(ways(known)):
        choose = _drawing(generator(batch.requests[place].seed, _RANDOM), real)
        found.append(_along(known, place, real, [choose] * len(real.taken)))
    return found


def _drawing(rng: np.random.Generator, real: Way) -> Chooser:
    def choose(point: Point, possible: Sequence[Change]) -> Change:
        fresh = _like_none_of(real, point, possible)
        return fresh[int(rng.integers(len(fresh)))]

    return choose


def of_other_items(batch: Batch, donors: tuple[ItemRequest, ...]) -> list[Attribution]:
    """The placebo: the donors' ways on the items: changes of the same parts, as alike as the item allows.

    A variable takes the donor's new value or, where that is the item's own, the donor's old one. A word is changed at
    the donor's relative position. The margins are the donor's.
    """
    known, of_donors = changes(batch), changes(replace(batch, requests=donors))
    found = []
    for place, theirs in enumerate(ways(of_donors)):
        n_own, n_theirs = len(known.start(place).parts), len(theirs.points[0].parts)
        scale = n_own / n_theirs
        choosers = [
            _like(change, theirs.points[0].parts[change.unit], int((change.unit + 0.5) * scale))
            for change in theirs.taken
        ]
        found.append(_along(known, place, theirs, choosers))
    return found


def _like(theirs: Change, old: str | None, unit: int) -> Chooser:
    def choose(_: Point, possible: Sequence[Change]) -> Change:
        def unlikeness(change: Change) -> tuple[bool, int, bool, bool]:
            other_kind = (change.new is None) != (theirs.new is None)
            return other_kind, abs(change.unit - unit), change.new != theirs.new, change.new != old

        return min(possible, key=unlikeness)

    return choose


def _along(known: Changes, place: int, model: Way, choosers: Sequence[Chooser]) -> Attribution:
    """A way of other changes with the model's margins; shorter where no part is left to be changed."""
    start = known.start(place)
    way = Way((start,), (), model.margins[:1], 0)
    for step, choose in enumerate(choosers, start=1):
        possible = known.possible(way.points[-1])
        if not possible:
            break
        change = choose(way.points[-1], possible)
        way = way.longer(known.after(way.points[-1], change), change, model.margins[step])
    n_shown = len(way.taken)
    shown = (*model.margins[:n_shown], model.margins[-1]) if n_shown else model.margins[:1]
    return _attribution(known, place, way, shown)

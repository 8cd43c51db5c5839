"""Drawing a study's items so that neither the truth nor 'nothing changes' is a winning guess.

As in Hase & Bansal (2020): every cell label x output holds the same number of items, and where items come with a
perturbation half of those in each cell flip the output. The draw is exact or refused, never 'about balanced'.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from studyapp.design.prng import KeyedStream, stream
from studyapp.design.schema import Design, ItemSet
from studyapp.errors import DesignRefused, Problem


@dataclass(frozen=True)
class PoolPerturbation:
    """A perturbation of a pool item and the output on which every predictor of the design agrees."""

    key: str
    output: int


@dataclass(frozen=True)
class PoolItem:
    """A candidate item: only those on which all the design's predictors give the same output are in a pool."""

    key: str
    label: int
    output: int
    perturbations: tuple[PoolPerturbation, ...] = ()

    @property
    def cell(self) -> tuple[int, int]:
        return (self.label, self.output)

    def perturbation(self, *, flips: bool) -> PoolPerturbation | None:
        """The first perturbation that flips the output, or the first that does not."""
        return next((p for p in self.perturbations if (p.output != self.output) == flips), None)


@dataclass(frozen=True)
class DrawnItem:
    """An item of an item set, with its perturbation where the set has them."""

    key: str
    perturbation: str | None = None


DrawnItems = Mapping[str, tuple[DrawnItem, ...]]


def draw_items(design: Design, pool: Iterable[PoolItem], n_classes: int) -> DrawnItems:
    """Draw every item set of the design, disjoint and balanced; raises DesignRefused saying which cell is short."""
    cells: dict[tuple[int, int], list[PoolItem]] = defaultdict(list)
    for item in sorted(pool, key=lambda item: item.key):
        cells[item.cell].append(item)
    drawn: dict[str, tuple[DrawnItem, ...]] = {}
    problems: list[Problem] = []
    # Perturbed sets first: fewer items qualify for them.
    for position, item_set in sorted(enumerate(design.item_sets), key=lambda pair: not pair[1].perturbed):
        path = f"item_sets[{position}].n_items"
        problems += shape_problems(item_set, n_classes, path)
        if not problems:
            draw = stream(design.seed, f"items/{item_set.key}")
            chosen, short = _draw_set(item_set, cells, n_classes, draw)
            problems += [Problem(path, message) for message in short]
            # Shuffled, so that neither a place in the set nor a key made from it tells the cell.
            drawn[item_set.key] = tuple(draw.shuffled(chosen))
    if problems:
        raise DesignRefused(problems)
    return drawn


def shape_problems(item_set: ItemSet, n_classes: int, path: str) -> list[Problem]:
    """What is wrong with the number of items of a set, whatever the pool holds."""
    n_cells = n_classes * n_classes
    if item_set.n_items % n_cells:
        lower = item_set.n_items - item_set.n_items % n_cells
        return [
            Problem(
                path,
                f"{item_set.n_items} items cannot be balanced over {n_cells} cells of label x output; "
                f"take {lower or n_cells} or {lower + n_cells}",
            )
        ]
    return []


def _draw_set(
    item_set: ItemSet, cells: dict[tuple[int, int], list[PoolItem]], n_classes: int, draw: KeyedStream
) -> tuple[list[DrawnItem], list[str]]:
    per_cell = item_set.n_items // (n_classes * n_classes)
    chosen: list[DrawnItem] = []
    short: list[str] = []
    for label in range(n_classes):
        for output in range(n_classes):
            wishes = _wishes(item_set, per_cell, label, draw)
            taken = _take(cells[label, output], wishes, draw)
            if len(taken) < per_cell:
                kind = "perturbed items" if item_set.perturbed else "items"
                short.append(
                    f"{per_cell} {kind} needed with label {label} and output {output}, {len(taken)} found; "
                    "ask for fewer items or other predictors"
                )
            chosen += taken
    return chosen, short


def _wishes(item_set: ItemSet, per_cell: int, label: int, draw: KeyedStream) -> list[bool | None]:
    """For each place of a cell: a flip, no flip, or any item (None). Odd cells round by label, so halves stay even."""
    if not item_set.perturbed:
        return [None] * per_cell
    flips = per_cell // 2 + (per_cell % 2 and label % 2)
    return draw.shuffled([True] * flips + [False] * (per_cell - flips))


def _take(cell: list[PoolItem], wishes: Sequence[bool | None], draw: KeyedStream) -> list[DrawnItem]:
    candidates = draw.shuffled(cell)
    taken: list[DrawnItem] = []
    for wish in wishes:
        for item in candidates:
            perturbation = None if wish is None else item.perturbation(flips=wish)
            if wish is None or perturbation is not None:
                taken.append(DrawnItem(item.key, perturbation.key if perturbation else None))
                candidates.remove(item)
                cell.remove(item)
                break
    return taken


def cell_counts(pool: Iterable[PoolItem]) -> Counter[tuple[int, int]]:
    """How many candidates each cell (label, output) holds."""
    return Counter(item.cell for item in pool)

"""Units of a text predictor described by logical formulas of concepts (Mu & Andreas 2020, arXiv 2006.14032).

What counts is at which words a unit is active, as their vision part counts pixels (section 3): at the share of words
where it is strongest, 0.005 as there, and never where it is not above 0, the bound of their units with a rectifier.
Concepts need no annotation (see `explainers.methods.text_concepts`). Formulas are searched in three quarters of the
training texts; how well they fit the words of the others is told beside it, since the best of thousands of formulas
fits by chance too.

A text is explained by the units that its logits lose most without, each taken out of every word, of those whose formula
holds somewhere in the text; others fill up, if these are too few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from explainers.background import Background
from explainers.errors import ExplainerError
from explainers.methods.base import Attribution, Batch, BoolArray, FloatArray, IntArray, generator
from explainers.methods.blocks import as_text, encode, own_classes
from explainers.methods.features import BLOCK_ROWS, Features, effects_on, known, values_at_words
from explainers.methods.formula_search import Formula, Scene, iou, search
from explainers.methods.text_concepts import Vocabulary, vocabulary
from explainers.predictors.base import Predictor
from explainers.predictors.text import PADDING
from explainers.types import Clause, FormulaCard, ItemRequest

HELD_OUT = 4  # one text in so many takes no part in the search
FEWEST_ACTIVE = 10  # words at which a unit must be active to be described: of fewer, any formula fits
_RANDOM = 11  # stream of an item's generator


@dataclass(frozen=True)
class Description:
    """A unit's formula and how well it fits: see `FormulaCard`."""

    formula: Formula
    iou: float
    held_out_iou: float | None


@dataclass(frozen=True)
class Book:
    """What is known of a predictor's units: the concepts, and the descriptions of those that have one."""

    features: Features
    vocabulary: Vocabulary
    units: dict[int, Description]

    def clauses(self, formula: Formula) -> tuple[Clause, ...]:
        named = [(joint, self.vocabulary.primitives[concept]) for joint, concept in formula]
        return tuple(Clause(joint, primitive.concept, primitive.words) for joint, primitive in named)


@dataclass(frozen=True)
class Reading:
    """One text: its words with their concepts, what each unit adds to the explained class, and the units shown."""

    scene: Scene
    effects: FloatArray
    shown: tuple[int, ...]

    @property
    def n_words(self) -> int:
        return int(self.scene.at_words.shape[0])

    @property
    def weights(self) -> FloatArray:
        return self.effects[list(self.shown)]


_Key: TypeAlias = tuple[str, int, int, float]
_BOOKS: WeakKeyDictionary[nn.Module, tuple[Background, dict[_Key, Book]]] = WeakKeyDictionary()


def explain(batch: Batch) -> list[Attribution]:
    """The units that move the answer to each text most, with their formulas.

    Returns
    -------
    list of Attribution
        Weights are what the explained class's centred logit loses without each unit. Diagnostics: `effect_share`, how
        much of all units' effects, by size, is that of those shown; `held_out_iou`, the mean of theirs, if any has one.

    Raises
    ------
    InputError
        When the predictor has no layer of SoLU units.
    MaterialError
        When what it was trained on is not known.
    ExplainerError
        When an effect is not finite.
    """
    book = book_of(batch)
    return [_attribution(book, one, [book.units[unit].formula for unit in one.shown]) for one in _readings(batch)]


def at_random(batch: Batch) -> list[Attribution]:
    """The placebo: formulas of other units, turned so that they hold at random words of the text.

    Anybody can see whether a formula holds, so one that does not would give the placebo away, where the real one does.
    Numbers are those of the real explanation, with signs in random order.
    """
    book, found = book_of(batch), []
    for place, one in enumerate(_readings(batch)):
        rng = generator(batch.requests[place].seed, _RANDOM)
        others = _other_units(book, one.shown, rng)
        words, draws = rng.integers(one.n_words, size=len(others)), rng.integers(2**31, size=len(others))
        turned = [
            turned_to(book, one.scene, formula, int(word), int(draw)) if told else formula
            for formula, word, draw, told in zip(others, words, draws, _told(book, one), strict=True)
        ]
        signs = rng.permutation(np.where(one.weights < 0, -1.0, 1.0))
        found.append(replace(_attribution(book, one, turned), weights=np.abs(one.weights) * signs))
    return found


def of_other_items(batch: Batch, donors: tuple[ItemRequest, ...]) -> list[Attribution]:
    """The placebo: the donors' explanations, their formulas turned so that they hold at as early or late a word."""
    book, found = book_of(batch), []
    pairs = zip(_readings(batch), _readings(replace(batch, requests=donors)), strict=True)
    for one, other in pairs:
        turned = []
        for formula in [book.units[unit].formula for unit in other.shown]:
            theirs = np.flatnonzero(other.scene.holds(formula)).tolist()
            here = [(2 * place + 1) * one.n_words // (2 * other.n_words) for place in theirs[:1]]
            turned.append(turned_to(book, one.scene, formula, here[0], theirs[0]) if here else formula)
        found.append(_attribution(book, replace(other, scene=one.scene), turned))
    return found


def book_of(batch: Batch) -> Book:
    """The formulas of a predictor's units; searched when first asked for, then kept."""
    predictor, params = batch.predictor, batch.params
    key = (
        str(params["source"]),
        int(params["formula_length"]),
        int(params["formula_beam"]),
        float(params["active_share"]),
    )
    background, books = _BOOKS.get(predictor.module, (None, {}))
    if background is not predictor.background:
        books = {}
        _BOOKS[predictor.module] = (predictor.background, books)
    if key not in books:
        books[key] = _written(predictor, *key)
    return books[key]


# --- the book --------------------------------------------------------------------------------------------------------


def _written(predictor: Predictor, source: str, longest: int, beam: int, share: float) -> Book:
    features, texts = known(predictor, source).features, predictor.background.inputs
    rows = predictor.background.rows.numpy()
    answers = np.array(own_classes(predictor, texts), dtype=np.int64)
    searched = np.arange(len(texts)) % HELD_OUT != HELD_OUT - 1
    concepts = vocabulary(as_text(predictor), rows[searched], answers[searched])
    scenes = [
        Scene(concepts.at_words([text for text, own in zip(texts, part, strict=True) if own], rows[part]))
        for part in (searched, ~searched)
    ]
    values = [_values(predictor, features, rows[part]) for part in (searched, ~searched)]
    units = {}
    for unit in range(values[0].shape[1]):
        active, held_out = active_at(values[0][:, unit], values[1][:, unit], share)
        found = search(scenes[0], active, longest=longest, beam=beam) if active.sum() >= FEWEST_ACTIVE else None
        if found is not None:
            there = iou(scenes[1].holds(found.formula), held_out)
            units[unit] = Description(found.formula, found.iou, there)
    return Book(features, concepts, units)


def _values(predictor: Predictor, features: Features, rows: IntArray) -> FloatArray:
    """Features at the words of texts, (n_words, n_features)."""
    blocks = torch.split(torch.from_numpy(rows).to(predictor.device), BLOCK_ROWS)
    parts = [values_at_words(predictor, features, block)[block != PADDING].cpu() for block in blocks if len(block)]
    return torch.cat([torch.empty(0, len(features.directions)), *parts]).numpy()


def active_at(values: FloatArray, others: FloatArray, share: float) -> tuple[BoolArray, BoolArray]:
    """Where a unit is active: at the share of `values` that are largest and above 0; by the same bound in `others`."""
    n_active = max(1, int(share * len(values)))
    bound = np.partition(values, -n_active)[-n_active] if len(values) else 0.0
    return (values >= bound) & (values > 0), (others >= bound) & (others > 0)


# --- a text ----------------------------------------------------------------------------------------------------------


def _readings(batch: Batch) -> list[Reading]:
    return [found for _, found in sorted(_read(batch), key=lambda pair: pair[0])]


def _read(batch: Batch) -> Iterator[tuple[int, Reading]]:
    book = book_of(batch)
    for group in encode(batch.predictor, batch.inputs):
        effects = effects_on(batch.predictor, book.features, group.rows).cpu().numpy()
        for place, row, own in zip(group.places, group.rows.cpu().numpy(), effects, strict=True):
            if not np.isfinite(own).all():
                raise ExplainerError(f"requests[{place}]: {batch.predictor.name} gave a number that is not finite")
            scene = Scene(book.vocabulary.at_words([batch.inputs[place]], row[None]))
            towards = own[:, batch.classes[place]]
            yield place, Reading(scene, towards, _shown(book, scene, towards, int(batch.params["n_cards"])))


def _shown(book: Book, scene: Scene, effects: FloatArray, n_cards: int) -> tuple[int, ...]:
    """The units with the largest effects: those that have any and whose formula holds in the text, then the others."""
    sizes = np.abs(effects)
    told = {unit for unit, own in book.units.items() if sizes[unit] > 0 and scene.holds(own.formula).any()}
    ranked = sorted(book.units, key=lambda unit: (unit not in told, -sizes[unit]))
    return tuple(sorted(ranked[:n_cards], key=lambda unit: -sizes[unit]))


def _attribution(book: Book, one: Reading, formulas: list[Formula]) -> Attribution:
    cards = []
    for unit, formula in zip(one.shown, formulas, strict=True):
        own, places = book.units[unit], np.flatnonzero(one.scene.holds(formula))
        clauses = book.clauses(formula)
        cards.append(
            FormulaCard(f"Pattern {unit + 1}", clauses, tuple(places.tolist()), 0.0, own.iou, own.held_out_iou)
        )
    return Attribution(one.weights, _diagnostics(book, one), formulas=tuple(cards))


def _diagnostics(book: Book, one: Reading) -> dict[str, float]:
    total, fits = np.abs(one.effects).sum(), [book.units[unit].held_out_iou for unit in one.shown]
    there = [fit for fit in fits if fit is not None]
    found = {"effect_share": float(np.abs(one.weights).sum() / total) if total != 0 else 0.0}
    return {**found, "held_out_iou": float(np.mean(there))} if there else found


# --- placebos --------------------------------------------------------------------------------------------------------


def _other_units(book: Book, shown: tuple[int, ...], rng: np.random.Generator) -> list[Formula]:
    """Formulas of units that are not shown, as long as those that are, as far as there are such; else of any."""
    left = [int(unit) for unit in rng.permutation([unit for unit in book.units if unit not in shown])]
    found = []
    for unit in shown:
        length = len(book.units[unit].formula)
        chosen = min(left, key=lambda other: abs(len(book.units[other].formula) - length), default=unit)
        left = [other for other in left if other != chosen]
        found.append(book.units[chosen].formula)
    return found


def _told(book: Book, one: Reading) -> list[bool]:
    """Whether the formula of each unit shown holds somewhere in the text."""
    return [bool(one.scene.holds(book.units[unit].formula).any()) for unit in one.shown]


def turned_to(book: Book, scene: Scene, formula: Formula, place: int, number: int) -> Formula:
    """A formula of the same shape that holds at a word of a text; the same, where no concept holds there.

    What keeps it from holding is exchanged for a concept of the same kind, or if there is none of another; `number`
    says for which, where there are several.
    """
    kinds = [primitive.concept for primitive in book.vocabulary.primitives]
    here = set(scene.at_words[place].indices.tolist())
    turned: Formula = ()
    for number, (joint, concept) in enumerate(formula):
        wanted = {True: here, False: set(range(len(kinds))) - here}[joint != "and_not"]
        used = {own for _, own in turned}
        free = sorted(other for other in wanted - used if kinds[other] == kinds[concept]) or sorted(wanted - used)
        decides = number == 0 or joint != "or"
        if decides and free and (concept not in wanted or concept in used):
            concept = free[number % len(free)]
        turned = (*turned, (joint, concept))
    return turned

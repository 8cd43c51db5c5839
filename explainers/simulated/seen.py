"""What an explanation shows, as numbers on the columns of `Columns`: what each form gives a learner, and what not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from explainers.errors import InputError
from explainers.methods.base import FloatArray
from explainers.simulated.columns import Columns
from explainers.types import (
    CaptionMatch,
    Composite,
    Concepts,
    Examples,
    FeatureCards,
    FeatureWeights,
    Form,
    FormName,
    Formulas,
    Heatmap,
    Input,
    Prototypes,
    Rule,
    Strip,
    TokenWeights,
)

# What a participant could take from a form and the learner does not.
NOT_USED: Mapping[FormName, str] = {
    "heatmap": "Weights of pixels are summed in cells of a 7 x 7 grid; weights on black cells say nothing to it.",
    "concepts": "A concept's part is spread over the bright cells of its pictures; concepts without pictures are lost.",
    "rule": "The rule's coverage is not used: it is no number about this item.",
    "strip": "How far a step is from the other output is not used: only on which side it is.",
    "prototypes": "How uncertain a similarity is, is not used: of several draws all count as the prototype.",
    "caption_match": "Only the picture's weights are used: the caption is the same for all items of an output.",
    "feature_cards": "Of a piece of text only the word at which the feature is active is used.",
    "formulas": "Of a formula the words that it names are used, and those of the text at which it holds.",
}


@dataclass(frozen=True)
class Statement:
    """Somewhere (float array, shape (size,), 0 to 1) with what it is said to add there to the explained class."""

    at: FloatArray
    adds: FloatArray


@dataclass(frozen=True)
class Shown:
    """Another item that is shown, with how much of each class it stands for (shape (n_classes,), sum 1)."""

    at: FloatArray
    classes: FloatArray
    weight: float


@dataclass(frozen=True)
class Seen:
    """One item's explanation in numbers.

    Parameters
    ----------
    statements : tuple of Statement
        Weights, in the method's units. The first is of the item itself, where there is one.
    shown : tuple of Shown
        Other items with their outputs.
    leaning : float array, shape (n_classes,), optional
        How like each class the item is said to be, sum 0.
    """

    statements: tuple[Statement, ...] = ()
    shown: tuple[Shown, ...] = ()
    leaning: FloatArray | None = field(default=None)


@dataclass(frozen=True)
class Reader:
    """Puts forms into numbers for items of one predictor."""

    columns: Columns
    n_classes: int

    def counted(self, item: Input) -> Seen:
        """What everybody sees without an explanation: that the item's parts came with its output, all alike."""
        at = self.columns.of([item])[0]
        return Seen((Statement(at, at),))

    def of(self, item: Input, form: Form, own: int) -> Seen:
        """An explanation of the item's output `own`.

        Raises
        ------
        InputError
            When the form is not known here.
        """
        match form:
            case Composite():
                return _together([self.of(item, part.form, own) for part in form.parts])
            case Examples():
                return Seen(shown=self._examples(form))
            case Strip():
                return Seen(shown=self._steps(form, own))
            case Prototypes():
                return Seen(shown=self._prototypes(form), leaning=self._leaning(form))
            case FeatureCards():
                return Seen(self._cards(item, form))
            case Formulas():
                return Seen(self._formulas(item, form))
            case _:
                return Seen((Statement(self.columns.of([item])[0], self._weights(item, form)),))

    def _weights(self, item: Input, form: Form) -> FloatArray:
        match form:
            case FeatureWeights():
                return self.columns.place(item, np.array([feature.weight for feature in form.features]))
            case TokenWeights():
                return self.columns.place(item, np.array(form.weights))
            case Heatmap():
                return self.columns.place(item, np.array(form.values))
            case CaptionMatch():
                return self.columns.place(item, np.array(form.picture.values))
            case Rule():
                asked = np.array([float(part.is_condition) for part in form.parts])
                return self.columns.place(item, form.precision * asked)
            case Concepts():
                return self._concepts(form)
            case _:
                raise InputError(f"explanation: a simulated subject cannot read the form {form.form}")

    def _concepts(self, form: Concepts) -> FloatArray:
        """What each concept adds, spread over where its pictures are bright."""
        found = np.zeros(self.columns.size)
        for concept in form.concepts:
            bright = self.columns.of(concept.prototypes).sum(0)
            if bright.any():
                found += concept.contribution * bright / bright.sum()
        return found

    def _cards(self, item: Input, form: FeatureCards) -> tuple[Statement, ...]:
        """Each card's effect at the item's word, and as much of it as the feature is active at words of other texts."""
        own = np.zeros(self.columns.size)
        others = []
        for card in form.cards:
            n_words = len(getattr(item, "tokens", ()))
            own += self.columns.place(item, card.effect * (np.arange(n_words) == card.place))
            for snippet in (*card.top, *card.spread):
                at = np.zeros(self.columns.size)
                at[self.columns.of_word(snippet.words[snippet.place])] = 1.0
                others.append(Statement(at, card.effect * snippet.activity * at))
        return (Statement(self.columns.of([item])[0], own), *others)

    def _formulas(self, item: Input, form: Formulas) -> tuple[Statement, ...]:
        """Each unit's effect shared by the item's words at which its formula holds, and at the words that it names."""
        own = np.zeros(self.columns.size)
        named = []
        n_words = len(getattr(item, "tokens", ()))
        for card in form.cards:
            at = np.isin(np.arange(n_words), card.places)
            own += self.columns.place(item, card.effect * at / max(1, len(card.places)))
            words = [word for clause in card.formula if clause.joint == "or" for word in clause.words]
            for word in words:
                column = np.zeros(self.columns.size)
                column[self.columns.of_word(word)] = 1.0
                named.append(Statement(column, card.effect * card.iou * column))
        return (Statement(self.columns.of([item])[0], own), *named)

    # --- other items -------------------------------------------------------------------------------------------

    def _examples(self, form: Examples) -> tuple[Shown, ...]:
        rows = self.columns.of([example.input for example in form.examples])
        classes = np.eye(self.n_classes)
        pairs = zip(rows, form.examples, strict=True)
        return tuple(Shown(row, classes[example.class_index], 1.0) for row, example in pairs)

    def _steps(self, form: Strip, own: int) -> tuple[Shown, ...]:
        """The item's class on its own side, any of the others beyond the boundary; not the item itself once more."""
        here = np.eye(self.n_classes)[own]
        beyond = (1 - here) / max(self.n_classes - 1, 1)
        rows = self.columns.of([step.input for step in form.steps])
        return tuple(
            Shown(row, here if step.margin >= 0 else beyond, 1.0)
            for place, (row, step) in enumerate(zip(rows, form.steps, strict=True))
            if place != form.own
        )

    def _prototypes(self, form: Prototypes) -> tuple[Shown, ...]:
        found = []
        for one in form.prototypes:
            rows = self.columns.of(one.pictures)
            classes = np.eye(self.n_classes)[one.class_index]
            found += [Shown(row, classes, one.similarity / len(rows)) for row in rows if one.similarity > 0]
        return tuple(found)

    def _leaning(self, form: Prototypes) -> FloatArray:
        found = np.zeros(self.n_classes)
        for one in form.prototypes:
            found[one.class_index] += one.similarity
        return np.asarray(found - found.mean(), dtype=np.float64)


def unused(form: Form) -> tuple[str, ...]:
    """Sentences that say what of a form the learner does not use."""
    names = [part.form.form for part in form.parts] if isinstance(form, Composite) else [form.form]
    return tuple(NOT_USED[name] for name in names if name in NOT_USED)


def _together(parts: Sequence[Seen]) -> Seen:
    """All that stands on a page; weights of every part by its largest for the item, for their units differ."""
    statements: list[Statement] = []
    for part in parts:
        sizes = [np.abs(one.adds).max() for one in part.statements[:1]]
        unit = float(sizes[0]) if sizes and sizes[0] > 0 else 1.0
        statements += [Statement(one.at, one.adds / unit) for one in part.statements]
    leanings = [part.leaning for part in parts if part.leaning is not None]
    shown = tuple(one for part in parts for one in part.shown)
    return Seen(tuple(statements), shown, sum(leanings[1:], leanings[0]) if leanings else None)

"""Forms that show something beside the item: other items, changes of it, and what the predictor has learned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from explainers.types.inputs import Input
from explainers.types.names import FormName


@dataclass(frozen=True)
class Example:
    """A training item and the class that the predictor gives it."""

    input: Input
    class_index: int


@dataclass(frozen=True)
class Examples:
    """Training items shown beside the item, the most alike first. The predictor's output for the item is not in it."""

    examples: tuple[Example, ...]
    form: FormName = field(default="examples", init=False)

    def to_json(self) -> dict[str, Any]:
        examples = [[example.input.to_json(), example.class_index] for example in self.examples]
        return {"form": self.form, "examples": examples}


@dataclass(frozen=True)
class Step:
    """An item on the way to another output.

    `change` is what differs from the step before, as in `Perturbed.changes`, with an empty new value where a word was
    left out; None where no part was changed by itself. `margin` is the logit of the explained class less the largest
    of the others: below 0 the output is another.
    """

    input: Input
    change: tuple[str, str, str] | None
    margin: float

    def to_json(self) -> list[Any]:
        return [self.input.to_json(), None if self.change is None else list(self.change), self.margin]


@dataclass(frozen=True)
class Strip:
    """Steps from an item to another output, or as far as there is a way. No class is named in it.

    `crosses` says whether the output is another at some step. `own` is the place of the step that is the item itself:
    the first, where parts of it are changed one after the other; the one in the middle of pictures that lead from less
    of the output to more.
    """

    steps: tuple[Step, ...]
    crosses: bool
    own: int = 0
    form: FormName = field(default="strip", init=False)

    def to_json(self) -> dict[str, Any]:
        steps = [step.to_json() for step in self.steps]
        return {"form": self.form, "steps": steps, "crosses": self.crosses, "own": self.own}


@dataclass(frozen=True)
class Prototype:
    """What a network has learned to compare items with: how it looks, the class it stands for, how like it an item is.

    `similarity` is 0 to 1. Where the network holds a prototype for uncertain, `pictures` shows draws of it and `low`
    and `high` bound the similarity; elsewhere there is one picture and both equal the similarity.
    """

    pictures: tuple[Input, ...]
    class_index: int
    similarity: float
    low: float
    high: float

    @property
    def is_uncertain(self) -> bool:
        return len(self.pictures) > 1 or self.low < self.high


@dataclass(frozen=True)
class Prototypes:
    """A prototype network's own explanation: what the item is like, the most alike first."""

    prototypes: tuple[Prototype, ...]
    form: FormName = field(default="prototypes", init=False)

    def to_json(self) -> dict[str, Any]:
        shown = [
            [[picture.to_json() for picture in p.pictures], p.class_index, p.similarity, p.low, p.high]
            for p in self.prototypes
        ]
        return {"form": self.form, "prototypes": shown}


@dataclass(frozen=True)
class Snippet:
    """A piece of a training text around the word at which a feature is active, and how active: a share of its most.

    A word "…" stands at an end where the text goes on.
    """

    words: tuple[str, ...]
    place: int
    activity: float

    def to_json(self) -> list[Any]:
        return [list(self.words), self.place, self.activity]


@dataclass(frozen=True)
class FeatureCard:
    """A feature inside of a text predictor that is active in the item.

    `place` is the item's word at which it is most active. `effect` is what the feature adds to the logit of the
    explained class, in texts that it is most active in. `top` are the pieces of training texts that make it most
    active, `spread` some over its whole range, from weak to strong.
    """

    name: str
    place: int
    effect: float
    top: tuple[Snippet, ...]
    spread: tuple[Snippet, ...]


@dataclass(frozen=True)
class FeatureCards:
    """Cards of features, the most active first."""

    cards: tuple[FeatureCard, ...]
    form: FormName = field(default="feature_cards", init=False)

    def to_json(self) -> dict[str, Any]:
        cards = [
            [card.name, card.place, card.effect, *([one.to_json() for one in side] for side in (card.top, card.spread))]
            for card in self.cards
        ]
        return {"form": self.form, "cards": cards}


Joint: TypeAlias = Literal["or", "and", "and_not"]
ConceptName: TypeAlias = Literal[
    "word", "one_of", "unknown", "first", "last", "behind_negation", "capital", "digit", "punctuation"
]


@dataclass(frozen=True)
class Clause:
    """A concept that holds at words of texts, and how it goes on from all clauses before it.

    `joint` of a formula's first clause is "or". `words` name what "word" and "one_of" are about: that word, and some
    words of a list.
    """

    joint: Joint
    concept: ConceptName
    words: tuple[str, ...] = ()

    def to_json(self) -> list[Any]:
        return [self.joint, self.concept, list(self.words)]


@dataclass(frozen=True)
class FormulaCard:
    """A unit inside of a text predictor, described by a formula of concepts, read from left to right.

    `places` are the item's words at which the formula holds. `effect` is what the unit adds to the logit of the
    explained class in this item. `iou` says how well the formula fits where the unit is active, 0 to 1: the
    intersection over the union of both, at the words that the formula was searched in; `held_out_iou` the same at
    words of other texts, None where neither is at any of them.
    """

    name: str
    formula: tuple[Clause, ...]
    places: tuple[int, ...]
    effect: float
    iou: float
    held_out_iou: float | None

    def to_json(self) -> list[Any]:
        formula = [clause.to_json() for clause in self.formula]
        return [self.name, formula, list(self.places), self.effect, self.iou, self.held_out_iou]


@dataclass(frozen=True)
class Formulas:
    """Units with their formulas, the one that adds or takes away most first."""

    cards: tuple[FormulaCard, ...]
    form: FormName = field(default="formulas", init=False)

    def to_json(self) -> dict[str, Any]:
        return {"form": self.form, "cards": [card.to_json() for card in self.cards]}

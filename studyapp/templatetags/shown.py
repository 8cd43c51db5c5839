"""What the templates of explanations are given: everything is said and measured, nothing is left to compute."""

from __future__ import annotations

from dataclasses import dataclass

from studyapp.templatetags.pictures import Side


@dataclass(frozen=True)
class Sides:
    """What left (a) and right (b) mean in this stimulus: a name for the head of a column, and words for a sentence."""

    a: str
    b: str
    a_words: str
    b_words: str
    positive: Side
    is_signed: bool

    def of(self, weight: float) -> Side:
        """The side a weight speaks for; b where it speaks for none."""
        if not self.is_signed or weight == 0:
            return "b"
        return "b" if (weight > 0) == (self.positive == "b") else "a"

    def words(self, weight: float) -> str:
        """The direction in words; nothing for a weight of 0."""
        if not self.is_signed or weight == 0:
            return ""
        return self.a_words if self.of(weight) == "a" else self.b_words


@dataclass(frozen=True)
class Bar:
    """A weight drawn: from `x`, `width` long, on a side, with its number and direction in words."""

    side: Side
    x: str
    width: str
    number: str
    words: str


@dataclass(frozen=True)
class Row:
    """A variable, a word or a concept with its bar."""

    name: str
    value: str
    bar: Bar
    pictures: tuple[str, ...] = ()
    new: str | None = None  # the value after the change that a task asks about


@dataclass(frozen=True)
class Asked:
    """A variable's value or a token; whether the rule asks for it, and the new one where a task changes it."""

    name: str
    value: str
    is_condition: bool
    new: str | None = None


@dataclass(frozen=True)
class Word:
    """A token with the side it speaks for and how strongly, from 0 (hardly) to LEVELS."""

    text: str
    side: Side
    level: int
    new: str | None = None


@dataclass(frozen=True)
class Difference:
    """A variable with the example's value, where the item has another."""

    name: str
    value: str
    here: str


@dataclass(frozen=True)
class Neighbour:
    """Another item with the model's answer to it: how a row differs from this one, a text, or a picture."""

    answer: str
    differences: tuple[Difference, ...] = ()
    text: str = ""
    picture: str = ""


@dataclass(frozen=True)
class StepShown:
    """A step of a strip: the part that changes in it or its picture, and how far the model leans then.

    `new` is empty where a word is left out.
    """

    bar: Bar
    name: str = ""
    old: str = ""
    new: str = ""
    picture: str = ""
    is_own: bool = False


@dataclass(frozen=True)
class Altered:
    """A word of a text after the steps; where `is_changed`, `new` stands in its place, nothing if that is empty."""

    text: str
    is_changed: bool = False
    new: str = ""


@dataclass(frozen=True)
class Compared:
    """A learned prototype: its pictures, the model's answer to it where that may be told, and how alike the item is."""

    pictures: tuple[str, ...]
    answer: str
    similarity: str
    width: str
    low: str = ""
    high: str = ""
    range: tuple[str, str] | None = None  # where the drawn range starts, and its width; None where it is nothing


@dataclass(frozen=True)
class Piece:
    """A piece of another text, cut at the word that is marked, with how active the feature is there."""

    before: str
    marked: str
    behind: str
    activity: str


@dataclass(frozen=True)
class Card:
    """A feature: its name, the text's own word where it is most active, its effect, and pieces of other texts."""

    name: str
    word: str
    bar: Bar
    top: tuple[Piece, ...]
    spread: tuple[Piece, ...]


@dataclass(frozen=True)
class Marked:
    """A word of the item's text, and whether it is marked."""

    text: str
    is_marked: bool


@dataclass(frozen=True)
class Described:
    """A unit: what describes it, the text with the words that does so marked, its effect, and how well it fits.

    `elsewhere` is how well it fits in texts that the description was not made from; empty where that is not known.
    """

    sentence: str
    words: tuple[Marked, ...]
    bar: Bar
    fit: str
    elsewhere: str

    @property
    def holds(self) -> bool:
        """Whether the description fits a word of the text."""
        return any(word.is_marked for word in self.words)


@dataclass(frozen=True)
class Shown:
    """An explanation ready for the template of its form."""

    template: str
    sides: Sides
    rows: tuple[Row | Asked, ...] = ()
    words: tuple[Word, ...] = ()
    picture: str = ""
    overlay: str = ""
    scale: str = ""  # the colours of an overlay, from one side's strongest to the other's
    strongest: str = ""  # the weight at the scale's ends
    holds_input: bool = False  # the explanation has the input's own parts, so it stands in the input's place
    even: str = ""  # the even share in words, where the weights are shares of one whole
    even_at: str = ""  # where it is drawn in the bars
    is_nearly_even: bool = False
    has_conditions: bool = False
    neighbours: tuple[Neighbour, ...] = ()
    compared: tuple[Compared, ...] = ()
    is_uncertain: bool = False
    has_ranges: bool = False
    cards: tuple[Card, ...] = ()
    described: tuple[Described, ...] = ()
    precision: str = ""
    coverage: str = ""
    steps: tuple[StepShown, ...] = ()
    altered: tuple[Altered, ...] = ()
    crosses: bool = False
    is_pictures: bool = False
    parts: tuple[Shown, ...] = ()
    number: str = ""  # of a part; makes the names of its elements its own

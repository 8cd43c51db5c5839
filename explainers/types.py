"""What crosses the border of this package. No torch and no numpy, so that the web server can read it.

Every class is a frozen dataclass with `to_json` and `from_json`; `from_json(to_json(x)) == x` holds exactly
(floats are written with `repr` precision by the json module).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from explainers.errors import InputError

Modality: TypeAlias = Literal["tabular", "text", "image"]
FormName: TypeAlias = Literal[
    "feature_weights",
    "token_weights",
    "heatmap",
    "concepts",
    "rule",
    "examples",
    "strip",
    "prototypes",
    "feature_cards",
    "caption_match",
    "formulas",
    "composite",
]
Json: TypeAlias = Mapping[str, Any]


# --- inputs -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TabularInput:
    """One row as people see it: variable name to the name of its bin or category, in display order."""

    values: tuple[tuple[str, str], ...]
    modality: Modality = field(default="tabular", init=False)

    def to_json(self) -> dict[str, Any]:
        return {"modality": "tabular", "values": [list(pair) for pair in self.values]}


@dataclass(frozen=True)
class TextInput:
    """A sentence as its tokens, in order; joined by blanks it reads as the sentence."""

    tokens: tuple[str, ...]
    modality: Modality = field(default="text", init=False)

    def to_json(self) -> dict[str, Any]:
        return {"modality": "text", "tokens": list(self.tokens)}


@dataclass(frozen=True)
class ImageInput:
    """A picture: unsigned bytes in row-major order, `height * width * channels` of them (channels 1 or 3)."""

    height: int
    width: int
    channels: int
    pixels: bytes
    modality: Modality = field(default="image", init=False)

    def __post_init__(self) -> None:
        expected = self.height * self.width * self.channels
        if len(self.pixels) != expected:
            size = f"{self.height} x {self.width} x {self.channels}"
            raise InputError(f"pixels: {len(self.pixels)} bytes came, {size} needs {expected}")

    def to_json(self) -> dict[str, Any]:
        return {
            "modality": "image",
            "height": self.height,
            "width": self.width,
            "channels": self.channels,
            "pixels": base64.b64encode(self.pixels).decode("ascii"),
        }


Input: TypeAlias = TabularInput | TextInput | ImageInput


def input_from_json(data: Json) -> Input:
    """Read an input written by its `to_json`.

    Raises
    ------
    InputError
        When the modality is unknown or a key is missing.
    """
    try:
        match data["modality"]:
            case "tabular":
                return TabularInput(tuple((str(name), str(value)) for name, value in data["values"]))
            case "text":
                return TextInput(tuple(str(token) for token in data["tokens"]))
            case "image":
                pixels = base64.b64decode(data["pixels"])
                return ImageInput(int(data["height"]), int(data["width"]), int(data["channels"]), pixels)
            case other:
                raise InputError(f"modality: {other!r} is none of tabular, text, image")
    except KeyError as error:
        raise InputError(f"input: the key {error} is missing") from error


# --- what a predictor says ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Output:
    """A predictor's answer to one input: the index of the class and its probability (softmax, 0 to 1)."""

    class_index: int
    probability: float


@dataclass(frozen=True)
class Perturbed:
    """An input with a small change, and what each predictor says to it.

    `changes` lists what differs as people are shown it: (where, old, new); `where` is a variable's name, a
    token's index as text, or a region "rows a-b, columns c-d".
    """

    kind: str
    input: Input
    changes: tuple[tuple[str, str, str], ...]
    outputs: Mapping[str, Output]


@dataclass(frozen=True)
class Candidate:
    """A held-out item that a study may draw: input, true label (class index) and every predictor's output."""

    input: Input
    label: int
    outputs: Mapping[str, Output]
    perturbed: tuple[Perturbed, ...]


# --- explanations: their forms ------------------------------------------------------------------------------


@dataclass(frozen=True)
class FeatureWeight:
    """A variable, its displayed value and its weight towards the explained class (signed)."""

    name: str
    value: str
    weight: float


@dataclass(frozen=True)
class FeatureWeights:
    """Weights of tabular variables, in the input's order."""

    features: tuple[FeatureWeight, ...]
    form: FormName = field(default="feature_weights", init=False)

    def to_json(self) -> dict[str, Any]:
        return {"form": self.form, "features": [[f.name, f.value, f.weight] for f in self.features]}


@dataclass(frozen=True)
class TokenWeights:
    """Weights of tokens, one a token, in the text's order."""

    tokens: tuple[str, ...]
    weights: tuple[float, ...]
    form: FormName = field(default="token_weights", init=False)

    def to_json(self) -> dict[str, Any]:
        return {"form": self.form, "tokens": list(self.tokens), "weights": list(self.weights)}


@dataclass(frozen=True)
class Heatmap:
    """Weights of pixels in row-major order, `height * width` of them; signed where the method is."""

    height: int
    width: int
    values: tuple[float, ...]
    form: FormName = field(default="heatmap", init=False)

    def to_json(self) -> dict[str, Any]:
        return {"form": self.form, "height": self.height, "width": self.width, "values": list(self.values)}


@dataclass(frozen=True)
class Concept:
    """A SENN concept at one input: h_i, theta_i towards the explained class, and inputs that show it best."""

    name: str
    activation: float
    relevance: float
    prototypes: tuple[Input, ...] = ()

    @property
    def contribution(self) -> float:
        """theta_i * h_i: what the concept adds to the explained class's logit."""
        return self.relevance * self.activation


@dataclass(frozen=True)
class Concepts:
    """SENN's own explanation: concept relevances, with prototypes where the inputs are images."""

    concepts: tuple[Concept, ...]
    form: FormName = field(default="concepts", init=False)

    def to_json(self) -> dict[str, Any]:
        return {
            "form": self.form,
            "concepts": [
                [c.name, c.activation, c.relevance, [p.to_json() for p in c.prototypes]] for c in self.concepts
            ],
        }


@dataclass(frozen=True)
class RulePart:
    """A variable with its displayed value, or a token (with an empty name); whether the rule asks for it."""

    name: str
    value: str
    is_condition: bool


@dataclass(frozen=True)
class Rule:
    """When the conditions hold, the predictor's output is nearly always the explained class.

    `parts` are all the item's parts in its order. `precision` is how often the output stays when the other parts
    change, `coverage` the share of the training items for which the conditions hold; both 0 to 1. A rule without a
    condition says that the output stays whatever the parts are.
    """

    parts: tuple[RulePart, ...]
    precision: float
    coverage: float
    form: FormName = field(default="rule", init=False)

    @property
    def conditions(self) -> tuple[RulePart, ...]:
        return tuple(part for part in self.parts if part.is_condition)

    def to_json(self) -> dict[str, Any]:
        parts = [[part.name, part.value, part.is_condition] for part in self.parts]
        return {"form": self.form, "parts": parts, "precision": self.precision, "coverage": self.coverage}


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


@dataclass(frozen=True)
class CaptionMatch:
    """What makes a picture and a caption go together: weights of the picture's pixels and of the caption's words.

    The caption is of the explained class and names it, so a page shows it only where the output was given.
    """

    picture: Heatmap
    caption: TokenWeights
    form: FormName = field(default="caption_match", init=False)

    def to_json(self) -> dict[str, Any]:
        return {"form": self.form, "picture": self.picture.to_json(), "caption": self.caption.to_json()}


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


SingleForm: TypeAlias = (
    FeatureWeights
    | TokenWeights
    | Heatmap
    | Concepts
    | Rule
    | Examples
    | Strip
    | Prototypes
    | FeatureCards
    | CaptionMatch
    | Formulas
)


@dataclass(frozen=True)
class Part:
    """One of several explanations on a page. `is_signed`: its weights say for or against, not only how much."""

    form: SingleForm
    is_signed: bool


@dataclass(frozen=True)
class Composite:
    """Several explanations on one page, in the order of the page. No method is named."""

    parts: tuple[Part, ...]
    form: FormName = field(default="composite", init=False)

    def to_json(self) -> dict[str, Any]:
        return {"form": self.form, "parts": [[part.form.to_json(), part.is_signed] for part in self.parts]}


Form: TypeAlias = SingleForm | Composite


def form_from_json(data: Json) -> Form:
    """Read a form written by its `to_json`; raises InputError when the form is unknown or a key is missing."""
    try:
        return _composite(data) if data["form"] == "composite" else _single(data)
    except KeyError as error:
        raise InputError(f"explanation: the key {error} is missing") from error


def _composite(data: Json) -> Composite:
    return Composite(tuple(Part(_single(form), bool(signed)) for form, signed in data["parts"]))


def _single(data: Json) -> SingleForm:
    match data["form"]:
        case "feature_weights":
            return FeatureWeights(tuple(FeatureWeight(n, v, float(w)) for n, v, w in data["features"]))
        case "token_weights":
            return TokenWeights(tuple(data["tokens"]), tuple(float(w) for w in data["weights"]))
        case "heatmap":
            values = tuple(float(v) for v in data["values"])
            return Heatmap(int(data["height"]), int(data["width"]), values)
        case "concepts":
            return Concepts(
                tuple(
                    Concept(name, float(h), float(theta), tuple(input_from_json(p) for p in prototypes))
                    for name, h, theta, prototypes in data["concepts"]
                )
            )
        case _:
            return _shown(data)


def _shown(data: Json) -> SingleForm:
    match data["form"]:
        case "rule":
            parts = tuple(RulePart(str(name), str(value), bool(asked)) for name, value, asked in data["parts"])
            return Rule(parts, float(data["precision"]), float(data["coverage"]))
        case "examples":
            shown = tuple(Example(input_from_json(item), int(found)) for item, found in data["examples"])
            return Examples(shown)
        case "strip":
            steps = tuple(_step(*parts) for parts in data["steps"])
            return Strip(steps, bool(data["crosses"]), int(data["own"]))
        case "prototypes":
            return Prototypes(
                tuple(
                    Prototype(tuple(map(input_from_json, pictures)), int(found), float(s), float(low), float(high))
                    for pictures, found, s, low, high in data["prototypes"]
                )
            )
        case "feature_cards":
            cards = (
                FeatureCard(str(name), int(place), float(effect), _snippets(top), _snippets(spread))
                for name, place, effect, top, spread in data["cards"]
            )
            return FeatureCards(tuple(cards))
        case "caption_match":
            return _caption_match(_single(data["picture"]), _single(data["caption"]))
        case "formulas":
            return Formulas(tuple(_formula_card(*parts) for parts in data["cards"]))
        case other:
            raise InputError(f"form: {other!r} is none of {', '.join(get_args(FormName))}")


def _step(item: Json, change: Sequence[str] | None, margin: float) -> Step:
    where, old, new = change or ("", "", "")
    return Step(input_from_json(item), (str(where), str(old), str(new)) if change else None, float(margin))


def _snippets(data: Sequence[Any]) -> tuple[Snippet, ...]:
    return tuple(Snippet(tuple(map(str, words)), int(place), float(activity)) for words, place, activity in data)


def _formula_card(
    name: str,
    formula: Sequence[Any],
    places: Sequence[int],
    effect: float,
    iou: float,
    held_out_iou: float | None,
) -> FormulaCard:
    return FormulaCard(
        str(name),
        tuple(Clause(joint, concept, tuple(map(str, words))) for joint, concept, words in formula),
        tuple(map(int, places)),
        float(effect),
        float(iou),
        None if held_out_iou is None else float(held_out_iou),
    )


def _caption_match(picture: SingleForm, caption: SingleForm) -> CaptionMatch:
    if not (isinstance(picture, Heatmap) and isinstance(caption, TokenWeights)):
        raise InputError("caption_match: a heatmap as picture and token_weights as caption were expected")
    return CaptionMatch(picture, caption)


@dataclass(frozen=True)
class Explanation:
    """What a method says about one output, with what is needed to judge it.

    `explained_class` is the predictor's own output, never the true label. `diagnostics` holds plain numbers
    (`samples`, `local_r2`, `seed_r`, ...), units in their names.
    """

    form: Form
    explained_class: int
    diagnostics: Mapping[str, float]


@dataclass(frozen=True)
class ItemRequest:
    """One item to explain. The seed belongs to the item, so a result never depends on its batch.

    `donor` is another item with the same output; only the placebo that shows another item's explanation uses it.
    """

    input: Input
    seed: int
    donor: Input | None = None


@dataclass(frozen=True)
class ExplainerSpec:
    """A method by its registry name, with parameters that the registry's bounds allow."""

    name: str
    params: Mapping[str, int | float | str]


def as_inputs(data: Sequence[Json]) -> list[Input]:
    """Read many inputs; the error names the position of the one that failed."""
    inputs = []
    for position, entry in enumerate(data):
        try:
            inputs.append(input_from_json(entry))
        except InputError as error:
            raise InputError(f"inputs[{position}]: {error}") from error
    return inputs

"""What an explanation may look like, and reading it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, get_args

from explainers.errors import InputError
from explainers.types.beside import (
    Clause,
    Example,
    Examples,
    FeatureCard,
    FeatureCards,
    FormulaCard,
    Formulas,
    Prototype,
    Prototypes,
    Snippet,
    Step,
    Strip,
)
from explainers.types.inputs import input_from_json
from explainers.types.names import FormName, Json
from explainers.types.weights import (
    CaptionMatch,
    Concept,
    Concepts,
    FeatureWeight,
    FeatureWeights,
    Heatmap,
    Rule,
    RulePart,
    TokenWeights,
)

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

"""An item of each modality with a sound explanation in each form, as they stand in a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from explainers.imports.reading import FORMAT
from explainers.types import (
    Composite,
    Concept,
    Concepts,
    Example,
    Examples,
    FeatureCard,
    FeatureCards,
    FeatureWeight,
    FeatureWeights,
    Form,
    Heatmap,
    ImageInput,
    Input,
    Part,
    Prototype,
    Prototypes,
    Rule,
    RulePart,
    Snippet,
    Step,
    Strip,
    TabularInput,
    TextInput,
    TokenWeights,
)

ROW = TabularInput((("Age", "38 to 48"), ("Work", "private"), ("Hours a week", "41 or more")))
TEXT = TextInput(("A", "fine", "film", "it", "is."))
PICTURE = ImageInput(2, 3, 1, bytes(range(6)))
OTHER_PICTURE = ImageInput(2, 3, 1, bytes(6))

SOUND: dict[str, tuple[Input, Form]] = {
    "feature_weights": (
        ROW,
        FeatureWeights(tuple(FeatureWeight(name, value, n - 1.0) for n, (name, value) in enumerate(ROW.values))),
    ),
    "token_weights": (TEXT, TokenWeights(TEXT.tokens, (0.0, 0.5, 0.25, -1e-7, -2.0))),
    "heatmap": (PICTURE, Heatmap(2, 3, (0.0, 1.0, -2.0, 3.5, 4.0, -5.0))),
    "concepts": (
        PICTURE,
        Concepts((Concept("Pattern 1", 0.5, -1.0, (OTHER_PICTURE,)), Concept("Pattern 2", -0.5, 2.0))),
    ),
    "rule": (ROW, Rule(tuple(RulePart(name, value, name == "Age") for name, value in ROW.values), 0.97, 0.25)),
    "examples": (TEXT, Examples((Example(TextInput(("A", "dull", "one.")), 0),))),
    "strip": (
        TEXT,
        Strip((Step(TEXT, None, 1.5), Step(TextInput(("A", "film", "it", "is.")), ("1", "fine", ""), -0.5)), True),
    ),
    "prototypes": (PICTURE, Prototypes((Prototype((OTHER_PICTURE,), 1, 0.5, 0.25, 0.75),))),
    "feature_cards": (
        TEXT,
        FeatureCards(
            (
                FeatureCard(
                    "Pattern 12", 1, 0.5, (Snippet(("so", "fine", "…"), 1, 1.0),), (Snippet(("good",), 0, 0.5),)
                ),
                FeatureCard("Pattern 3", 4, -0.25, (), ()),
            )
        ),
    ),
    "composite": (
        TEXT,
        Composite(
            (
                Part(TokenWeights(TEXT.tokens, (0.0, 0.5, 0.25, -1.0, 2.0)), True),
                Part(Examples((Example(TextInput(("A", "dull", "one.")), 0),)), False),
            )
        ),
    ),
}
NO_WEIGHTS = frozenset({"rule", "examples", "prototypes"})


def header(form: str, **changes: Any) -> dict[str, Any]:
    signed = form not in NO_WEIGHTS
    plain = {FORMAT: 1, "method": "My method", "form": form, "signed": signed, "predictor": {"name": "mine"}}
    return plain | changes


def line(item: Input, form: Form, **changes: Any) -> dict[str, Any]:
    return {"item": item.to_json(), "explanation": form.to_json()} | changes


def text(*lines: object) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in lines).encode()


def each(form: str) -> bytes:
    """A sound file with one item."""
    return text(header(form), line(*SOUND[form]))


Change = Callable[[dict[str, Any]], object]


def paths(value: object, path: tuple[object, ...] = ()) -> Iterable[tuple[object, ...]]:
    """Every place in a JSON value."""
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield from paths(entry, (*path, key))


@pytest.fixture(params=SOUND)
def form(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name

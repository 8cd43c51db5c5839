"""The published JSON Schema of a line in a file of explanations (docs/explanations.schema.json is its output).

It says all that a schema can; that a form has its own item's parts is said by the checks in `forms` alone.
"""

from __future__ import annotations

from typing import Any

from explainers.imports.cards import MOST_CARDS, MOST_PIECES, MOST_WORDS, NAME
from explainers.imports.fields import MOST_DIGITS
from explainers.imports.forms import (
    FEWEST_TOGETHER,
    MOST_CLASSES,
    MOST_COMPARED,
    MOST_CONCEPTS,
    MOST_EXAMPLES,
    MOST_PARTS,
    MOST_PROTOTYPES,
    MOST_STEPS,
    MOST_TOGETHER,
)
from explainers.imports.inputs import CHANNELS, MOST_LETTERS, MOST_SIDE, MOST_TOKENS, MOST_VARIABLES
from explainers.imports.reading import FORMAT, VERSION
from explainers.registry import IMPORTABLE

Schema = dict[str, Any]

_NUMBER: Schema = {"type": "number", "minimum": -MOST_DIGITS, "maximum": MOST_DIGITS}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_SIDE: Schema = {"type": "integer", "minimum": 1, "maximum": MOST_SIDE}
_CLASS: Schema = {"type": "integer", "minimum": 0, "maximum": MOST_CLASSES - 1}
_SHA256: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_PLACE: Schema = {"type": "integer", "minimum": 0}
_INPUT: Schema = {"$ref": "#/$defs/input"}


def json_schema() -> Schema:
    """The schema: the first line is a header, every other line an item."""
    forms = {name: _form(name, fields) for name, fields in _FORMS.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of a file of explanations",
        "description": "The first line is a header, every other line an item with its explanation.",
        "oneOf": [{"$ref": "#/$defs/header"}, {"$ref": "#/$defs/item"}],
        "$defs": {
            "header": _header(),
            "item": _object(
                {
                    "item": {"oneOf": [_INPUT, _SHA256]},
                    "explanation": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in forms]},
                },
                {"explained_class": _CLASS},
            ),
            "input": {"oneOf": [_tabular(), _text_input(), _image()]},
            **forms,
        },
    }


def _object(required: Schema, optional: Schema | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def _text(most: int = MOST_LETTERS, fewest: int = 1) -> Schema:
    return {"type": "string", "minLength": fewest, "maxLength": most}


def _list(entry: Schema, most: int, fewest: int = 1) -> Schema:
    return {"type": "array", "items": entry, "minItems": fewest, "maxItems": most}


def _row(*entries: Schema) -> Schema:
    return {"type": "array", "prefixItems": list(entries), "minItems": len(entries), "maxItems": len(entries)}


def _header() -> Schema:
    return _object(
        {
            FORMAT: {"const": VERSION},
            "method": _text(100),
            "form": {"enum": list(IMPORTABLE)},
            "signed": {"type": "boolean", "description": "whether weights say for or against, or only how much"},
            "predictor": _object({"name": _text(40)}, {"weights_sha256": _SHA256}),
        },
        {"reference": _text(300, fewest=0)},
    )


def _tabular() -> Schema:
    return _object({"modality": {"const": "tabular"}, "values": _list(_row(_text(), _text()), MOST_VARIABLES)})


def _text_input() -> Schema:
    return _object({"modality": {"const": "text"}, "tokens": _list(_text(), MOST_TOKENS)})


def _image() -> Schema:
    return _object(
        {
            "modality": {"const": "image"},
            "height": _SIDE,
            "width": _SIDE,
            "channels": {"enum": list(CHANNELS)},
            "pixels": {"type": "string", "contentEncoding": "base64", "description": "bytes row by row"},
        }
    )


def _form(name: str, fields: Schema) -> Schema:
    return _object({"form": {"const": name}, **fields})


_CHANGE: Schema = {"oneOf": [{"type": "null"}, _row(_text(), _text(), _text(fewest=0))]}
_PIECES: Schema = _list(_row(_list(_text(), MOST_WORDS), _PLACE, _SHARE), MOST_PIECES, fewest=0)
_FORMS: dict[str, Schema] = {
    "feature_weights": {"features": _list(_row(_text(), _text(), _NUMBER), MOST_VARIABLES)},
    "token_weights": {"tokens": _list(_text(), MOST_TOKENS), "weights": _list(_NUMBER, MOST_TOKENS)},
    "heatmap": {"height": _SIDE, "width": _SIDE, "values": _list(_NUMBER, MOST_SIDE**2)},
    "concepts": {
        "concepts": _list(_row(_text(), _NUMBER, _NUMBER, _list(_INPUT, MOST_PROTOTYPES, fewest=0)), MOST_CONCEPTS)
    },
    "rule": {
        "parts": _list(_row(_text(fewest=0), _text(), {"type": "boolean"}), MOST_PARTS),
        "precision": _SHARE,
        "coverage": _SHARE,
    },
    "examples": {"examples": _list(_row(_INPUT, _CLASS), MOST_EXAMPLES)},
    "strip": {
        "steps": _list(_row(_INPUT, _CHANGE, _NUMBER), MOST_STEPS),
        "crosses": {"type": "boolean"},
        "own": {"type": "integer", "minimum": 0, "maximum": MOST_STEPS - 1},
    },
    "prototypes": {
        "prototypes": _list(_row(_list(_INPUT, MOST_PROTOTYPES), _CLASS, _SHARE, _SHARE, _SHARE), MOST_COMPARED)
    },
    "feature_cards": {
        "cards": _list(_row({"type": "string", "pattern": f"^{NAME}$"}, _PLACE, _NUMBER, _PIECES, _PIECES), MOST_CARDS)
    },
}
_FORMS["composite"] = {
    "parts": _list(
        _row({"oneOf": [{"$ref": f"#/$defs/{name}"} for name in _FORMS]}, {"type": "boolean"}),
        MOST_TOGETHER,
        fewest=FEWEST_TOGETHER,
    )
}

"""The JSON Schema of a report: it takes what is written, and nothing else."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, make_dataclass
from typing import Literal

import pytest
from jsonschema import Draft202012Validator

from analysis.api import analyse
from analysis.codec import decode, encode, schema_of
from analysis.errors import ReportError
from analysis.report import report_schema

FOUR_ARMS = (("none", "control", 1), ("placebo", "placebo", 1), ("lime", "explained", 1), ("senn", "explained", 1))


@dataclass(frozen=True)
class Inner:
    """A part of
    two lines.

    And more.
    """

    share: float | None
    kind: Literal["a", "b"]


@dataclass(frozen=True)
class Outer:
    """A whole."""

    count: int
    parts: tuple[Inner, ...]
    by_arm: Mapping[str, bool]


@pytest.fixture(scope="module")
def validator():
    Draft202012Validator.check_schema(report_schema())
    return Draft202012Validator(report_schema())


@pytest.fixture(scope="module")
def document(simulate):
    study = simulate(
        48, arms=FOUR_ARMS, dropout=0.2, learning=2, n_items=6, seed=51, left_early=3, bootstrap_draws=20, draws=50
    )  # fmt: skip
    return json.loads(analyse(study.table, study.design).to_json())


def errors_of(validator, document):
    return [(list(error.absolute_path), error.validator) for error in validator.iter_errors(document)]


def test_a_schema_is_told_by_the_annotations():
    assert schema_of(Outer) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Outer",
        "description": "A whole.",
        "type": "object",
        "properties": {
            "count": {"type": "integer"},
            "parts": {"type": "array", "items": {"$ref": "#/$defs/Inner"}},
            "by_arm": {"type": "object", "additionalProperties": {"type": "boolean"}},
        },
        "required": ["count", "parts", "by_arm"],
        "additionalProperties": False,
        "$defs": {
            "Inner": {
                "title": "Inner",
                "description": "A part of two lines.",
                "type": "object",
                "properties": {
                    "share": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                    "kind": {"enum": ["a", "b"]},
                },
                "required": ["share", "kind"],
                "additionalProperties": False,
            }
        },
    }


def test_what_is_written_fits_the_schema_and_is_read_back():
    whole = Outer(2, (Inner(0.5, "a"), Inner(None, "b")), {"lime": True})

    assert errors_of(Draft202012Validator(schema_of(Outer)), encode(whole)) == []
    assert decode(Outer, encode(whole)) == whole


def test_a_report_with_everything_in_it_fits(validator, document):
    assert document["losses"][0]["method"]
    assert document["protocol"]
    assert document["closed"]
    assert errors_of(validator, document) == []


def test_a_report_of_next_to_nothing_fits(validator, simulate):
    study = simulate(8, n_items=2, bootstrap_draws=10, draws=10)
    study.without(study.where(phase="post"))

    assert errors_of(validator, json.loads(analyse(study.table, study.design).to_json())) == []


def _without(name):
    def spoil(document):
        del document[name]

    return spoil


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (_without("closed"), ([], "required")),
        (lambda d: d.update(more=1), ([], "additionalProperties")),
        (lambda d: d.update(schema_version=3), (["schema_version"], "const")),
        (lambda d: d.update(draws="many"), (["draws"], "type")),
        (lambda d: d["arms"][0].update(role="judge"), (["arms", 0, "role"], "enum")),
        (lambda d: d["estimates"][0].update(value="much"), (["estimates", 0, "value"], "anyOf")),
        (lambda d: d["flow"]["arms"][0].update(allocated=1.5), (["flow", "arms", 0, "allocated"], "type")),
    ],
)
def test_what_is_not_a_report_does_not_fit(validator, document, spoil, found):
    spoiled = json.loads(json.dumps(document))
    spoil(spoiled)

    assert errors_of(validator, spoiled) == [found]


def test_what_the_codec_cannot_read_has_no_schema():
    with pytest.raises(ReportError, match="a report holds no"):
        schema_of(make_dataclass("Odd", [("how", Callable[[], int])]))


def test_two_parts_of_one_name_are_refused():
    other = make_dataclass("Inner", [("x", int)])

    with pytest.raises(ReportError, match="two parts are called Inner; rename one"):
        schema_of(make_dataclass("Both", [("one", Inner), ("two", other)]))

"""What a file of explanations may hold, and what is said of one that holds something else."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from explainers.errors import ImportRefused
from explainers.imports.forms import READERS
from explainers.imports.inputs import input_sha256
from explainers.imports.reading import (
    MAX_BYTES,
    MAX_ITEMS,
    MAX_PROBLEMS,
    Header,
    ImportFile,
    KnownItem,
    check_items,
    read_import,
)
from explainers.imports.schema import json_schema
from explainers.imports.writing import as_lines
from explainers.registry import IMPORTABLE
from explainers.types import (
    Composite,
    Concept,
    Concepts,
    FeatureCard,
    FeatureCards,
    Heatmap,
    ImageInput,
    Part,
    Snippet,
    TabularInput,
    TextInput,
    TokenWeights,
)
from studyapp.design.canonical import sha256_of
from tests.explainers.imports.conftest import (
    NO_WEIGHTS,
    OTHER_PICTURE,
    PICTURE,
    ROW,
    SOUND,
    TEXT,
    each,
    header,
    line,
    paths,
    text,
)


def refused(content: bytes) -> tuple[str, ...]:
    with pytest.raises(ImportRefused) as caught:
        read_import(content)
    return caught.value.problems


# --- what is taken in ------------------------------------------------------------------------------------------------


def test_every_form_comes_through_unchanged_by_item_and_by_its_sha256(form: str) -> None:
    item, own = SOUND[form]
    for one in (item.to_json(), input_sha256(item)):
        found = read_import(text(header(form), {"item": one, "explained_class": 1, "explanation": own.to_json()}))

        assert [(i.line, i.item, i.form, i.explained_class) for i in found.items] == [(2, input_sha256(item), own, 1)]
    assert found.inputs == {}


def test_what_is_written_is_read_again(form: str) -> None:
    item, own = SOUND[form]
    head = Header("LIME", form, form not in NO_WEIGHTS, "adult-mlp", "0" * 64, "a paper")  # type: ignore[arg-type]
    content = as_lines(head, [(item, own, 0)]).encode()
    found = read_import(content)

    assert (found.header, found.items[0].form, found.inputs) == (head, own, {input_sha256(item): item})
    assert found.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("item", [ROW, TEXT, PICTURE, TextInput(("é", "中", '"'))])
def test_an_item_has_the_sha256_that_the_study_knows_it_by(item: TextInput | TabularInput | ImageInput) -> None:
    assert input_sha256(item) == sha256_of(item.to_json())


def test_byte_order_mark_empty_lines_and_windows_line_ends_are_no_fault() -> None:
    content = b"\xef\xbb\xbf" + each("heatmap").replace(b"\n", b"\r\n\r\n")

    assert read_import(content).items[0].line == 3


def test_every_form_that_can_be_imported_has_its_reader() -> None:
    assert set(READERS) == set(IMPORTABLE)


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"\xff\xfe", "byte 1 is not text in UTF-8"),
        (b"0" * (MAX_BYTES + 1), "the file has 1,000,001 bytes; 1,000,000 are the most"),
        (b"{}\n" * (MAX_ITEMS + 2), "the file has 2001 items; 2000 are the most"),
        (text(header("heatmap")), "the file has a header and no item"),
        (b"[" * 5000, "line 1: no JSON that can be read: a number is too long, or it is nested too deeply"),
        (b"1" * 5000, "line 1: no JSON that can be read: a number is too long, or it is nested too deeply"),
        (b"{,}", "line 1: no JSON (column 2: "),
        (b'{"a": 1, "a": 1}', "line 1: the key \"a\" stands twice"),
        (text([]), "line 1: header: an object was expected, [] came"),
        (text({}), "line 1: header: the key 'foretell_explanations' is missing"),
        (text(header("heatmap", foretell_explanations=2)), "line 1: header.foretell_explanations: 1 was expected, 2"),
        (text(header("heatmap", colour=1)), 'line 1: header: the key "colour" is none of '),
        (text(header("picture")), 'line 1: header.form: one of feature_weights, token_weights, heatmap, '),
        (text(header("rule", signed=True)), "line 1: header.signed: false was expected for the form rule"),
        (text(header("heatmap", signed=1)), "line 1: header.signed: true or false was expected, 1 came"),
        (text(header("heatmap", method="")), "line 1: header.method: a text of 1 to 100 characters was expected, 0 "),
        (text(header("heatmap", method="a\0b")), "line 1: header.method: character 2 (U+0000) cannot be shown"),
        (text(header("heatmap", method="a\ud800")), "line 1: header.method: character 2 (U+D800) cannot be shown"),
        (text(header("heatmap", predictor="mine")), 'line 1: header.predictor: an object was expected, "mine" came'),
        (
            text(header("heatmap", predictor={"name": "mine", "weights_sha256": "12"})),
            "line 1: header.predictor.weights_sha256: a SHA-256 of 64 hexadecimal digits was expected, \"12\" came",
        ),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused_with_line_and_field(content: bytes, problem: str) -> None:
    (came,) = refused(content)

    assert came.startswith(problem)


def changed(form: str, change: Callable[[dict[str, Any]], object]) -> bytes:
    own = copy.deepcopy(line(*SOUND[form]))
    change(own)
    return text(header(form), own)


def at(*path: Any, value: object) -> Callable[[dict[str, Any]], object]:
    def change(own: Any) -> None:
        for key in path[:-1]:
            own = own[key]
        own[path[-1]] = value

    return change


E = "explanation"
WRONG: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("heatmap", at("item", value="abc"), 'item: a SHA-256 of 64 hexadecimal digits was expected, "abc" came'),
    ("heatmap", at("item", "modality", value="sound"), "item.modality: tabular, text or image was expected"),
    ("heatmap", at("item", "pixels", value="AAA"), "item.pixels: bytes in base64 were expected"),
    ("heatmap", at("item", "pixels", value="AAAA"), "item.pixels: 6 bytes were expected, 3 came"),
    ("heatmap", at("item", "channels", value=2), "item.channels: 1 or 3 was expected, 2 came"),
    ("heatmap", at("item", "height", value=10**9), "item.height: a whole number from 1 to 512 was expected"),
    ("heatmap", at("said", value=1), 'entry: the key "said" is none of item, explanation, explained_class'),
    ("heatmap", at("explained_class", value=-1), "explained_class: a whole number from 0 to 999 was expected, -1"),
    ("heatmap", at(E, "form", value="rule"), f"{E}.form: heatmap was expected, as the first line says, 'rule' came"),
    ("heatmap", at(E, "values", value=[1.0]), f"{E}.values: 6 entries were expected, 1 came"),
    ("heatmap", at(E, "values", 2, value="x"), f'{E}.values[2]: a finite number was expected, "x" came'),
    ("heatmap", at(E, "values", 2, value=True), f"{E}.values[2]: a finite number was expected, true came"),
    ("heatmap", at(E, "values", 2, value=1e300), f"{E}.values[2]: a number from -1e+12 to 1e+12 was expected, 1e+300"),
    ("heatmap", at(E, "values", 2, value=10**400), f"{E}.values[2]: a finite number was expected, 1000"),
    ("token_weights", at(E, "weights", value=[1, 2]), f"{E}.weights: 5 entries were expected, 2 came"),
    ("token_weights", at(E, "tokens", 0, value=None), f"{E}.tokens[0]: a text was expected, null came"),
    ("feature_weights", at(E, "features", 1, value=[1]), f"{E}.features[1]: 3 entries were expected, 1 came"),
    ("concepts", at(E, "concepts", value=[]), f"{E}.concepts: 1 to 20 entries were expected, 0 came"),
    ("rule", at(E, "precision", value=1.5), f"{E}.precision: a number from 0 to 1 was expected, 1.5 came"),
    ("rule", at(E, "parts", 0, 2, value=1), f"{E}.parts[0][2]: true or false was expected, 1 came"),
    ("strip", at(E, "crosses", value=False), f"{E}.crosses: true was expected where a margin is below 0, false where"),
    ("strip", at(E, "own", value=2), f"{E}.own: a whole number from 0 to 1 was expected, 2 came"),
    ("strip", at(E, "steps", 1, 1, value=["1"]), f"{E}.steps[1][1]: 3 entries were expected, 1 came"),
    ("prototypes", at(E, "prototypes", 0, 3, value=0.6), f"{E}.prototypes[0][3]: a number from 0 to 0.5 was expected"),
    ("feature_cards", at(E, "cards", 0, 0, value="Yes"), f"{E}.cards[0][0]: a name such as 'Pattern 12' was expected"),
    ("feature_cards", at(E, "cards", 1, 0, value="Pattern 12"), f"{E}.cards[1][0]: Pattern 12 stands twice"),
    ("feature_cards", at(E, "cards", 0, 1, value=-1), f"{E}.cards[0][1]: a whole number from 0 to "),
    ("feature_cards", at(E, "cards", 0, 3, 0, 1, value=3), f"{E}.cards[0][3][0][1]: a whole number from 0 to 2"),
    ("feature_cards", at(E, "cards", 0, 4, 0, 2, value=1.5), f"{E}.cards[0][4][0][2]: a number from 0 to 1 was"),
    ("feature_cards", at(E, "cards", 0, 3, 0, 0, value=[]), f"{E}.cards[0][3][0][0]: 1 to 40 entries were expected"),
    ("composite", lambda own: own[E]["parts"].pop(), f"{E}.parts: 2 to 3 entries were expected, 1 came"),
    ("composite", at(E, "parts", 0, 0, "form", value="composite"), f"{E}.parts[0][0].form: one of feature_weights, "),
    ("composite", at(E, "parts", 0, 0, value=7), f"{E}.parts[0][0].form: one of feature_weights, "),
    ("composite", at(E, "parts", 1, 1, value=True), f"{E}.parts[1][1]: false was expected for the form examples"),
    ("composite", at(E, "parts", 0, 1, value=0), f"{E}.parts[0][1]: true or false was expected, 0 came"),
    ("composite", at(E, "parts", 0, 1, value=False), f"{E}.parts[0][0]: a weight is below 0, but the file says"),
    ("composite", at(E, "parts", 0, 0, "weights", 1, value="x"), f"{E}.parts[0][0].weights[1]: a finite number was"),
    ("examples", at(E, "examples", 0, 1, value=0.5), f"{E}.examples[0][1]: a whole number from 0 to 999 was expected"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "change", "problem"), WRONG, ids=[problem[:60] for _, _, problem in WRONG])
def test_a_wrong_field_is_named_with_what_was_expected(
    form: str, change: Callable[[dict[str, Any]], object], problem: str
) -> None:
    (came,) = refused(changed(form, change))

    assert came.startswith(f"line 2: {problem}")


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_are_refused(constant: str) -> None:
    content = each("heatmap").replace(b"3.5", constant.encode())

    assert refused(content) == (f"line 2: {constant} is no JSON and no finite number",)


def test_the_same_item_twice_is_refused_however_it_is_named() -> None:
    own = line(*SOUND["heatmap"])
    again = own | {"item": input_sha256(PICTURE)}

    assert refused(text(header("heatmap"), own, again)) == ("line 3: item: the same item as in line 2",)


def test_weights_below_0_contradict_a_file_of_sizes(form: str) -> None:
    content = text(header(form, signed=False), line(*SOUND[form]))
    if form in NO_WEIGHTS:
        assert read_import(content).items
    elif form in {"strip", "composite"}:
        assert refused(content) == (f"line 1: header.signed: true was expected for the form {form}",)
    else:
        (problem,) = refused(content)
        assert problem == (
            "line 2: explanation: a weight is below 0, but the file says that the weights are not signed"
        )


@pytest.mark.parametrize(
    "second",
    [
        Concept("The model says 9", 1, 1, (OTHER_PICTURE,)),
        Concept("Pattern 1", 1, 1, (PICTURE,)),
        Concept("Pattern 1", 1, 1),
    ],
)
def test_concepts_cannot_tell_one_item_from_another(second: Concept) -> None:
    """Leaks that are planted: a name or a picture that says what the model answered."""
    first = Concepts((Concept("Pattern 1", 0, 2, (OTHER_PICTURE,)),))
    content = text(header("concepts"), line(PICTURE, first), line(OTHER_PICTURE, Concepts((second,))))

    assert refused(content) == (
        "line 3: explanation.concepts: names and prototypes must be the same, in the same order, in all lines",
    )


SHORT = TextInput(("So", "dull."))


def test_a_pattern_has_the_same_pieces_in_all_lines() -> None:
    """A leak that is planted: pieces of other texts that say what the model answered."""
    own = FeatureCard("Pattern 1", 0, 1.0, (Snippet(("fine",), 0, 1.0),), ())
    other = replace(own, effect=-1.0, top=(Snippet(("negative",), 0, 1.0),))
    same, told = (
        text(header("feature_cards"), line(TEXT, FeatureCards((own,))), line(SHORT, FeatureCards((second,))))
        for second in (replace(own, effect=-1.0), other)
    )

    assert len(read_import(same).items) == 2
    assert refused(told) == ("line 3: explanation.cards[0]: Pattern 1 must have the same pieces in all lines",)


def test_a_page_of_several_explanations_has_the_same_ones_in_all_lines() -> None:
    weights = Part(TokenWeights(TEXT.tokens, (1.0,) * 5), True)
    short = Part(TokenWeights(SHORT.tokens, (1.0,) * 2), True)
    cards = Part(FeatureCards((FeatureCard("Pattern 1", 0, 1.0, (), ()),)), True)
    first = line(TEXT, Composite((weights, cards)))

    turned = text(header("composite"), first, line(SHORT, Composite((cards, short))))
    assert refused(turned) == (
        "line 3: explanation.parts: forms and directions must be the same, in the same order, in all lines",
    )
    told = Part(FeatureCards((FeatureCard("Pattern 1", 0, 1.0, (Snippet(("no",), 0, 1.0),), ()),)), True)
    assert refused(text(header("composite"), first, line(SHORT, Composite((short, told))))) == (
        "line 3: explanation.parts[1][0].cards[0]: Pattern 1 must have the same pieces in all lines",
    )


def test_many_problems_are_told_at_once_and_counted() -> None:
    problems = refused(text(header("heatmap"), *[{} for _ in range(50)]))

    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1] == "and 30 more"
    assert problems[0] == "line 2: entry: the key 'item' is missing"


# --- beside the items ------------------------------------------------------------------------------------------------


def held(form: str, change: Callable[[dict[str, Any]], object], known: KnownItem | None) -> tuple[str, ...]:
    file = read_import(changed(form, change))
    with pytest.raises(ImportRefused) as caught:
        check_items(file, lambda key: known, 2)
    return caught.value.problems


def test_sound_explanations_fit_their_items(form: str) -> None:
    check_items(read_import(each(form)), lambda key: KnownItem(SOUND[form][0], 1), 2)


MISFITS: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("feature_weights", at(E, "features", 1, 1, value="public"), f"{E}.features[1]: the item has ('Work', 'private')"),
    ("feature_weights", lambda own: own[E]["features"].pop(), f"{E}.features: the item has 3 parts, 2 came"),
    ("token_weights", at(E, "tokens", 0, value="The"), f"{E}.tokens[0]: the item has 'A' there, 'The' came"),
    ("heatmap", at(E, value=Heatmap(3, 2, (0.0,) * 6).to_json()), f"{E}: the map has 3 x 2"),
    ("rule", at(E, "parts", 0, 0, value=""), f"{E}.parts[0]: the item has ('Age', '38 to 48') there, ('', '38 to 48')"),
    ("concepts", at(E, "concepts", 0, 3, value=[TEXT.to_json()]), f"{E}.concepts[0][3]: prototypes of the item's own"),
    ("examples", at(E, "examples", 0, 0, value=ROW.to_json()), f"{E}.examples[0][0]: an input of the item's own kind"),
    ("examples", at(E, "examples", 0, 0, value=TEXT.to_json()), f"{E}.examples[0][0]: this is the item itself, whose "),
    ("examples", at(E, "examples", 0, 1, value=2), f"{E}.examples[0][1]: a class from 0 to 1 was expected, 2 came"),
    ("strip", at(E, "own", value=1), f"{E}.steps[1][0]: the item itself was expected, as `own` says"),
    ("strip", at(E, "steps", 1, 0, value=ROW.to_json()), f"{E}.steps[1][0]: an input of the item's own kind and size"),
    ("strip", at(E, "steps", 1, 1, 0, value="5"), f"{E}.steps[1][1][0]: the item has no part '5'"),
    ("prototypes", at(E, "prototypes", 0, 0, 0, value=ROW.to_json()), f"{E}.prototypes[0][0]: pictures of the item's"),
    ("prototypes", at(E, "prototypes", 0, 1, value=2), f"{E}.prototypes[0][1]: a class from 0 to 1 was expected, 2"),
    ("feature_cards", at(E, "cards", 1, 1, value=5), f"{E}.cards[1][1]: a word from 0 to 4 was expected, 5 came"),
    ("composite", at(E, "parts", 0, 0, "tokens", 0, value="The"), f"{E}.parts[0][0].tokens[0]: the item has 'A' there"),
    ("composite", at(E, "parts", 1, 0, "examples", 0, 1, value=2), f"{E}.parts[1][0].examples[0][1]: a class from 0"),
    ("heatmap", at("explained_class", value=0), "explained_class: the predictor's output is class 1, 0 came; explain"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "change", "problem"), MISFITS, ids=[problem[:60] for _, _, problem in MISFITS])
def test_an_explanation_of_something_else_is_refused(
    form: str, change: Callable[[dict[str, Any]], object], problem: str
) -> None:
    (came,) = held(form, change, KnownItem(SOUND[form][0], 1))

    assert came.startswith(f"line 2: {problem}")


def test_an_item_that_nobody_knows_is_refused() -> None:
    (came,) = held("heatmap", lambda own: None, None)

    assert came == f"line 2: item: {input_sha256(PICTURE)} is no item of mine's data"


@pytest.mark.parametrize(
    ("form", "item"),
    [("feature_weights", TEXT), ("token_weights", ROW), ("rule", PICTURE), ("feature_cards", ROW), ("composite", ROW)],
)
def test_an_item_of_another_modality_is_refused(form: str, item: TextInput) -> None:
    (came,) = held(form, lambda own: None, KnownItem(item, 0))

    assert came.endswith("the item is of another modality")


# --- any damage ------------------------------------------------------------------------------------------------------

VALUES = st.sampled_from([None, True, -1, 0, 2, 0.5, 1e300, "", "x", "\0", [], [1], {}, {"form": "rule"}, "0" * 64])


@settings(max_examples=150)
@given(form=st.sampled_from(sorted(SOUND)), data=st.data(), value=VALUES)
def test_whatever_one_field_holds_the_file_is_read_or_refused_and_the_schema_is_never_stricter(
    form: str, data: st.DataObject, value: object
) -> None:
    """What is read, the published schema allows too."""
    whole = [header(form), line(*SOUND[form])]
    path = data.draw(st.sampled_from([path for path in paths(whole) if path]))
    at(*path, value=value)(whole)
    try:
        found = read_import(text(*whole))
    except ImportRefused:
        return
    assert isinstance(found, ImportFile)
    for one in whole:
        Draft202012Validator(json_schema()).validate(one)


def test_the_schema_refuses_what_it_can_say(form: str) -> None:
    validator = Draft202012Validator(json_schema())
    Draft202012Validator.check_schema(json_schema())
    for one in (header(form), line(*SOUND[form])):
        assert validator.is_valid(one)
        assert not validator.is_valid(one | {"other": 1})
    assert not validator.is_valid(line(*SOUND[form]) | {"explained_class": -1})

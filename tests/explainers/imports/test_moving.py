from __future__ import annotations

from dataclasses import replace

import pytest

from explainers.errors import InputError
from explainers.imports.forms import check_fits
from explainers.imports.moving import moved
from explainers.types import Composite, Example, Examples, Input, Part, Rule, TabularInput, TextInput, TokenWeights
from tests.explainers.imports.conftest import OTHER_PICTURE, ROW, SOUND, TEXT

OTHER_ROW = TabularInput((("Age", "28 or younger"), ("Work", "public"), ("Hours a week", "40 or fewer")))
SHORT = TextInput(("So", "dull."))
ONTO: dict[str, Input] = {
    "feature_weights": OTHER_ROW,
    "token_weights": SHORT,
    "heatmap": OTHER_PICTURE,
    "concepts": OTHER_PICTURE,
    "rule": OTHER_ROW,
    "examples": SHORT,
    "prototypes": OTHER_PICTURE,
    "feature_cards": SHORT,
    "composite": SHORT,
}


@pytest.mark.parametrize("form", ONTO)
def test_a_moved_form_is_one_of_the_other_item_and_keeps_its_numbers(form: str) -> None:
    donor, own = SOUND[form]
    found = moved(own, ONTO[form], donor)

    check_fits(found, ONTO[form], 2, "explanation")
    assert (type(found), found == own) == (type(own), form in {"heatmap", "concepts", "examples", "prototypes"})
    if form == "feature_weights":
        assert [feature.weight for feature in found.features] == [feature.weight for feature in own.features]


def test_words_take_weights_by_relative_position() -> None:
    """Of five words on two: those in the middle of each half, as the computed placebo does."""
    assert moved(SOUND["token_weights"][1], SHORT, TEXT) == TokenWeights(SHORT.tokens, (0.5, -1e-7))


def test_a_rule_of_words_is_moved_by_relative_position() -> None:
    rule = Rule(tuple(part for part in SOUND["rule"][1].parts), 0.9, 0.1)
    found = moved(rule, TEXT, ROW)

    assert [(part.value, part.is_condition) for part in found.parts] == [
        ("A", True),
        ("fine", True),
        ("film", False),
        ("it", False),
        ("is.", False),
    ]


def test_cards_name_words_by_relative_position() -> None:
    """The second and the fifth of five words: the first and the second of two."""
    found = moved(SOUND["feature_cards"][1], SHORT, TEXT)

    assert [card.place for card in found.cards] == [0, 1]
    assert [replace(card, place=0) for card in found.cards] == [
        replace(card, place=0) for card in SOUND["feature_cards"][1].cards
    ]


def test_every_explanation_on_a_page_is_moved() -> None:
    weights, examples = SOUND["composite"][1].parts
    found = moved(SOUND["composite"][1], SHORT, TEXT)

    assert found == Composite((Part(moved(weights.form, SHORT, TEXT), True), examples))
    strip = Composite((weights, Part(SOUND["strip"][1], True)))
    with pytest.raises(InputError, match="a strip begins with its own item"):
        moved(strip, SHORT, TEXT)


def test_an_item_never_stands_among_its_own_examples() -> None:
    """The donor's nearest example may be this very item, with the output that people are asked for."""
    with pytest.raises(InputError, match="the item stands among the examples"):
        moved(Examples((Example(SHORT, 1),)), SHORT, TEXT)


def test_a_strip_stays_with_its_item() -> None:
    with pytest.raises(InputError, match="a strip begins with its own item"):
        moved(SOUND["strip"][1], SHORT, TEXT)


def test_other_variables_are_refused() -> None:
    with pytest.raises(InputError, match="the variables Age, Work, Hours a week came, the item has Height"):
        moved(SOUND["feature_weights"][1], TabularInput((("Height", "tall"),)), ROW)

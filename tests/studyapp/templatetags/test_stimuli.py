"""Inputs, their changes, buttons and prose."""

from __future__ import annotations

import pytest

from explainers.types import ImageInput, TabularInput, TextInput
from studyapp.design.facts import ShownItem
from studyapp.errors import AnswerInvalid
from studyapp.screens import Check
from studyapp.tasktypes.base import Option, class_options
from studyapp.templatetags import stimuli
from studyapp.templatetags.prose import prose


def test_a_row_shows_its_change_only_where_the_change_is_asked_for() -> None:
    item = ShownItem("a", TabularInput((("Age", "29 to 37"), ("Sex", "Female"))), None, (("Age", "29 to 37", "49"),))

    plain, changed = stimuli.shown_input(item), stimuli.shown_change(item)

    assert plain.cells == (stimuli.Cell("Age", "29 to 37"), stimuli.Cell("Sex", "Female"))
    assert changed.cells == (stimuli.Cell("Age", "29 to 37", "49"), stimuli.Cell("Sex", "Female"))


def test_a_changed_word_is_known_by_its_place_not_by_its_letters() -> None:
    item = ShownItem("a", TextInput(("so", "so", "good")), None, (("1", "so", "very"),))

    assert stimuli.shown_change(item).pieces == (
        stimuli.Piece("so"),
        stimuli.Piece("so", "very"),
        stimuli.Piece("good"),
    )


def test_a_changed_region_is_outlined_on_both_pictures() -> None:
    before, after = ImageInput(4, 4, 1, bytes(16)), ImageInput(4, 4, 1, bytes(15) + b"\xff")
    item = ShownItem("a", before, after, (("rows 4-4, columns 4-4", "as drawn", "erased"),))

    shown = stimuli.shown_change(item)

    assert shown.picture != shown.changed_picture
    assert shown.frames == (stimuli.Frame("2.4", "2.4", "2.2", "2.2"),)
    assert stimuli.shown_input(item).changed_picture == ""


def test_words_that_are_no_region_have_no_outline() -> None:
    assert stimuli.frames(("everywhere",)) == ()


def test_buttons_are_pressed_by_their_number() -> None:
    buttons = stimuli.buttons(class_options(("Negative", "Positive")), {"answer": "Positive"})

    assert buttons == (
        stimuli.Button("Negative", "Negative", "1", False),
        stimuli.Button("Positive", "Positive", "2", True),
    )


def test_digits_are_pressed_by_themselves() -> None:
    assert [button.key for button in stimuli.buttons(class_options(("4", "9")), {})] == ["4", "9"]


def test_a_button_past_the_ninth_has_no_key() -> None:
    scale = tuple(Option(str(n), str(n), str(n)) for n in range(1, 12))

    assert [button.key for button in stimuli.buttons(scale, {})][8:] == ["9", "", ""]


@pytest.mark.parametrize(
    ("chosen", "missing"),
    [({}, [True, True]), ({"answer-0": "1"}, [False, True]), ({"answer-0": "7", "answer-1": "0"}, [True, False])],
)
def test_the_check_tells_every_question_that_is_not_answered(chosen: dict[str, str], missing: list[bool]) -> None:
    check = Check("", (("One?", ("a", "b")), ("Two?", ("c", "d"))), 1, 2, "Read this.")

    questions = stimuli.check_questions(check, chosen, AnswerInvalid("answer-0", ""))

    assert [question.is_missing for question in questions] == missing
    assert not any(question.is_missing for question in stimuli.check_questions(check, chosen, None))


def test_prose_makes_paragraphs_lists_and_breaks() -> None:
    text = "One line\nand another.\n\nFirst:\n- a\n- b\nLast."

    assert prose(text) == (
        "<p>One line<br>and another.</p>\n<p>First:</p>\n<ul><li>a</li><li>b</li></ul>\n<p>Last.</p>"
    )


def test_prose_reads_no_markup() -> None:
    assert prose('<img src=x onerror="alert(1)"> & - <b>') == (
        "<p>&lt;img src=x onerror=&quot;alert(1)&quot;&gt; &amp; - &lt;b&gt;</p>"
    )

"""What each form of explanation says: sides, sizes, numbers, words."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from django.template.loader import render_to_string
from PIL import Image

from explainers.types import (
    CaptionMatch,
    Clause,
    Composite,
    Concept,
    ConceptName,
    Concepts,
    Example,
    Examples,
    FeatureCard,
    FeatureCards,
    FeatureWeight,
    FeatureWeights,
    Form,
    FormulaCard,
    Formulas,
    Heatmap,
    ImageInput,
    Joint,
    Part,
    Prototype,
    Prototypes,
    Rule,
    RulePart,
    SingleForm,
    Snippet,
    Step,
    Strip,
    TabularInput,
    TextInput,
    TokenWeights,
)
from studyapp.design.facts import ShownItem
from studyapp.tasktypes.base import GivenTruth, Stimulus
from studyapp.templatetags import explanations, pictures
from studyapp.templatetags.formulas import concept_in_words, in_words

ROW = TabularInput((("Age", "29 to 37"), ("Sex", "Female"), ("Hours", "40")))
DARK = ImageInput(2, 2, 1, bytes(4))


def stimulus(
    form: Form | None,
    *,
    output: str | None = "no",
    classes: tuple[str, ...] = ("no", "yes"),
    item: object = ROW,
    is_signed: bool = True,
) -> Stimulus:
    given = GivenTruth(label="no", output=output) if output else None
    return Stimulus("worked_example", "", ShownItem("a", item), (), given, form, is_signed, classes)  # type: ignore[arg-type]


def weights(*values: float) -> FeatureWeights:
    return FeatureWeights(
        tuple(FeatureWeight(name, value, weight) for (name, value), weight in zip(ROW.values, values, strict=True))
    )


def test_no_explanation_is_nothing_to_show() -> None:
    assert explanations.explanation_of(stimulus(None)) is None


@pytest.mark.parametrize(("output", "side", "words"), [("no", "a", "towards “no”"), ("yes", "b", "towards “yes”")])
def test_a_positive_weight_points_to_the_side_of_the_class_that_is_explained(
    output: str, side: str, words: str
) -> None:
    shown = explanations.explanation_of(stimulus(weights(0.4, -0.2, 0.0), output=output))

    assert shown is not None
    assert (shown.rows[0].bar.side, shown.rows[0].bar.words) == (side, words)
    assert shown.rows[1].bar.side != side


def test_a_class_keeps_its_side_whatever_the_output_is() -> None:
    said_no = explanations.explanation_of(stimulus(weights(0.4, -0.2, 0.0), output="no"))
    said_yes = explanations.explanation_of(stimulus(weights(-0.4, 0.2, 0.0), output="yes"))

    assert said_no is not None
    assert said_yes is not None
    assert (said_no.sides.a, said_no.sides.b) == (said_yes.sides.a, said_yes.sides.b) == ("no", "yes")
    assert [row.bar for row in said_no.rows] == [row.bar for row in said_yes.rows]


def test_with_three_classes_sides_are_for_and_against_the_output() -> None:
    shown = explanations.explanation_of(stimulus(weights(0.4, -0.2, 0), output="b", classes=("a", "b", "c")))

    assert shown is not None
    assert (shown.sides.a, shown.sides.b) == ("against “b”", "towards “b”")
    assert [row.bar.side for row in shown.rows[:2]] == ["b", "a"]


def test_an_output_that_was_not_given_is_not_told_by_the_words() -> None:
    shown = explanations.explanation_of(stimulus(weights(0.4, -0.2, 0), output=None))

    assert shown is not None
    assert (shown.sides.a_words, shown.sides.b_words) == ("against the model’s answer", "for the model’s answer")


def test_bars_start_at_the_middle_and_are_as_long_as_their_share_of_the_strongest() -> None:
    shown = explanations.explanation_of(stimulus(weights(0.4, -0.2, 0.0), output="yes"))

    assert shown is not None
    assert [(row.bar.x, row.bar.width) for row in shown.rows] == [("100.0", "98.0"), ("51.0", "49.0"), ("100.0", "0.0")]


def test_numbers_have_two_figures_of_the_strongest_and_point_to_their_side() -> None:
    shown = explanations.explanation_of(stimulus(weights(0.4187, -0.2049, 0.001), output="yes"))

    assert shown is not None
    assert [row.bar.number for row in shown.rows] == ["0.42 →", "← 0.20", "0.00"]


@pytest.mark.parametrize(
    ("top", "decimals"),
    [(0.0, 0), (float("inf"), 0), (float("nan"), 0), (0.00123, 4), (0.05, 3), (0.4, 2), (3.2, 1), (47.0, 0), (900, 0)],
)
def test_decimals_follow_the_strongest_weight(top: float, decimals: int) -> None:
    assert explanations.decimals_for(top) == decimals


def test_weights_above_zero_of_a_signed_method_keep_their_direction() -> None:
    shown = explanations.explanation_of(stimulus(weights(0.4, 0.2, 0.1)))

    assert shown is not None
    assert {row.bar.words for row in shown.rows} == {"towards “no”"}


def test_weights_of_a_method_without_signs_have_no_direction() -> None:
    shown = explanations.explanation_of(stimulus(weights(0.4, 0.2, 0.0), is_signed=False))

    assert shown is not None
    assert not shown.sides.is_signed
    assert [(row.bar.side, row.bar.x, row.bar.width, row.bar.words) for row in shown.rows] == [
        ("b", "0.0", "200.0", ""),
        ("b", "0.0", "100.0", ""),
        ("b", "0.0", "0.0", ""),
    ]


def test_weights_that_are_all_zero_draw_nothing() -> None:
    shown = explanations.explanation_of(stimulus(weights(0.0, 0.0, 0.0)))

    assert shown is not None
    assert {row.bar.width for row in shown.rows} == {"0.0"}
    assert {row.bar.number for row in shown.rows} == {"0"}


def test_words_are_tinted_in_three_levels_and_the_strongest_are_listed() -> None:
    form = TokenWeights(("not", "a", "great", "film"), (-0.9, 0.01, 0.4, 0.2))

    shown = explanations.explanation_of(stimulus(form, output="yes"))

    assert shown is not None
    assert [(word.text, word.side, word.level) for word in shown.words] == [
        ("not", "a", 3),
        ("a", "b", 0),
        ("great", "b", 2),
        ("film", "b", 1),
    ]
    assert [row.name for row in shown.rows] == ["not", "great", "film", "a"]


def test_shares_of_one_whole_are_shown_beside_an_even_share() -> None:
    """As attention's: 0.25 each would be even; the last has nothing above it."""
    form = TokenWeights(("a", "very", "dull", "film"), (0.3, 0.1, 0.5, 0.1))

    shown = explanations.explanation_of(stimulus(form, is_signed=False))

    assert shown is not None
    assert [(row.name, row.bar.width, row.bar.number) for row in shown.rows[:3]] == [
        ("dull", "200.0", "50%"),
        ("a", "120.0", "30%"),
        ("very", "40.0", "10%"),
    ]
    assert [word.level for word in shown.words] == [1, 0, 3, 0]
    assert (shown.even, shown.even_at, shown.is_nearly_even) == ("25%", "100.0", False)


def test_a_word_with_hardly_more_than_an_even_share_is_never_marked_as_strongest() -> None:
    form = TokenWeights(("a", "dull", "film", "too"), (0.25, 0.27, 0.25, 0.23))

    shown = explanations.explanation_of(stimulus(form, is_signed=False))

    assert shown is not None
    assert [word.level for word in shown.words] == [0, 1, 0, 0]
    assert shown.is_nearly_even
    assert "nearly even" in render_to_string(shown.template, {"explained": shown})


@pytest.mark.parametrize(("values", "is_signed"), [((0.5, 0.5), True), ((0.5, 0.4), False), ((1.5, -0.5), False)])
def test_other_weights_are_no_shares(values: tuple[float, float], is_signed: bool) -> None:
    shown = explanations.explanation_of(stimulus(TokenWeights(("a", "film"), values), is_signed=is_signed))

    assert shown is not None
    assert (shown.even, shown.even_at) == ("", "")


def test_a_concept_shows_what_it_adds_to_the_output() -> None:
    form = Concepts((Concept("Pattern 1", 0.5, -2.0, (DARK,)), Concept("Pattern 2", 0.25, 2.0)))

    shown = explanations.explanation_of(stimulus(form, output="yes", item=DARK))

    assert shown is not None
    assert [(row.bar.side, row.bar.number) for row in shown.rows] == [("a", "← 1.0"), ("b", "0.5 →")]
    assert shown.rows[0].pictures == (pictures.picture(DARK),)


def decoded(address: str) -> np.ndarray:
    data = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    return np.array(Image.open(io.BytesIO(data)))


def test_a_picture_is_the_very_pixels() -> None:
    image = ImageInput(2, 3, 1, bytes([0, 50, 100, 150, 200, 250]))

    assert decoded(pictures.picture(image)).tolist() == [[0, 50, 100], [150, 200, 250]]


def test_a_coloured_picture_keeps_its_channels() -> None:
    image = ImageInput(1, 2, 3, bytes([1, 2, 3, 4, 5, 6]))

    assert decoded(pictures.picture(image)).tolist() == [[[1, 2, 3], [4, 5, 6]]]


def corner(address: str, row: int, column: int) -> np.ndarray:
    """The painted pixels over one of the picture's four."""
    painted = decoded(address)
    half = painted.shape[0] // 2
    return painted[row * half : (row + 1) * half, column * half : (column + 1) * half]


def test_an_overlay_colours_each_side_and_stripes_one() -> None:
    heatmap = Heatmap(2, 2, (1.0, -1.0, 0.0, 0.5))

    address = pictures.overlay(heatmap, "b", True)

    towards_b, towards_a = corner(address, 0, 0), corner(address, 0, 1)
    assert {tuple(pixel) for pixel in towards_b.reshape(-1, 4)} == {(*pictures.COLOURS["b"], 225)}
    assert {tuple(pixel[:3]) for pixel in towards_a.reshape(-1, 4)} == {pictures.COLOURS["a"]}
    assert len({pixel[3] for pixel in towards_a.reshape(-1, 4)}) == 2  # stripes
    assert not corner(address, 1, 0)[..., 3].any()
    assert 0 < corner(address, 1, 1)[..., 3].max() < 225


def test_an_overlay_turns_with_the_class_that_is_explained() -> None:
    heatmap = Heatmap(2, 2, (1.0, -1.0, 0.0, 0.5))
    turned = Heatmap(2, 2, (-1.0, 1.0, 0.0, -0.5))

    assert pictures.overlay(heatmap, "a", True) == pictures.overlay(turned, "b", True)


def test_an_overlay_without_weights_covers_nothing() -> None:
    assert not decoded(pictures.overlay(Heatmap(2, 2, (0.0,) * 4), "b", False))[..., 3].any()


RULE = Rule(
    (RulePart("Age", "29 to 37", True), RulePart("Sex", "Female", False), RulePart("Hours", "40", True)), 0.964, 0.1234
)


def test_a_rule_marks_its_conditions_among_all_parts_and_gives_whole_percents() -> None:
    shown = explanations.explanation_of(stimulus(RULE, is_signed=False))

    assert shown is not None
    assert [(row.name, row.value, row.is_condition) for row in shown.rows] == [
        ("Age", "29 to 37", True),
        ("Sex", "Female", False),
        ("Hours", "40", True),
    ]
    assert (shown.precision, shown.coverage, shown.holds_input, shown.has_conditions) == ("96%", "12%", True, True)


def test_a_rule_of_words_stands_in_the_sentences_place() -> None:
    parts = (RulePart("", "not", True), RulePart("", "good", False))

    shown = explanations.explanation_of(stimulus(Rule(parts, 1.0, 0.0), item=TextInput(("not", "good"))))
    page = render_to_string("studyapp/forms_of_explanations/rule.html", {"explained": shown})

    assert shown is not None
    assert shown.holds_input
    assert "not" in page
    assert "good" in page
    assert "<table" not in page


SENTENCE = TextInput(("not", "good"))
CHANGED = [
    (ROW, ("Sex", "Female", "Male"), weights(0.1, 0.2, 0.3)),
    (ROW, ("Sex", "Female", "Male"), RULE),
    (SENTENCE, ("1", "good", "bad"), TokenWeights(SENTENCE.tokens, (0.1, -0.9))),
    (SENTENCE, ("1", "good", "bad"), TokenWeights(SENTENCE.tokens, (0.9, 0.01))),
    (SENTENCE, ("1", "good", "bad"), Rule((RulePart("", "not", True), RulePart("", "good", False)), 1.0, 0.1)),
    (SENTENCE, ("1", "good", "bad"), Rule((RulePart("", "not", False), RulePart("", "good", True)), 1.0, 0.1)),
]


@pytest.mark.parametrize(("item", "change", "form"), CHANGED)
@pytest.mark.parametrize("several", [False, True])
def test_an_explanation_in_the_inputs_place_says_what_a_task_changes_in_it(
    item: TabularInput | TextInput, change: tuple[str, str, str], form: SingleForm, several: bool
) -> None:
    """Else nobody could know what the question is about."""
    shown_form: Form = Composite((Part(form, True), Part(form, True))) if several else form
    asked = replace(stimulus(shown_form, item=item), item=ShownItem("a", item, item, (change,)))
    pages = []
    for changed in (True, False):
        shown = explanations.explanation_of(asked, changed=changed)
        assert shown is not None
        assert shown.holds_input
        pages.append(render_to_string(shown.template, {"explained": shown}))

    assert [page.count(f'<ins><span class="hidden">is now </span>{change[2]}</ins>') for page in pages] == [1, 0]
    assert [page.count("<del>") for page in pages] == [1, 0]


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "none"), (0.004, "less than 1%"), (0.01, "1%"), (0.955, "96%"), (0.992, "more than 99%"), (1.0, "100%")],
)
def test_a_share_is_never_rounded_to_none_or_all(share: float, words: str) -> None:
    assert explanations.percent(share) == words


def test_the_page_of_a_rule_names_no_class() -> None:
    """The rule is of the model's answer, which the page may not tell where the study has not given it."""
    shown = explanations.explanation_of(stimulus(RULE, output="yes", classes=("no", "yes")))
    page = render_to_string("studyapp/forms_of_explanations/rule.html", {"explained": shown})

    assert "yes" not in page
    assert page.count('class="condition"') == 2
    assert "96%" in page


def test_examples_of_rows_say_where_they_differ_and_what_the_model_answers() -> None:
    near = TabularInput((("Age", "38 to 48"), ("Sex", "Female"), ("Hours", "41 or more")))

    shown = explanations.explanation_of(stimulus(Examples((Example(near, 1), Example(ROW, 0))), output=None))

    assert shown is not None
    first, second = shown.neighbours
    assert [(d.name, d.value, d.here) for d in first.differences] == [
        ("Age", "38 to 48", "29 to 37"),
        ("Hours", "41 or more", "40"),
    ]
    assert (first.answer, second.answer, second.differences) == ("yes", "no", ())


def test_examples_of_texts_and_pictures_are_shown_whole() -> None:
    texts = explanations.explanation_of(
        stimulus(Examples((Example(TextInput(("not", "good")), 0),)), item=TextInput(("fine",)))
    )
    images = explanations.explanation_of(stimulus(Examples((Example(DARK, 1),)), item=DARK))

    assert texts is not None
    assert images is not None
    assert (texts.neighbours[0].text, texts.neighbours[0].answer) == ("not good", "no")
    assert (images.neighbours[0].picture, images.neighbours[0].answer) == (pictures.picture(DARK), "yes")


CHANGED = TabularInput((("Age", "29 to 37"), ("Sex", "Female"), ("Hours", "41 or more")))
STRIP = Strip((Step(ROW, None, 1.25), Step(CHANGED, ("Hours", "40", "41 or more"), -0.004)), crosses=True)


def test_a_strip_names_what_changes_and_draws_the_margins_like_weights() -> None:
    shown = explanations.explanation_of(stimulus(STRIP, output="no"))

    assert shown is not None
    first, second = shown.steps
    assert (first.old, first.bar.side, first.bar.number) == ("", "a", "← 1.2")
    assert (second.name, second.old, second.new) == ("Hours", "40", "41 or more")
    assert (second.bar.side, second.bar.words) == ("b", "towards “yes”")


def test_a_margin_too_small_for_the_digits_keeps_its_side_and_is_seen() -> None:
    said_no, said_yes = (explanations.explanation_of(stimulus(STRIP, output=output)) for output in ("no", "yes"))

    assert said_no is not None
    assert said_yes is not None
    right, left = said_no.steps[1].bar, said_yes.steps[1].bar
    assert (right.number, right.x, right.width) == ("<0.1 →", "100.0", "4.0")
    assert (left.number, left.x, left.width) == ("← <0.1", "96.0", "4.0")


def test_a_word_that_is_left_out_has_no_name_and_nothing_new() -> None:
    strip = Strip(
        (Step(TextInput(("not", "good")), None, 1.0), Step(TextInput(("good",)), ("0", "not", ""), 0.5)), False
    )

    shown = explanations.explanation_of(stimulus(strip, item=TextInput(("not", "good"))))
    page = render_to_string("studyapp/forms_of_explanations/strip.html", {"explained": shown})

    assert shown is not None
    assert (shown.steps[1].name, shown.steps[1].old, shown.steps[1].new) == ("", "not", "")
    assert [(word.text, word.is_changed, word.new) for word in shown.altered] == [
        ("not", True, ""),
        ("good", False, ""),
    ]
    assert "left out" in page
    assert "No further small change was found" in page


def test_the_page_of_a_strip_names_no_class_that_the_study_has_not_given() -> None:
    """It starts on the side of the model's answer, whichever that is, and only says when it changes."""
    pages = set()
    for output in (None, "yes"):
        shown = explanations.explanation_of(stimulus(STRIP, output=output, classes=("no", "yes")))
        pages.add("yes" in render_to_string("studyapp/forms_of_explanations/strip.html", {"explained": shown}))
        if output is None:
            assert shown is not None
            assert [step.bar.words for step in shown.steps] == ["for the model’s answer", "against the model’s answer"]

    assert pages == {False, True}


LIGHT = ImageInput(2, 2, 1, bytes([250] * 4))
LEARNED = Prototypes((Prototype((DARK,), 1, 0.874, 0.874, 0.874), Prototype((LIGHT,), 0, 0.5, 0.5, 0.5)))
UNSURE = Prototypes((Prototype((DARK, LIGHT), 1, 0.75, 0.5, 0.9), Prototype((LIGHT, DARK), 0, 0.25, 0.1, 0.5)))


def test_prototypes_are_shown_with_their_class_and_how_alike_the_item_is() -> None:
    shown = explanations.explanation_of(stimulus(LEARNED, output="yes", item=DARK))

    assert shown is not None
    assert [(one.pictures, one.answer, one.similarity, one.width, one.range) for one in shown.compared] == [
        ((pictures.picture(DARK),), "yes", "87%", "174.8", None),
        ((pictures.picture(LIGHT),), "no", "50%", "100.0", None),
    ]
    assert not shown.is_uncertain


def test_an_uncertain_prototype_has_several_pictures_and_a_range() -> None:
    shown = explanations.explanation_of(stimulus(UNSURE, output="yes", item=DARK))

    assert shown is not None
    assert shown.is_uncertain
    first = shown.compared[0]
    assert len(first.pictures) == 2
    assert (first.similarity, first.low, first.high, first.range) == ("75%", "50%", "90%", ("100.0", "80.0"))


def test_a_likeness_is_never_said_more_exactly_than_it_is_known() -> None:
    """Both ends of the range read alike, so there is no range to show."""
    sure = Prototypes((Prototype((DARK, LIGHT), 1, 0.9999, 0.995, 1.0), Prototype((LIGHT, DARK), 0, 0.001, 0.0, 0.12)))

    shown = explanations.explanation_of(stimulus(sure, output="yes", item=DARK))

    assert shown is not None
    assert [(one.similarity, one.low, one.high, one.range is None) for one in shown.compared] == [
        ("over 99%", "over 99%", "over 99%", True),
        ("under 1%", "under 1%", "12%", False),
    ]


@pytest.mark.parametrize("form", [LEARNED, UNSURE])
def test_the_page_of_prototypes_names_classes_only_where_the_output_was_given(form: Form) -> None:
    """The class of the most alike prototype is nearly always the model's output."""
    pages = {}
    for output in ("yes", None):
        shown = explanations.explanation_of(stimulus(form, output=output, classes=("cat", "dog"), item=DARK))
        pages[output] = render_to_string("studyapp/forms_of_explanations/prototypes.html", {"explained": shown})

    assert [name in pages["yes"] for name in ("cat", "dog")] == [True, True]
    assert [name in pages[None] for name in ("cat", "dog")] == [False, False]


WHITE = ImageInput(2, 2, 1, bytes([255] * 4))
GREY = ImageInput(2, 2, 1, bytes([128] * 4))
FRAMES = Strip((Step(DARK, None, -1.0), Step(GREY, None, 0.5), Step(WHITE, None, 2.0)), crosses=True, own=1)


@pytest.mark.parametrize(("output", "order"), [("yes", (DARK, GREY, WHITE)), ("no", (WHITE, GREY, DARK))])
def test_frames_stand_on_the_side_that_they_lean_to(output: str, order: tuple[ImageInput, ...]) -> None:
    shown = explanations.explanation_of(stimulus(FRAMES, output=output, item=DARK))

    assert shown is not None
    assert [step.picture for step in shown.steps] == [pictures.picture(image) for image in order]
    assert [step.is_own for step in shown.steps] == [False, True, False]
    assert (shown.steps[0].bar.side, shown.steps[2].bar.side) == ("a", "b")


def test_the_page_of_frames_names_no_class_that_the_study_has_not_given() -> None:
    shown = explanations.explanation_of(stimulus(FRAMES, output=None, item=DARK))
    page = render_to_string("studyapp/forms_of_explanations/strip.html", {"explained": shown})

    assert shown is not None
    assert [step.bar.words for step in shown.steps] == [
        "against the model’s answer",
        "for the model’s answer",
        "for the model’s answer",
    ]
    assert "yes" not in page
    assert page.count("<img") == 3


def test_several_explanations_are_each_shown_as_alone_with_their_own_directions() -> None:
    form = Composite((Part(weights(0.4, -0.2, 0.0), True), Part(weights(0.3, 0.2, 0.1), False), Part(RULE, False)))

    shown = explanations.explanation_of(stimulus(form, output="yes"))

    assert shown is not None
    first, second, third = shown.parts
    assert (first.sides.is_signed, second.sides.is_signed) == (True, False)
    assert first.rows[0].bar.words == "towards “yes”"
    assert second.rows[0].bar.words == ""
    assert third.precision == "96%"


@pytest.mark.parametrize(("first", "holds_input"), [(RULE, True), (Examples((Example(ROW, 0),)), False)])
def test_the_input_stands_above_unless_the_first_of_several_holds_it(first: Form, holds_input: bool) -> None:
    shown = explanations.explanation_of(stimulus(Composite((Part(first, False), Part(RULE, False)))))

    assert shown is not None
    assert shown.holds_input == holds_input


def test_names_of_elements_are_there_once_on_a_page_of_several_explanations() -> None:
    heatmap = Heatmap(2, 2, (1.0, -1.0, 0.0, 0.5))
    form = Composite((Part(heatmap, True), Part(heatmap, False), Part(FRAMES, True)))

    shown = explanations.explanation_of(stimulus(form, item=DARK))
    page = render_to_string("studyapp/forms_of_explanations/composite.html", {"explained": shown})

    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids)) == 7
    assert set(re.findall(r' (?:for|aria-labelledby)="([^"]+)"', page)) == set(ids)


FILM = TextInput(("a", "dull", "film"))
CARDS = FeatureCards(
    (
        FeatureCard("Pattern 3", 1, 0.8, (Snippet(("so", "dull", "…"), 1, 1.0),), (Snippet(("…", "slow"), 1, 0.126),)),
        FeatureCard("Pattern 9", 2, -0.4, (Snippet(("film",), 0, 1.0),), ()),
    )
)


def test_cards_name_the_texts_own_word_and_cut_the_other_texts_at_theirs() -> None:
    shown = explanations.explanation_of(stimulus(CARDS, output="yes", item=FILM))

    assert shown is not None
    first, second = shown.cards
    assert [(card.name, card.word, card.bar.number) for card in shown.cards] == [
        ("Pattern 3", "dull", "0.80 →"),
        ("Pattern 9", "film", "← 0.40"),
    ]
    assert first.top == (explanations.Piece("so", "dull", "…", "100%"),)
    assert first.spread == (explanations.Piece("…", "slow", "", "13%"),)
    assert second.spread == ()


FORMULAS = Formulas(
    (
        FormulaCard(
            "Pattern 3", (Clause("or", "word", ("dull",)), Clause("and_not", "first")), (1,), 0.8, 0.126, 0.004
        ),
        FormulaCard("Pattern 9", (Clause("or", "digit"),), (), -0.4, 0.5, None),
    )
)


@pytest.mark.parametrize("form", [CARDS, FORMULAS], ids=["cards", "formulas"])
def test_what_stands_on_a_page_twice_has_names_of_its_own(form: FeatureCards | Formulas) -> None:
    shown = explanations.explanation_of(stimulus(Composite((Part(form, True), Part(form, True))), item=FILM))
    page = render_to_string("studyapp/forms_of_explanations/composite.html", {"explained": shown})

    assert re.findall(r' id="([^"]+)"', page) == ["explanation-title-1", "explanation-title-2"]
    assert re.findall(r' aria-labelledby="([^"]+)"', page) == ["explanation-title-1", "explanation-title-2"]


def test_the_page_of_cards_names_no_class_where_the_output_was_not_given() -> None:
    """What each pattern speaks for tells the output by its sum."""
    pages = []
    for output in (None, "yes"):
        shown = explanations.explanation_of(stimulus(CARDS, output=output, item=FILM))
        assert shown is not None
        pages.append(render_to_string(shown.template, {"explained": shown}))

    hidden, told = pages
    assert "no</span>" in told
    assert "no</span>" not in hidden
    assert "yes" not in hidden
    assert hidden.count('class="pattern-card"') == 2


MATCH = CaptionMatch(
    Heatmap(2, 2, (1.0, -1.0, 0.0, 0.5)), TokenWeights(("a", "dog", "drawn", "thin"), (0.01, 0.5, -0.2, 0.3))
)


def test_a_picture_and_its_caption_are_both_marked() -> None:
    shown = explanations.explanation_of(stimulus(MATCH, output="dog", classes=("cat", "dog"), item=DARK))

    assert shown is not None
    assert shown.overlay == pictures.overlay(MATCH.picture, "b", True)
    assert [(word.text, word.side, word.level) for word in shown.words] == [
        ("a", "b", 0),
        ("dog", "b", 3),
        ("drawn", "a", 2),
        ("thin", "b", 2),
    ]


def test_the_caption_is_kept_back_where_the_output_was_not_given() -> None:
    """It names the class that the model chose."""
    pages = {}
    for output in ("dog", None):
        shown = explanations.explanation_of(stimulus(MATCH, output=output, classes=("cat", "dog"), item=DARK))
        pages[output] = render_to_string("studyapp/forms_of_explanations/caption_match.html", {"explained": shown})

    assert "dog</span>" in pages["dog"]
    assert not any(word in pages[None] for word in ("dog", "drawn", "caption-words"))
    assert "overlay" in pages[None]


def test_a_units_formula_is_told_in_words_and_marked_in_the_text() -> None:
    shown = explanations.explanation_of(stimulus(FORMULAS, output="yes", item=FILM))

    assert shown is not None
    first, second = shown.described
    assert [(word.text, word.is_marked) for word in first.words] == [("a", False), ("dull", True), ("film", False)]
    assert (first.sentence, first.bar.number) == ("“dull”, but not one of the first three words", "0.80 →")
    assert (first.fit, first.elsewhere, first.holds) == ("13%", "less than 1%", True)
    assert (second.fit, second.elsewhere, second.holds) == ("50%", "", False)


@pytest.mark.parametrize(
    ("joints", "said"),
    [
        (("or", "or", "or"), "“a” or “b” or “c”"),
        (("or", "or", "and"), "“a” or “b”, and at the same time “c”"),
        (("or", "and", "or"), "“a”, and at the same time “b”, or “c”"),
        (("or", "or", "and_not"), "“a” or “b”, but not “c”"),
    ],
)
def test_a_comma_closes_what_a_formula_has_said_before(joints: tuple[Joint, ...], said: str) -> None:
    formula = [Clause(joint, "word", (word,)) for joint, word in zip(joints, "abc", strict=True)]

    assert in_words(formula) == said


def test_every_concept_has_words_of_its_own() -> None:
    said = {name: concept_in_words(Clause("or", name, ("good", "fine"))) for name in get_args(ConceptName)}

    assert len(set(said.values())) == len(said)
    assert said["one_of"] == "a word from the list of “good”, “fine” …"


def test_the_page_of_formulas_names_no_class_where_the_output_was_not_given() -> None:
    """What each unit speaks for tells the output by its sum."""
    pages = []
    for output in (None, "yes"):
        shown = explanations.explanation_of(stimulus(FORMULAS, output=output, item=FILM))
        assert shown is not None
        pages.append(render_to_string(shown.template, {"explained": shown}))

    hidden, told = pages
    assert "no</span>" in told
    assert "no</span>" not in hidden
    assert "yes" not in hidden
    assert hidden.count('class="pattern-card"') == 2
    assert "at no word" in hidden


def test_where_no_unit_has_a_formula_the_page_says_so() -> None:
    shown = explanations.explanation_of(stimulus(Formulas(()), item=FILM))

    assert shown is not None
    assert "Nothing in it can be described" in render_to_string(shown.template, {"explained": shown})

"""Every form in numbers on the item's own columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import numpy as np
import pytest

from explainers.explain import explain
from explainers.material import MATERIAL
from explainers.predictors.base import Predictor
from explainers.simulated.columns import Columns
from explainers.simulated.seen import NOT_USED, Reader, unused
from explainers.types import (
    Clause,
    Composite,
    Concept,
    Concepts,
    Example,
    Examples,
    ExplainerSpec,
    FeatureCard,
    FeatureCards,
    FeatureWeight,
    FeatureWeights,
    FormName,
    FormulaCard,
    Formulas,
    Heatmap,
    ImageInput,
    ItemRequest,
    Modality,
    Part,
    Prototype,
    Prototypes,
    Rule,
    RulePart,
    Snippet,
    Step,
    Strip,
    TextInput,
    TokenWeights,
)
from tests.explainers.metrics.linear import SIDE, VOCABULARY, items, linear
from tests.explainers.tiny import MATERIALS

ROW, TEXT, PICTURE = (items(modality, 1)[0].input for modality in ("tabular", "text", "image"))
READER: Mapping[Modality, Reader] = {name: Reader(Columns(linear(name)), 2) for name in ("tabular", "text", "image")}


def test_weights_of_variables_stand_on_the_columns_of_their_values() -> None:
    form = FeatureWeights(tuple(FeatureWeight(name, value, 0.5 + n) for n, (name, value) in enumerate(ROW.values)))
    (found,) = READER["tabular"].of(ROW, form, 1).statements

    assert found.at.tolist() == [0.0, 1.0] * 8  # all say yes
    assert found.adds.tolist() == [number for n in range(8) for number in (0.0, 0.5 + n)]


def test_weights_of_a_word_that_comes_twice_are_summed() -> None:
    item = TextInput(("Good", "film,", "good!", "unheard"))
    (found,) = READER["text"].of(item, TokenWeights(item.tokens, (0.25, 0.5, 1.0, -2.0)), 1).statements

    good, film, unknown = (READER["text"].columns.of_word(word) for word in ("good", "film", "unheard"))
    assert (found.adds[good], found.adds[film], found.adds[unknown]) == (1.25, 0.5, -2.0)
    assert sorted(np.flatnonzero(found.at)) == sorted({good, film, unknown})
    assert found.adds.sum() == -0.25
    assert len(found.at) == len(VOCABULARY) + 2


def test_weights_of_pixels_are_summed_and_their_brightness_averaged_in_cells() -> None:
    values = tuple(np.arange(SIDE * SIDE, dtype=float).tolist())
    (found,) = READER["image"].of(PICTURE, Heatmap(SIDE, SIDE, values), 1).statements

    assert len(found.at) == 49
    assert found.adds.sum() == sum(values)
    white = ImageInput(SIDE, SIDE, 1, bytes([255]) * SIDE * SIDE)
    assert READER["image"].columns.of([white])[0] == pytest.approx(np.ones(49))


def test_rule_speaks_for_the_output_by_its_conditions() -> None:
    parts = tuple(RulePart(name, value, n == 2) for n, (name, value) in enumerate(ROW.values))
    (found,) = READER["tabular"].of(ROW, Rule(parts, 0.75, 0.1), 1).statements

    assert {place: found.adds[place] for place in np.flatnonzero(found.adds)} == {5: 0.75}


def test_concept_is_spread_over_where_its_pictures_are_bright() -> None:
    half = ImageInput(SIDE, SIDE, 1, bytes([255]) * 32 + bytes(32))
    form = Concepts((Concept("a", 2.0, 1.5, (half, half)), Concept("b", 9.0, 1.0, ())))
    (found,) = READER["image"].of(PICTURE, form, 1).statements

    assert found.adds.sum() == pytest.approx(3.0)
    dark = READER["image"].columns.of([half])[0] == 0
    assert dark.sum() in range(14, 29)
    assert not found.adds[dark].any()


def test_other_items_come_with_their_classes_and_not_the_item_itself() -> None:
    reader = READER["tabular"]
    examples = reader.of(ROW, Examples((Example(ROW, 0), Example(ROW, 1))), 1).shown
    steps = (Step(ROW, None, 2.0), Step(ROW, ("variable 0", "yes", "no"), 0.5), Step(ROW, None, -0.5))
    strip = reader.of(ROW, Strip(steps, True), 1).shown
    wide = Reader(reader.columns, 3).of(ROW, Strip(steps, True), 1).shown

    assert [one.classes.tolist() for one in examples] == [[1, 0], [0, 1]]
    assert [one.classes.tolist() for one in strip] == [[0, 1], [1, 0]]
    assert [one.classes.tolist() for one in wide] == [[0, 1, 0], [0.5, 0, 0.5]]


def test_prototypes_weigh_by_their_similarity_and_lean_to_classes() -> None:
    shown = (Prototype((PICTURE, PICTURE), 0, 0.8, 0.7, 0.9), Prototype((PICTURE,), 1, 0.2, 0.2, 0.2))
    found = READER["image"].of(PICTURE, Prototypes(shown), 1)

    assert [one.weight for one in found.shown] == [0.4, 0.4, 0.2]
    assert found.leaning == pytest.approx([0.3, -0.3])


def test_cards_say_what_a_word_adds_here_and_in_other_texts() -> None:
    item = TextInput(("good", "film"))
    card = FeatureCard("1", 1, 2.0, (Snippet(("the", "plot"), 1, 0.5),), ())
    own, other = READER["text"].of(item, FeatureCards((card,)), 1).statements

    film, plot = (READER["text"].columns.of_word(word) for word in ("film", "plot"))
    assert (own.adds[film], own.adds.sum(), own.at.sum()) == (2.0, 2.0, 2.0)
    assert (other.at[plot], other.adds[plot], other.at.sum()) == (1.0, 1.0, 1.0)


def test_formulas_say_what_their_words_add_here_and_what_the_words_they_name_add() -> None:
    """Of the first word the effect by how well the formula fits; a word that must not be there is not named."""
    item = TextInput(("good", "film", "good"))
    clauses = (Clause("or", "word", ("plot",)), Clause("or", "first"), Clause("and_not", "word", ("so",)))
    form = Formulas((FormulaCard("Pattern 1", clauses, (0, 1), 2.0, 0.25, None),))
    own, *named = READER["text"].of(item, form, 1).statements

    good, film, plot = (READER["text"].columns.of_word(word) for word in ("good", "film", "plot"))
    assert (own.adds[good], own.adds[film], own.adds.sum()) == (1.0, 1.0, 2.0)
    assert [(one.at[plot], one.adds[plot], one.at.sum()) for one in named] == [(1.0, 0.5, 1.0)]


def test_page_with_several_forms_gives_all_of_them_in_their_own_units() -> None:
    tiny = TokenWeights(TEXT.tokens, tuple(1e-6 for _ in TEXT.tokens))
    parts = (Part(tiny, True), Part(Examples((Example(TEXT, 0),)), False), Part(tiny, False))
    found = READER["text"].of(TEXT, Composite(parts), 1)

    assert [one.adds.max() for one in found.statements] == [1.0, 1.0]
    assert len(found.shown) == 1
    assert unused(Composite(parts)) == ()


def test_what_is_left_out_is_said_of_known_forms() -> None:
    assert set(NOT_USED) <= set(get_args(FormName))
    assert unused(Strip((), False)) == (NOT_USED["strip"],)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (("image", "senn"), "senn"),
        (("image", "prototype"), "prototypes"),
        (("image", "prob-psenn"), "probabilistic_prototypes"),
        (("text", "transformer"), "feature_cards"),
        (("text", "gru"), "decision_boundary"),
        (("tabular", "mlp"), "anchors"),
    ],
)
def test_explanations_of_the_registry_can_be_read(
    predictors: Mapping[tuple[Modality, str], Predictor],
    key: tuple[Modality, str],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for material in MATERIALS.values():
        monkeypatch.setitem(MATERIAL, material.name, material)  # type: ignore[arg-type]
    predictor = predictors[key]
    request = ItemRequest(predictor.background.inputs[0], 0)
    (explanation,) = explain(predictor, ExplainerSpec(name, {}), [request])
    found = Reader(Columns(predictor), 2).of(request.input, explanation.form, explanation.explained_class)

    numbers = [*(one.adds for one in found.statements), *(one.at for one in found.shown)]
    assert numbers
    assert np.isfinite(numbers).all()
    assert any(one.any() for one in numbers)

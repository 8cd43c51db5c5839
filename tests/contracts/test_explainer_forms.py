"""Every explainer answers in the form that the registry names, about its own input, in numbers that survive JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from explainers.predictors.base import Predictor
from explainers.registry import EXPLAINERS, checked, form_of
from explainers.types import (
    CaptionMatch,
    Composite,
    Concepts,
    Example,
    Examples,
    FeatureCard,
    FeatureCards,
    FeatureWeights,
    Form,
    FormulaCard,
    Formulas,
    Heatmap,
    Input,
    Prototype,
    Prototypes,
    Rule,
    Step,
    Strip,
    TabularInput,
    TokenWeights,
    form_from_json,
)
from tests.contracts.explainer_runs import RUNS, Results, Run, every_run, every_weighing_run, weights
from tests.contracts.tiny import SHAPE, Case


def test_every_entry_is_run_on_every_modality_it_serves() -> None:
    covered = {(run.spec.name, run.case.partition("-")[0]) for run in RUNS}

    assert covered == {(name, modality) for name, found in EXPLAINERS.items() for modality in found.modalities}


@every_run
def test_form_is_the_one_the_registry_names(run: Run, cases: Mapping[str, Case], results: Results) -> None:
    expected = form_of(checked(run.spec), cases[run.case].modality)

    assert [explanation.form.form for explanation in results.of(run)] == [expected] * 7


@every_run
def test_form_names_the_parts_of_its_own_input(run: Run, cases: Mapping[str, Case], results: Results) -> None:
    for item, explanation in zip(cases[run.case].inputs, results.of(run), strict=True):
        form = explanation.form
        for shown in [part.form for part in form.parts] if isinstance(form, Composite) else [form]:
            check_names(shown, item, cases[run.case].predictor)


def check_names(shown: Form, item: Input, model: Predictor) -> None:
    match shown:
        case FeatureWeights(features=features):
            assert tuple((feature.name, feature.value) for feature in features) == item.values
        case TokenWeights(tokens=tokens, weights=values):
            assert (tokens, len(values)) == (item.tokens, len(item.tokens))
        case Heatmap(height=height, width=width, values=values):
            assert (height, width, len(values)) == (*SHAPE[1:], SHAPE[1] * SHAPE[2])
        case Concepts(concepts=concepts):
            assert tuple(concept.name for concept in concepts) == model.concept_names
            assert tuple(concept.prototypes for concept in concepts) == model.prototypes
        case Examples(examples=examples):
            check_examples(item, model, examples)
        case Prototypes(prototypes=prototypes):
            assert len({prototype.pictures for prototype in prototypes}) == (
                2 if model.architecture == "prob-psenn" else 3
            )
            check_prototypes(model, prototypes)
        case _:
            check_beside(shown, item, model)


def check_beside(shown: Form, item: Input, model: Predictor) -> None:
    match shown:
        case FeatureCards(cards=cards):
            check_cards(item, model, cards)
        case Formulas(cards=cards):
            check_formulas(item, cards)
        case CaptionMatch(picture=picture, caption=caption):
            check_names(picture, item, model)
            assert caption.tokens[1] in model.classes
            assert (caption.tokens[0], caption.tokens[2], len(caption.weights)) == ("a", "drawn", 4)
        case Rule(parts=parts):
            named = item.values if item.modality == "tabular" else tuple(("", token) for token in item.tokens)
            assert tuple((part.name, part.value) for part in parts) == named
        case Strip(steps=steps, own=own):
            check_strip(item, steps) if own == 0 else check_frames(item, steps, own)


def check_examples(item: Input, model: Predictor, examples: Sequence[Example]) -> None:
    """Three training items that are not the item, with the model's own outputs."""
    known = model.background.inputs
    assert len({example.input for example in examples} & set(known)) == 3
    assert item not in {example.input for example in examples}
    said = [output.class_index for output in model.outputs([example.input for example in examples])]
    assert [example.class_index for example in examples] == said


def check_prototypes(model: Predictor, prototypes: Sequence[Prototype]) -> None:
    """What the network has learned, the most alike first."""
    assert {picture for one in prototypes for picture in one.pictures} <= {p for row in model.prototypes for p in row}
    similarities = [prototype.similarity for prototype in prototypes]
    assert similarities == sorted(similarities, reverse=True)
    assert all(0 <= p.low <= p.similarity <= p.high <= 1 for p in prototypes)


def check_frames(item: Input, steps: Sequence[Step], own: int) -> None:
    """Two pictures on either side of the item, all of one size."""
    assert (len(steps), own) == (5, 2)
    sizes = {(step.input.height, step.input.width, step.input.channels, step.change) for step in steps}
    assert sizes == {(item.height, item.width, item.channels, None)}


def check_strip(item: Input, steps: Sequence[Step]) -> None:
    """The item itself, then one more part changed at each step."""
    assert (steps[0].input, steps[0].change) == (item, None)
    parts = dict(item.values) if isinstance(item, TabularInput) else dict(enumerate(item.tokens))
    for step in steps[1:]:
        where, old, new = step.change
        place = where if isinstance(item, TabularInput) else int(where)
        assert parts[place] == old != new
        parts[place] = new
        shown = step.input.values if isinstance(item, TabularInput) else step.input.tokens
        kept = (
            tuple(parts.items()) if isinstance(item, TabularInput) else tuple(part for part in parts.values() if part)
        )
        assert shown == kept


def check_cards(item: Input, model: Predictor, cards: Sequence[FeatureCard]) -> None:
    """Three features, each at a word of the item, told by seven pieces of training texts."""
    texts = [" ".join(text.tokens) for text in model.background.inputs]
    assert len({card.name for card in cards}) == 3
    assert all(0 <= card.place < len(item.tokens) for card in cards)
    pieces = [piece for card in cards for piece in (*card.top, *card.spread)]
    assert len(pieces) == 3 * 7
    shown = [" ".join(word for word in piece.words if word != "…") for piece in pieces]
    assert all(any(one in text for text in texts) for one in shown)


def check_formulas(item: Input, cards: Sequence[FormulaCard]) -> None:
    """Three units, each with a formula that names words and says where in the item it holds, the strongest first."""
    assert len({card.name for card in cards}) == 3
    sizes = [abs(card.effect) for card in cards]
    assert sizes == sorted(sizes, reverse=True)
    for card in cards:
        assert 1 <= len(card.formula) <= 3
        assert card.formula[0].joint == "or"
        assert card.places == tuple(sorted(set(card.places) & set(range(len(item.tokens)))))
        assert all(bool(clause.words) == (clause.concept in {"word", "one_of"}) for clause in card.formula)
        assert 0 < card.iou <= 1


@every_run
def test_form_comes_back_from_json_unchanged(run: Run, results: Results) -> None:
    forms = [explanation.form for explanation in results.of(run)]

    assert [form_from_json(json.loads(json.dumps(form.to_json()))) for form in forms] == forms


@every_run
def test_numbers_are_finite_and_of_seven_digits(run: Run, results: Results) -> None:
    for explanation in results.of(run):
        numbers = [*weights(explanation.form).tolist(), *explanation.diagnostics.values()]
        assert np.isfinite(numbers).all()
        assert numbers == [float(f"{number:.7g}") for number in numbers]


@every_weighing_run
def test_weights_are_not_all_alike(run: Run, results: Results) -> None:
    """A method that answers a constant would keep every other promise."""
    varied = [np.unique(weights(explanation.form)).size > 1 for explanation in results.of(run)]

    assert sum(varied) == 0 if run.is_uniform else sum(varied) >= run.fewest_varied

"""Concept formulas: what they say of a unit, by their definition, and a unit whose formula is planted."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explainers.errors import InputError, ParameterError
from explainers.explain import explain
from explainers.methods.base import Batch
from explainers.methods.concept_formulas import HELD_OUT, Book, active_at, book_of
from explainers.methods.features import known, values_at_words
from explainers.methods.text_concepts import PLAIN
from explainers.predictors.base import Predictor
from explainers.predictors.text import normalised
from explainers.registry import checked
from explainers.types import Clause, ExplainerSpec, FormulaCard, Formulas, TextInput
from tests.contracts.tiny import Case, items

SHARE = 0.05
UNITS = {"source": "units", "active_share": SHARE}
SPEC = ExplainerSpec("concept_formulas", UNITS)


@pytest.fixture(scope="module")
def case(cases: Mapping[str, Case]) -> Case:
    return cases["text-transformer"]


def book(case: Case, model: Predictor | None = None, **changes: float) -> Book:
    spec = checked(replace(SPEC, params={**UNITS, **changes}))
    return book_of(Batch(model or case.predictor, (), (), spec.params, 4096))


def holding(formula: tuple[Clause, ...], text: TextInput, lists: Mapping[tuple[str, ...], set[str]]) -> list[int]:
    """The words at which a formula holds, by what its clauses mean."""
    found = []
    for place, token in enumerate(text.tokens):
        said = False
        for clause in formula:
            if clause.words:
                own = normalised(token) in lists[clause.words]
            elif clause.concept == "unknown":
                own = normalised(token) == "unheard"
            else:
                own = PLAIN[clause.concept](text)[place]
            said = {"or": said or own, "and": said and own, "and_not": said and not own}[clause.joint]
        found += [place] * said
    return found


def lists_of(case: Case) -> dict[tuple[str, ...], set[str]]:
    return {
        one.words: {case.predictor.vocabulary[word - 2] for word in one.ids}
        for one in book(case).vocabulary.primitives
        if one.words
    }


def shown(case: Case, spec: ExplainerSpec = SPEC) -> list[tuple[FormulaCard, ...]]:
    found = [explanation.form for explanation in explain(case.predictor, spec, case.requests)]
    assert all(isinstance(form, Formulas) for form in found)
    return [form.cards for form in found]  # type: ignore[union-attr]


def test_places_are_the_words_at_which_the_formula_holds(case: Case) -> None:
    lists = lists_of(case)
    for request, cards in zip(case.requests, shown(case), strict=True):
        for card in cards:
            assert list(card.places) == holding(card.formula, request.input, lists)


def test_fits_are_those_of_words_searched_and_of_words_held_out(case: Case) -> None:
    """Counted anew, text by text: where a unit is among the strongest twentieth, and where its formula holds."""
    model, lists, found = case.predictor, lists_of(case), book(case)
    values = values_at_words(model, known(model, "units").features, model.background.rows).numpy()
    texts, tested = model.background.inputs, 0
    for unit, own in list(found.units.items())[:4]:
        formula = found.clauses(own.formula)
        at = [values[place, : len(text.tokens), unit] for place, text in enumerate(texts)]
        searched = np.concatenate([one for place, one in enumerate(at) if place % HELD_OUT != 3])
        bound = np.sort(searched)[-int(SHARE * len(searched))]
        counts = np.zeros((2, 2))  # held out or not: words in both, in either
        for place, text in enumerate(texts):
            active, held = (
                set(np.flatnonzero((at[place] >= bound) & (at[place] > 0))),
                set(holding(formula, text, lists)),
            )
            counts[int(place % HELD_OUT == 3)] += len(active & held), len(active | held)
        assert own.iou == pytest.approx(counts[0, 0] / counts[0, 1], rel=1e-12)
        assert own.held_out_iou == pytest.approx(counts[1, 0] / counts[1, 1], rel=1e-12)
        tested += 1
    assert tested == 4


def test_effects_are_what_the_centred_logits_of_the_text_lose_without_the_unit(case: Case) -> None:
    model, layer = case.predictor, case.predictor.module.layers[0]
    solu = layer.units

    def logits(text: TextInput) -> Tensor:
        with torch.no_grad():
            found = model.logits(model.encode([text])).double()[0]
        return found - found.mean()

    class Without(nn.Module):
        def __init__(self, unit: int) -> None:
            super().__init__()
            self.unit = unit

        def forward(self, values: Tensor) -> Tensor:
            out = solu(values)
            out[..., self.unit] = 0
            return out

    outputs = model.outputs(case.inputs)
    for request, output, cards in list(zip(case.requests, outputs, shown(case), strict=True))[2:5]:
        before = logits(request.input)[output.class_index]
        for card in cards:
            try:
                layer.units = Without(int(card.name.split()[1]) - 1)
                lost = before - logits(request.input)[output.class_index]
            finally:
                layer.units = solu
            assert card.effect == pytest.approx(lost.item(), rel=1e-3, abs=1e-5)


def test_units_that_move_the_answer_most_are_shown_of_those_whose_formula_holds(case: Case) -> None:
    spec = replace(SPEC, params={**UNITS, "n_cards": 6})
    for few, many in zip(shown(case), shown(case, spec), strict=True):
        told = sorted((abs(card.effect) for card in many if card.places and card.effect), reverse=True)
        assert [abs(card.effect) for card in few if card.places and card.effect] == told[:3]
        assert len(few) == 3


def test_a_planted_formula_is_found_and_holds_elsewhere(case: Case) -> None:
    """Attention is cut off and unit 3 looks for the one embedding that two words are given."""
    model = copy.copy(case.predictor)
    model.module = copy.deepcopy(model.module)
    model.learned_from(lambda: items("text", 200, seed=5))
    net, layer = model.module, model.module.layers[0]
    with torch.no_grad():
        net.place.weight.zero_()
        net.embedding.weight[7 + 2] = net.embedding.weight[4 + 2]
        for part in (layer.attention.mix.weight, layer.attention.mix.bias, layer.into_units.bias):
            part.zero_()
        layer.into_units.weight[3] = 4 * layer.before_units(net.embedding.weight[4 + 2])
    texts = model.background.inputs
    words = [normalised(t) for n, text in enumerate(texts) if n % HELD_OUT != 3 for t in text.tokens]
    share = (sum(word in {"word4", "word7"} for word in words) + 0.5) / len(words)

    own = book(case, model, active_share=share).units[3]

    named = book(case, model, active_share=share).clauses(own.formula)
    assert {(clause.joint, clause.words) for clause in named} == {("or", ("word4",)), ("or", ("word7",))}
    assert (own.iou, own.held_out_iou) == (1.0, 1.0)


def test_a_unit_is_active_at_its_largest_values_above_0() -> None:
    values, others = np.array([3.0, -1.0, 2.0, 0.5, 0.0, 2.0]), np.array([2.5, 1.9])

    found, there = active_at(values, others, 0.4)
    assert (found.tolist(), there.tolist()) == ([True, False, True, False, False, True], [True, False])
    assert active_at(-values, others, 1.0)[0].tolist() == [False, True, False, False, False, False]
    assert active_at(np.zeros(4), others, 0.5)[0].sum() == 0


@pytest.mark.parametrize("name", ["placebo_random_weights", "placebo_random", "placebo_other_item"])
def test_placebos_hold_in_the_text_and_have_the_numbers_of_a_real_one(name: str, case: Case) -> None:
    of_donor = name == "placebo_other_item"
    real = shown(
        replace(case, requests=tuple(replace(r, input=r.donor) for r in case.requests)) if of_donor else case, SPEC
    )
    placebo = ExplainerSpec(name, {"method": "concept_formulas", **UNITS})
    lists = lists_of(case)

    for request, ours, theirs in zip(case.requests, shown(case, placebo), real, strict=True):
        assert [(len(c.formula), c.iou, c.held_out_iou, abs(c.effect)) for c in ours] == [
            (len(c.formula), c.iou, c.held_out_iou, abs(c.effect)) for c in theirs
        ]
        for card in ours:
            assert list(card.places) == holding(card.formula, request.input, lists)
        can = [token for token in request.input.tokens if normalised(token) != "unheard"]
        told = [card for card, other in zip(ours, theirs, strict=True) if other.places]
        assert all(card.places for card in told) or not can
        assert [card.formula for card in ours] != [card.formula for card in theirs]


def test_the_random_placebo_has_no_formula_of_a_unit_that_is_shown(case: Case) -> None:
    placebo = ExplainerSpec("placebo_random", {"method": "concept_formulas", **UNITS})

    for ours, theirs in zip(shown(case, placebo), shown(case), strict=True):
        assert {card.formula for card in ours}.isdisjoint({card.formula for card in theirs})


def test_a_network_that_is_never_active_has_nothing_to_describe(case: Case) -> None:
    model = copy.copy(case.predictor)
    model.module = copy.deepcopy(model.module)
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.zero_()

    (found,) = explain(model, SPEC, case.requests[:1])

    assert found.form == Formulas(())
    assert dict(found.diagnostics) == {"effect_share": 0.0}


def test_formulas_are_searched_once_for_a_network_and_its_parameters(case: Case) -> None:
    assert book(case) is book(case)
    assert book(case, formula_length=1) is not book(case)
    assert {len(own.formula) for own in book(case, formula_length=1).units.values()} == {1}


def test_networks_without_such_units_are_refused(cases: Mapping[str, Case]) -> None:
    other = cases["text-gru"]

    with pytest.raises(ParameterError, match="needs a predictor of architecture transformer"):
        explain(other.predictor, SPEC, other.requests)
    with pytest.raises(InputError, match="has no SoLU units"):
        book(other)

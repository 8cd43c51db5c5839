"""Feature cards: what they say of a feature, by its definition, on the tiny transformer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explainers.errors import InputError, ParameterError
from explainers.explain import explain
from explainers.methods.feature_cards import spread
from explainers.methods.features import N_TEXTS_OF_EFFECT, known, values_at_words
from explainers.predictors.base import Predictor
from explainers.predictors.nets.transformer import TextTransformer
from explainers.types import ExplainerSpec, FeatureCards
from tests.contracts.tiny import Case

UNITS = ExplainerSpec("feature_cards", {"source": "units"})
SOURCES = ("units", "autoencoder")


@pytest.fixture(scope="module")
def model(cases: Mapping[str, Case]) -> Predictor:
    return cases["text-transformer"].predictor


def units_written_out(model: Predictor, rows: Tensor) -> Tensor:
    """The first layer's SoLU units (n, length, n_units), by its definition."""
    net = model.module
    assert isinstance(net, TextTransformer)
    layer = net.layers[0]
    states = net.embedding(rows) + net.place.weight[: rows.shape[1]]
    states = states + layer.attention(layer.before_attention(states), rows != 0)[0]
    values = layer.into_units(layer.before_units(states))
    return values * values.softmax(-1)


def test_units_are_those_of_the_first_layer(model: Predictor) -> None:
    rows = model.background.rows[:20]

    found = values_at_words(model, known(model, "units").features, rows)

    present = rows != 0
    torch.testing.assert_close(found[present], units_written_out(model, rows)[present], rtol=0, atol=1e-5)
    assert (found[~present] == -torch.inf).all()


def test_effect_of_a_unit_is_what_the_centred_logits_lose_without_it(model: Predictor) -> None:
    """Unit 5 is put to 0 by hand, in the texts that it is most active in."""
    facts, rows = known(model, "units"), model.background.rows
    largest = facts.most[:, 5].argsort(descending=True, stable=True)[:N_TEXTS_OF_EFFECT]
    layer = model.module.layers[0]

    def centred() -> Tensor:
        with torch.no_grad():
            logits = model.logits(rows[largest]).double()
        return logits - logits.mean(1, keepdim=True)

    before, solu = centred(), layer.units

    class Without(nn.Module):
        def forward(self, values: Tensor) -> Tensor:
            out = solu(values)
            out[..., 5] = 0
            return out

    try:
        layer.units = Without()
        lost = before - centred()
    finally:
        layer.units = solu

    active = (facts.most[largest, 5] > 0)[:, None]
    torch.testing.assert_close(facts.effects[5], (lost * active).mean(0), rtol=1e-3, atol=1e-6)
    assert facts.effects[5].abs().max() > 1e-4


@pytest.mark.parametrize("source", SOURCES)
def test_cards_are_of_the_most_active_features_at_the_words_that_activate_them(
    source: str, model: Predictor, cases: Mapping[str, Case]
) -> None:
    requests = cases["text-transformer"].requests
    facts, texts = known(model, source), model.background.inputs
    shown = explain(model, ExplainerSpec("feature_cards", {"source": source}), requests)
    can = (facts.most > 0).sum(0) >= 7

    for request, explanation in zip(requests, shown, strict=True):
        assert isinstance(explanation.form, FeatureCards)
        own = values_at_words(model, facts.features, model.encode([request.input]))[0]
        shares = torch.where(can, own.max(0).values / facts.most.max(0).values, -torch.inf)
        features = [int(card.name.split()[1]) - 1 for card in explanation.form.cards]
        torch.testing.assert_close(shares[features], shares.topk(3).values, rtol=1e-4, atol=1e-6)
        for card, feature in zip(explanation.form.cards, features, strict=True):
            assert own[card.place, feature] == pytest.approx(own[:, feature].max().item(), abs=1e-6)
            best = texts[int(facts.most[:, feature].argmax())]
            assert card.top[0].activity == 1
            assert (
                card.top[0].words[card.top[0].place]
                == best.tokens[int(facts.words[facts.most[:, feature].argmax(), feature])]
            )
            assert [one.activity for one in card.top] == sorted((one.activity for one in card.top), reverse=True)
            assert [one.activity for one in card.spread] == sorted(one.activity for one in card.spread)
            assert all(0 < one.activity <= 1 for one in (*card.top, *card.spread))


def test_spread_goes_evenly_over_the_range() -> None:
    values = np.linspace(0.01, 1, 100)

    assert values[spread(values, np.arange(97))].tolist() == pytest.approx([0.12, 0.37, 0.62, 0.87], abs=0.011)
    assert spread(values, np.array([5, 2])).tolist() == [2, 5]
    assert spread(values, np.array([], dtype=np.int64)).tolist() == []


@pytest.mark.parametrize("source", SOURCES)
def test_placebo_has_features_that_are_quiet_in_the_text_and_as_many_marked_words(
    source: str, model: Predictor, cases: Mapping[str, Case]
) -> None:
    requests = cases["text-transformer"].requests
    facts = known(model, source)
    placebo = ExplainerSpec("placebo_random_weights", {"method": "feature_cards", "source": source})
    real = explain(model, ExplainerSpec("feature_cards", {"source": source}), requests)

    for request, one, other in zip(requests, real, explain(model, placebo, requests), strict=True):
        own = values_at_words(model, facts.features, model.encode([request.input]))[0].max(0).values
        shares = (own / facts.most.max(0).values).nan_to_num()
        names = [{int(card.name.split()[1]) - 1 for card in found.form.cards} for found in (one, other)]
        assert names[0].isdisjoint(names[1])
        assert max(shares[list(names[1])]) <= min(shares[list(names[0])])
        places = [[card.place for card in found.form.cards] for found in (one, other)]
        assert len(set(places[0])) == len(set(places[1]))
        sizes = [sorted(abs(card.effect) for card in found.form.cards) for found in (one, other)]
        assert sizes[0] == sizes[1]
        looks = [[(len(card.top), len(card.spread)) for card in found.form.cards] for found in (one, other)]
        assert looks[0] == looks[1]


def test_what_is_known_is_gathered_once_for_a_network_and_its_training_texts(model: Predictor) -> None:
    assert known(model, "units") is known(model, "units")
    other = model.reinitialised(1)
    assert known(other, "units") is not known(model, "units")


def test_networks_without_such_units_are_refused(cases: Mapping[str, Case]) -> None:
    case = cases["text-gru"]

    with pytest.raises(ParameterError, match="needs a predictor of architecture transformer"):
        explain(case.predictor, UNITS, case.requests)
    with pytest.raises(InputError, match="has no SoLU units"):
        known(case.predictor, "units")

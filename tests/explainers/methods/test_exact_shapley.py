"""Exact Shapley values against captum 0.9.0, against the axioms, and against closed forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations

import numpy as np
import pytest
import torch
from captum.attr import ShapleyValues
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor
from torch.nn import functional

from explainers.errors import InputError
from explainers.explain import explain
from explainers.methods import exact_shapley
from explainers.methods.base import Batch
from explainers.methods.blocks import LENGTH_STEP, own_classes
from explainers.methods.exact_shapley import coalitions, shapley_values
from explainers.methods.masking import baseline_masking, regular, score
from explainers.predictors.tabular import TabularPredictor, Variable
from explainers.types import ExplainerSpec, ItemRequest, TabularInput, TextInput
from tests.contracts.tiny import PREDICTORS, VARIABLES, Case
from tests.explainers.methods.conftest import Cue

games = st.integers(1, 6).flatmap(lambda n: arrays(np.float64, 2**n, elements=st.floats(-1, 1, width=32)))


def batch(case: Case, n_groups: int = 6) -> Batch:
    return Batch(case.predictor, case.requests, own_classes(case.predictor, case.inputs), {"n_groups": n_groups}, 128)


# --- the game --------------------------------------------------------------------------------------------------------


def marginals(worths: np.ndarray, player: int) -> np.ndarray:
    """What the player adds in each order of all players: the definition."""
    n_players = len(worths).bit_length() - 1
    found = []
    for order in permutations(range(n_players)):
        before = sum(1 << other for other in order[: order.index(player)])
        found.append(worths[before | 1 << player] - worths[before])
    return np.array(found)


@given(worths=games)
def test_values_are_the_mean_over_all_orders_of_the_players(worths: np.ndarray) -> None:
    expected = [marginals(worths, player).mean() for player in range(len(worths).bit_length() - 1)]

    np.testing.assert_allclose(shapley_values(worths), expected, rtol=0, atol=1e-12)


@given(worths=games)
def test_values_sum_to_the_worth_of_all(worths: np.ndarray) -> None:
    assert shapley_values(worths).sum() == pytest.approx(worths[-1] - worths[0], abs=1e-12)


@given(worths=games, seed=st.integers(0, 100))
def test_a_dummy_has_exactly_nothing_and_twins_have_the_same(worths: np.ndarray, seed: int) -> None:
    """One player more who changes nothing; then one more who can stand for the first."""
    n_players = len(worths).bit_length() - 1
    masks = coalitions(n_players + 1)
    dummy = worths[np.arange(len(masks)) % len(worths)]
    joined = masks[:, :n_players] @ (1 << np.arange(n_players))
    twin = worths[np.where(masks[:, -1], joined | 1, joined)]  # the last player acts as player 0

    assert shapley_values(dummy)[-1] == 0
    assert shapley_values(twin)[-1] == pytest.approx(shapley_values(twin)[0], abs=1e-12)


@given(worths=games)
def test_values_of_a_sum_of_games_are_the_sums_of_the_values(worths: np.ndarray) -> None:
    other = np.cos(np.arange(len(worths)))

    np.testing.assert_allclose(
        shapley_values(worths + 2 * other), shapley_values(worths) + 2 * shapley_values(other), rtol=0, atol=1e-12
    )


# --- the predictors --------------------------------------------------------------------------------------------------


def padded_probability(case: Case, class_index: int) -> Callable[[Tensor], Tensor]:
    """Texts padded as in our blocks: what one without any word is answered depends on the room left for it."""

    def answer(rows: Tensor) -> Tensor:
        room = -rows.shape[1] % LENGTH_STEP if case.modality == "text" else 0
        return case.predictor.logits(functional.pad(rows, (0, room))).double().softmax(1)[:, class_index]

    return answer


@pytest.mark.parametrize("name", PREDICTORS)
def test_values_are_captums(name: str, cases: Mapping[str, Case]) -> None:
    """captum takes the mean over all orders, of at most five units here; four cells of pictures."""
    case, own = cases[name], batch(cases[name], n_groups=4 if cases[name].modality == "image" else 6)
    average = torch.tensor([[share for variable in VARIABLES for share in variable.frequencies]])
    for place, ours in enumerate(exact_shapley.explain(own)[:3]):
        item, class_index = case.inputs[place], own.classes[place]
        if isinstance(item, TextInput) and len(item.tokens) > 5:
            continue
        encoded = case.predictor.encode([item])
        baseline = average if case.modality == "tabular" else torch.zeros_like(encoded)
        units = np.arange(len(ours.weights))
        if case.modality == "tabular":
            columns = [unit for unit, variable in enumerate(VARIABLES) for _ in variable.categories]
        elif case.modality == "text":
            columns = units.tolist()
        else:
            columns = ours.unit_of_pixel.tolist()
        theirs = ShapleyValues(padded_probability(case, class_index)).attribute(
            encoded,
            baselines=baseline,
            feature_mask=torch.tensor(columns).reshape(encoded.shape),
            perturbations_per_eval=64,
        )
        firsts = [columns.index(unit) for unit in units]

        np.testing.assert_allclose(ours.weights, theirs.numpy().ravel()[firsts], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", PREDICTORS)
def test_weights_sum_to_the_change_from_nothing_to_the_item(name: str, cases: Mapping[str, Case]) -> None:
    for found in exact_shapley.explain(batch(cases[name], n_groups=8)):
        change = found.diagnostics["probability"] - found.diagnostics["baseline_probability"]

        assert found.weights.sum() == pytest.approx(change, abs=1e-12)


def test_words_of_a_group_share_its_value_equally(cases: Mapping[str, Case]) -> None:
    found = exact_shapley.explain(batch(cases["text-gru"], n_groups=6))[6].weights
    by_group = np.split(found, np.flatnonzero(np.diff(np.arange(20) * 6 // 20)) + 1)

    assert [len(own) for own in by_group] == [4, 3, 3, 4, 3, 3]
    assert all((own == own[0]).all() for own in by_group)


def test_pictures_are_cut_into_a_grid_of_at_most_so_many_cells(cases: Mapping[str, Case]) -> None:
    found = {n: exact_shapley.explain(batch(cases["image-cnn"], n_groups=n))[0].weights.size for n in (2, 4, 7, 9, 11)}

    assert found == {2: 2, 4: 4, 7: 6, 9: 9, 11: 9}


def linear(n_variables: int) -> TabularPredictor:
    """Logits that are linear in the columns, on variables of three values."""
    variables = tuple(
        Variable(f"variable {place}", ("low", "middle", "high"), (0.5, 0.3, 0.2)) for place in range(n_variables)
    )
    module = torch.nn.Linear(3 * n_variables, 2)
    with torch.no_grad():
        module.weight.copy_(torch.sin(torch.arange(6.0 * n_variables)).reshape(2, -1))
        module.bias.copy_(torch.tensor([0.1, -0.2]))
    return TabularPredictor(
        name="linear", architecture="mlp", classes=("no", "yes"), module=module, variables=variables
    )


def test_a_linear_predictor_gets_its_coefficients(cases: Mapping[str, Case]) -> None:
    """Of the centred logit, which is linear: weight of the value less the mean weight of the variable's values."""
    model = linear(14)
    item = TabularInput(tuple((v.name, v.categories[place % 3]) for place, v in enumerate(model.variables)))
    found = baseline_masking(Batch(model, (ItemRequest(item, 0),), (1,), {}, 64))
    values = shapley_values(found.predict(0, coalitions(14), score))

    weight = model.module.weight.double()
    half = ((weight[1] - weight[0]) / 2).reshape(14, 3).detach().numpy()
    expected = half[np.arange(14), np.arange(14) % 3] - half @ np.array([0.5, 0.3, 0.2])
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-6)


def test_more_than_fourteen_variables_are_refused() -> None:
    model = linear(15)
    item = TabularInput(tuple((variable.name, "low") for variable in model.variables))

    with pytest.raises(InputError, match=r"^requests\[0\]\.input: exact_shapley takes up to 14 variables, 15 came"):
        explain(model, ExplainerSpec("exact_shapley", {}), [ItemRequest(item, 0)])


def test_a_planted_cue_is_found(cue: Cue) -> None:
    """In a grid of 3 x 3 cells of 4 x 4 pixels the bar's own cell weighs most."""
    found = explain(cue.predictor, ExplainerSpec("exact_shapley", {"n_groups": 9}), cue.requests)
    cell = regular(3, 3)
    inside = []
    for request, explanation in zip(cue.requests, found, strict=True):
        bar = np.frombuffer(request.input.pixels, np.uint8).reshape(12, 12) > 200
        most = np.array(explanation.form.values).reshape(12, 12)
        rows, columns = cell(12, 12)
        sums = np.zeros((3, 3))
        np.add.at(sums, (rows[:, None], columns[None, :]), bar)
        strongest = np.unravel_index(most[::4, ::4].argmax(), (3, 3))
        inside.append(sums[strongest] > 0)

    assert np.mean(inside) >= 0.9

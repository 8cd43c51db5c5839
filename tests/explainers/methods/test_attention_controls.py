"""The controls of the debate on attention: uniform, frozen and adversarial."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from explainers.errors import ParameterError
from explainers.explain import explain
from explainers.methods.attention import attention
from explainers.methods.attention_distance import divergence, variation
from explainers.methods.attention_frozen import looking_at_random
from explainers.predictors.attention import attending
from explainers.predictors.base import Predictor
from explainers.types import ExplainerSpec, Input, ItemRequest
from tests.contracts.tiny import Case

ATTENTIVE = ("text-gru", "text-transformer")
every_network = pytest.mark.parametrize("name", ATTENTIVE)
ADVERSARIAL = ExplainerSpec("attention_adversarial", {})


def read(model: Predictor, item: Input) -> tuple[np.ndarray, np.ndarray]:
    """Weights (heads, words) and values (heads, words, width) of one text."""
    rows = model.encode([item])
    with torch.no_grad():
        found = attending(model).read(attending(model).embedding(rows), rows)
    return found.weights[0].double().numpy(), found.values[0].double().numpy()


def answers(model: Predictor, weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        logits = attending(model).combine(
            torch.from_numpy(weights)[None].float(), torch.from_numpy(values)[None].float()
        )
    return logits[0].double().softmax(0).numpy()


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=12))
def test_divergence_is_scipys_squared_distance(pairs: list[tuple[float, float]]) -> None:
    first, second = (np.array(side) + 1e-9 for side in zip(*pairs, strict=True))
    first, second = first / first.sum(), second / second.sum()

    found = float(divergence(torch.from_numpy(first)[None], torch.from_numpy(second)[None]))

    assert found == pytest.approx(jensenshannon(first, second) ** 2, abs=1e-9)


def test_divergence_ends_at_ln_2_and_variation_at_1() -> None:
    apart = torch.eye(2, dtype=torch.float64)

    assert divergence(apart[:1], apart[1:]).item() == pytest.approx(np.log(2))
    assert variation(apart[:1], apart[1:]).item() == 1
    assert divergence(apart, apart).tolist() == variation(apart, apart).tolist() == [0, 0]


@every_network
def test_uniform_attention_is_flat_and_says_how_far_the_answer_moves(name: str, cases: Mapping[str, Case]) -> None:
    case = cases[name]
    for item, found in zip(
        case.inputs, explain(case.predictor, ExplainerSpec("attention_uniform", {}), case.requests), strict=True
    ):
        weights, values = read(case.predictor, item)
        flat = np.full_like(weights, 1 / weights.shape[1])
        change = np.abs(answers(case.predictor, flat, values) - answers(case.predictor, weights, values)).sum() / 2

        np.testing.assert_allclose(found.form.weights, flat[0], rtol=1e-6)
        assert found.diagnostics["output_change"] == pytest.approx(change, abs=1e-5)
        assert found.diagnostics["jsd"] == pytest.approx(jensenshannon(flat[0], weights.mean(0)) ** 2, abs=1e-6)


@every_network
def test_frozen_attention_changes_where_the_network_looks_and_nothing_below_or_behind(
    name: str, cases: Mapping[str, Case]
) -> None:
    model = cases[name].predictor
    frozen = looking_at_random(model, 0)
    before, after = model.module.state_dict(), frozen.module.state_dict()

    changed = {key for key in before if not torch.equal(before[key], after[key])}

    looking = ("query", "key") if name == "text-transformer" else ()
    assert changed == {key for key in before if key.startswith("attention.") or key.split(".")[-2] in looking}
    assert torch.equal(after["attention.weight"], looking_at_random(model, 0).module.state_dict()["attention.weight"])
    assert not torch.equal(
        after["attention.weight"], looking_at_random(model, 1).module.state_dict()["attention.weight"]
    )


@every_network
def test_frozen_attention_is_shown_in_the_sizes_of_the_real_one(name: str, cases: Mapping[str, Case]) -> None:
    case = cases[name]
    frozen = looking_at_random(case.predictor, 3)
    ours = explain(case.predictor, ExplainerSpec("attention_frozen", {"weights_seed": 3}), case.requests)
    pairs = zip(attention(case.predictor, case.inputs), attention(frozen, case.inputs), strict=True)
    outputs = [np.array([o.probability for o in model.outputs(case.inputs)]) for model in (case.predictor, frozen)]
    classes = [[o.class_index for o in model.outputs(case.inputs)] for model in (case.predictor, frozen)]

    for place, (found, (real, random)) in enumerate(zip(ours, pairs, strict=True)):
        shown = np.array(found.form.weights)
        np.testing.assert_allclose(np.sort(shown), np.sort(real), rtol=1e-6)
        assert np.array_equal(np.argsort(shown, kind="stable"), np.argsort(random, kind="stable"))
        theirs = outputs[1][place] if classes[0][place] == classes[1][place] else 1 - outputs[1][place]
        assert found.diagnostics["output_change"] == pytest.approx(abs(outputs[0][place] - theirs), abs=1e-5)


@every_network
@pytest.mark.parametrize("max_change", [0.01, 0.1])
def test_adversarial_attention_keeps_the_answer(name: str, max_change: float, cases: Mapping[str, Case]) -> None:
    case = cases[name]
    spec = ExplainerSpec(ADVERSARIAL.name, {"max_change": max_change, "n_rounds": 40})

    for item, found in zip(case.inputs, explain(case.predictor, spec, case.requests), strict=True):
        shown, real = np.array(found.form.weights), read(case.predictor, item)[0].mean(0)
        assert shown.min() >= 0
        assert shown.sum() == pytest.approx(1, abs=1e-5)
        assert found.diagnostics["output_change"] <= max_change
        assert found.diagnostics["jsd"] == pytest.approx(jensenshannon(shown, real) ** 2, abs=1e-5)
        assert (found.diagnostics["jsd"] > 0) == (len(item.tokens) > 1)


def test_one_head_gives_the_very_answer_that_is_promised(cases: Mapping[str, Case]) -> None:
    """With a single head what is shown is all of the attention: put in its place, it keeps the answer."""
    case = cases["text-gru"]
    brief = ExplainerSpec(ADVERSARIAL.name, {"n_rounds": 20})
    for item, found in zip(case.inputs, explain(case.predictor, brief, case.requests), strict=True):
        weights, values = read(case.predictor, item)
        other = answers(case.predictor, np.array([found.form.weights]), values)
        assert np.abs(other - answers(case.predictor, weights, values)).sum() / 2 <= 0.01 + 1e-5


def test_the_climb_comes_near_the_farthest_attention_there_is(cases: Mapping[str, Case]) -> None:
    """With one head and two classes the farthest is known.

    The log-odds are linear in the attention, so what keeps the answer is the simplex between two parallel planes, and
    the divergence, which is convex, is largest at one of its corners: a word alone, or two words on a plane.
    """
    case = cases["text-gru"]
    long = [request for request in case.requests if len(request.input.tokens) >= 5]
    reached = []
    for request, found in zip(long, explain(case.predictor, ADVERSARIAL, long), strict=True):
        most = farthest(case.predictor, request.input)
        assert found.diagnostics["jsd"] <= most + 1e-6
        reached.append(found.diagnostics["jsd"] / most)

    assert len(reached) == 5
    assert np.mean(reached) > 0.95
    assert min(reached) > 0.9


def farthest(model: Predictor, item: Input, max_change: float = 0.01) -> float:
    weights, values = read(model, item)
    net = attending(model)
    odds = (net.out.weight[1] - net.out.weight[0]).double().numpy()
    along = values[0] @ odds
    shift = float(net.out.bias[1] - net.out.bias[0])
    own = 1 / (1 + np.exp(-(along @ weights[0] + shift)))
    low, high = (np.log(p / (1 - p)) - shift for p in np.clip([own - max_change, own + max_change], 1e-12, 1 - 1e-12))
    corners = [corner for corner in np.eye(len(along)) if low <= along @ corner <= high]
    for first, second in combinations(range(len(along)), 2):
        for plane in (low, high):
            share = (plane - along[second]) / (along[first] - along[second])
            if 0 <= share <= 1:
                corner = np.zeros(len(along))
                corner[[first, second]] = share, 1 - share
                corners.append(corner)
    return max(float(jensenshannon(corner, weights[0])) ** 2 for corner in corners)


@pytest.mark.parametrize("name", ["attention_uniform", "attention_frozen", "attention_adversarial"])
def test_controls_are_refused_where_there_is_no_attention(name: str, cases: Mapping[str, Case]) -> None:
    with pytest.raises(ParameterError, match="needs a predictor of architecture gru or transformer"):
        explain(cases["text-senn"].predictor, ExplainerSpec(name, {}), [ItemRequest(cases["text-senn"].inputs[0], 0)])

"""Placebos: they look like explanations and are explanations of something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from explainers.errors import InputError
from explainers.explain import explain
from explainers.methods.placebo_random_weights import _weights_seed, with_sizes_of
from explainers.predictors.initialise import initialise
from explainers.types import ExplainerSpec, ItemRequest, TextInput
from tests.contracts.tiny import Case

OTHER = ExplainerSpec("placebo_other_item", {"method": "saliency"})
RANDOM = ExplainerSpec("placebo_random_weights", {"method": "gradient_x_input"})


def test_sizes_are_handed_out_by_rank_with_the_placebos_signs() -> None:
    real = np.array([0.0, -3.0, 1.0, 2.0])
    random = np.array([-0.1, 0.5, 0.9, -0.7])

    assert with_sizes_of(real, random, seed=0).tolist() == [-0.0, 1.0, 3.0, -2.0]


def test_sizes_without_direction_stay_without() -> None:
    found = with_sizes_of(np.array([1.0, 2.0, 3.0]), np.zeros(3), seed=4)

    assert sorted(found.tolist()) == [1.0, 2.0, 3.0]


def test_ties_are_broken_by_the_items_seed() -> None:
    real = np.arange(1.0, 9.0)
    drawn = {tuple(with_sizes_of(real, np.zeros(8), seed)) for seed in range(20)}

    assert len(drawn) > 15
    assert with_sizes_of(real, np.zeros(8), 3).tolist() == with_sizes_of(real, np.zeros(8), 3).tolist()


def test_one_wrong_predictor_serves_the_whole_study(cases: Mapping[str, Case]) -> None:
    """The same item gets the same placebo whatever its seed, another study's seed another one."""
    case = cases["text-gru"]
    requests = [replace(case.requests[6], seed=seed) for seed in range(3)]
    other_study = ExplainerSpec(RANDOM.name, {**RANDOM.params, "weights_seed": 1})

    first, *rest = (explanation.form for explanation in explain(case.predictor, RANDOM, requests))
    assert rest == [first, first]
    assert explain(case.predictor, other_study, requests)[0].form != first


def test_placebo_weights_are_not_the_start_of_a_training() -> None:
    """Training with a small seed starts from `initialise(module, seed)`; the placebo must not be that network."""
    start = initialise(torch.nn.Linear(5, 5), 0).weight
    placebo = initialise(torch.nn.Linear(5, 5), _weights_seed(0)).weight

    assert not torch.allclose(start, placebo)
    assert len({_weights_seed(seed) for seed in range(1000)}) == 1000
    assert min(_weights_seed(seed) for seed in range(1000)) > 1000


def test_the_real_predictor_is_left_as_it_was(cases: Mapping[str, Case]) -> None:
    case = cases["image-cnn"]
    before = {name: weight.clone() for name, weight in case.predictor.module.state_dict().items()}
    explain(case.predictor, RANDOM, case.requests)

    assert all(torch.equal(weight, before[name]) for name, weight in case.predictor.module.state_dict().items())


def test_donor_text_gives_its_weights_by_relative_position(cases: Mapping[str, Case]) -> None:
    case = cases["text-gru"]
    by_length = {len(item.tokens): item for item in case.inputs if isinstance(item, TextInput)}
    classes = {
        length: output.class_index
        for length, output in zip(by_length, case.predictor.outputs(list(by_length.values())), strict=True)
    }
    item, donor = next(
        (short, long) for short in (5, 8, 9) for long in (9, 13, 20) if short < long and classes[short] == classes[long]
    )
    request = ItemRequest(by_length[item], seed=0, donor=by_length[donor])

    own = explain(case.predictor, ExplainerSpec("saliency", {}), [ItemRequest(by_length[donor], seed=0)])[0]
    placebo = explain(case.predictor, OTHER, [request])[0]

    expected = [own.form.weights[int((place + 0.5) * donor / item)] for place in range(item)]
    assert list(placebo.form.weights) == expected
    assert placebo.form.tokens == by_length[item].tokens


@pytest.mark.parametrize("name", ["tabular-mlp", "image-cnn"])
def test_donor_weights_stand_on_the_items_own_parts(name: str, cases: Mapping[str, Case]) -> None:
    case = cases[name]
    donors = [ItemRequest(request.donor, seed=request.seed) for request in case.requests]
    of_donors = explain(case.predictor, ExplainerSpec("saliency", {}), donors)

    for request, placebo, own in zip(
        case.requests, explain(case.predictor, OTHER, case.requests), of_donors, strict=True
    ):
        if name == "image-cnn":
            assert placebo.form == own.form
        else:
            shown = [(f.name, f.value, f.weight) for f in placebo.form.features]
            values = [pair[1] for pair in request.input.values]
            assert shown == [(f.name, value, f.weight) for f, value in zip(own.form.features, values, strict=True)]


def test_donors_that_would_not_make_a_placebo_are_refused(cases: Mapping[str, Case]) -> None:
    case = cases["tabular-mlp"]
    outputs = case.predictor.outputs(case.inputs)
    item = case.requests[0]
    wrong = next(i for i, o in zip(case.inputs, outputs, strict=True) if o.class_index != outputs[0].class_index)

    for donor, message in ((None, "none came"), (item.input, "the item itself came"), (wrong, "the same output")):
        with pytest.raises(InputError, match=rf"^requests\[0\]\.donor: .*{message}"):
            explain(case.predictor, OTHER, [replace(item, donor=donor)])

"""What a simulated subject learns from planted explanations, from placebos, and what it says of bad questions."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from explainers.errors import InputError, ParameterError
from explainers.methods.blocks import own_classes
from explainers.metrics.measure import Arm
from explainers.simulated.simulate import Changes, simulate
from explainers.simulated.types import Mean, Simulation
from explainers.types import (
    Composite,
    Example,
    Examples,
    ExplainerSpec,
    Explanation,
    Form,
    Input,
    ItemRequest,
    Part,
    Step,
    Strip,
)
from tests.explainers.simulated.scene import noise, planted, predictor, requests, row, rule

ITEMS = requests(160)
LEARNING, TEST = ITEMS[:60], ITEMS[60:]
MODEL = predictor()
Says = Callable[[Input, int], Form]


def arm(says: Says, items: Sequence[ItemRequest] = LEARNING, name: str = "lime") -> Arm:
    inputs = [request.input for request in items]
    classes = own_classes(MODEL, inputs)
    found = [Explanation(says(item, own), own, {}) for item, own in zip(inputs, classes, strict=True)]
    return Arm(ExplainerSpec(name, {}), tuple(found))


def flips(items: Sequence[ItemRequest]) -> tuple[tuple[Input, ...], ...]:
    """Of each item the same with one of the variables changed that matter, and with one of the others."""
    rng, found = np.random.default_rng(7), []
    for request in items:
        values = [int(value == "yes") for _, value in request.input.values]
        places = rng.integers(3), rng.integers(3, 14)
        changed = [[*values[:place], 1 - values[place], *values[place + 1 :]] for place in places]
        found.append(tuple(row(one) for one in changed))
    return tuple(found)


CHANGES = Changes(flips(LEARNING), flips(TEST))


@pytest.fixture(scope="module")
def forward() -> Simulation:
    return simulate(MODEL, [arm(planted), arm(noise), arm(rule)], LEARNING, TEST, n_learners=8)


@pytest.fixture(scope="module")
def counterfactual() -> Simulation:
    arms = [arm(planted, ITEMS), arm(noise, ITEMS)]
    return simulate(MODEL, arms, LEARNING, TEST, changes=CHANGES, n_shown=8, n_learners=6)


# --- planted cases -----------------------------------------------------------------------------------------------


def test_explanation_that_tells_the_rule_teaches_it(forward: Simulation) -> None:
    """With what each value adds known, 16 items are enough for the rule; without, 14 variables leave it open."""
    control, told, _, as_rule = forward.arms

    assert control.after.value < 0.9
    assert told.after.value > 0.97
    assert told.beyond_control.low > 0.1
    assert told.uses > 0.9
    assert as_rule.beyond_control.low > 0.05


def test_placebo_teaches_nothing_beyond_control(forward: Simulation) -> None:
    placebo = forward.arms[2]

    assert placebo.beyond_control.low < 0.01
    assert abs(placebo.beyond_control.value) < 0.02
    assert placebo.uses < 0.5


def test_methods_of_the_registry_rank_as_planted() -> None:
    """Gradient x input is the closed form of a linear rule; on random weights it is another predictor's."""
    base = {"method": "gradient_x_input"}
    specs = [ExplainerSpec("gradient_x_input", {}), ExplainerSpec("placebo_random_weights", base)]
    _, real, placebo = simulate(MODEL, [Arm(spec) for spec in specs], LEARNING, TEST, n_learners=8).arms

    assert real.beyond_control.low > 0.1
    assert placebo.beyond_control.value < 0.02


def test_weights_all_alike_are_the_control_arm(forward: Simulation) -> None:
    """They say only which parts stood beside which output, which everybody sees."""
    uniform = arm(lambda item, own: scaled(planted(item, own), alike=True))
    control, found = simulate(MODEL, [uniform], LEARNING, TEST, n_learners=4).arms

    assert (found.after, found.uses) == (control.after, 0.0)
    assert found.beyond_control == Mean(0.0, 0.0, 0.0)


def test_units_of_a_method_do_not_matter(forward: Simulation) -> None:
    small = arm(lambda item, own: scaled(planted(item, own), by=1e-5))
    found = simulate(MODEL, [small], LEARNING, TEST, n_learners=8)

    assert found.arms[1] == forward.arms[1]


def scaled(form: Form, by: float = 1.0, alike: bool = False) -> Form:
    weights = [1.0 if alike else feature.weight * by for feature in form.features]
    pairs = zip(form.features, weights, strict=True)
    return replace(form, features=tuple(replace(feature, weight=weight) for feature, weight in pairs))


def test_examples_with_their_outputs_teach_as_more_items_do() -> None:
    """Each learning item with two others and their outputs is a larger set of learning items."""
    others = requests(120, seed=1)
    outputs = own_classes(MODEL, [request.input for request in others])
    pairs = [Example(request.input, own) for request, own in zip(others, outputs, strict=True)]
    places = {request.input: place for place, request in enumerate(LEARNING)}
    shown = arm(lambda item, own: Examples(tuple(pairs[2 * places[item] : 2 * places[item] + 2])), LEARNING)
    found = simulate(MODEL, [shown], LEARNING, TEST, n_learners=6).arms[1]

    assert found.beyond_control.low > 0.02
    assert found.uses > 0.8


def test_page_with_two_explanations_teaches_what_the_better_one_does(forward: Simulation) -> None:
    both = arm(lambda item, own: Composite((Part(planted(item, own), True), Part(planted(item, own), True))))
    found = simulate(MODEL, [both], LEARNING, TEST, n_learners=8).arms[1]

    assert found.after.value == pytest.approx(forward.arms[1].after.value, abs=0.02)


def test_explanation_in_sight_tells_which_change_matters(counterfactual: Simulation) -> None:
    control, told, placebo = counterfactual.arms

    assert control.after.value < told.after.value - 0.05
    assert told.beyond_control.low > 0.02
    assert placebo.beyond_control.value < 0.02
    assert counterfactual.n_questions == 200


def test_forms_that_tell_changes_have_no_counterfactual_test() -> None:
    steps = (Step(LEARNING[0].input, None, 1.0), Step(LEARNING[1].input, ("variable 0", "no", "yes"), -1.0))
    refused = arm(lambda item, own: Strip(steps, True), ITEMS)
    found = simulate(MODEL, [refused], LEARNING, TEST, changes=CHANGES, n_learners=1).arms[1]

    assert found.reason == (
        "The explanation shows changes with their outputs, so no study may show it in a counterfactual test."
    )
    assert (found.after, found.uses) == (Mean(None, None, None), None)


# --- what it promises ----------------------------------------------------------------------------------------------


def test_result_is_marked_and_comes_back_from_json(forward: Simulation, counterfactual: Simulation) -> None:
    for found in (forward, counterfactual):
        data = json.loads(json.dumps(found.to_json(), allow_nan=False))
        assert Simulation.from_json(data) == found
        assert data["is_simulated"] is True
        assert found.before == 0.5
        assert found.arms[0].gain.value == pytest.approx(found.arms[0].after.value - 0.5)
        assert found.reference
        with pytest.raises(InputError, match="is_simulated must be true"):
            Simulation.from_json({**data, "is_simulated": False})
        with pytest.raises(InputError, match="the key 'unit' is missing"):
            Simulation.from_json({key: value for key, value in data.items() if key != "unit"})


def test_same_seed_gives_the_same_numbers_and_leaves_global_state_alone(forward: Simulation) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    again = simulate(MODEL, [arm(planted), arm(noise), arm(rule)], LEARNING, TEST, n_learners=8)
    other = simulate(MODEL, [arm(planted)], LEARNING, TEST, n_learners=8, seed=1)

    assert again == forward
    assert other.arms[0] != forward.arms[0]
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


def test_an_arm_does_not_depend_on_the_others(forward: Simulation) -> None:
    alone = simulate(MODEL, [arm(noise)], LEARNING, TEST, n_learners=8)

    assert alone.arms == (forward.arms[0], forward.arms[2])


def test_one_learner_has_no_interval() -> None:
    found = simulate(MODEL, [arm(planted)], LEARNING, TEST, n_learners=1).arms[1]

    assert found.after.value > 0.9
    assert (found.after.low, found.after.high) == (None, None)


def test_outputs_all_alike_are_foretold_by_everybody() -> None:
    """A predictor that always says the same: nothing to learn, and nothing that fails."""
    alike = [request for request in ITEMS if own_classes(MODEL, [request.input]) == (1,)]
    found = simulate(MODEL, [arm(planted, alike[:20])], alike[:20], alike[20:], n_learners=2)

    assert [one.after.value for one in found.arms] == [1.0, 1.0]


def test_bad_questions_are_answered_with_what_was_expected() -> None:
    with pytest.raises(ParameterError, match=r"^n_shown: 3 is below 4$"):
        simulate(MODEL, [], LEARNING, TEST, n_shown=3)
    with pytest.raises(ParameterError, match=r"^n_learners: 0 is below 1$"):
        simulate(MODEL, [], LEARNING, TEST, n_learners=0)
    with pytest.raises(ParameterError, match=r"^level: 1 is not between"):
        simulate(MODEL, [], LEARNING, TEST, level=1)
    with pytest.raises(InputError, match=r"^test: no item came"):
        simulate(MODEL, [], LEARNING, [])
    with pytest.raises(InputError, match="among the learning items"):
        simulate(MODEL, [], LEARNING, LEARNING[:4])
    with pytest.raises(InputError, match=r"^learning: 8 items can be learned from, a learner sees 16"):
        simulate(MODEL, [], LEARNING[:8], TEST)
    with pytest.raises(InputError, match=r"^arm.explanations: 60 came, 160 items need as many$"):
        simulate(MODEL, [arm(planted)], LEARNING, TEST, changes=CHANGES)
    with pytest.raises(InputError, match=r"^changes: one row"):
        simulate(MODEL, [], LEARNING, TEST, changes=Changes((), ()))
    with pytest.raises(InputError, match=r"^changes: none came for the test items"):
        simulate(MODEL, [], LEARNING, TEST, changes=Changes(flips(LEARNING), ((),) * len(TEST)))

"""Latent shift: the gradient by differences, frames that say what the predictor says to them, placebos."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
import torch

from explainers.explain import explain
from explainers.methods.base import Batch
from explainers.methods.latent_shift import _directions, _latents, _shifts, _space
from explainers.registry import checked
from explainers.types import ExplainerSpec, ImageInput, ItemRequest, Output, Strip
from tests.contracts.tiny import Case
from tests.explainers.methods.conftest import Cue
from tests.explainers.tiny import image_items

FEW = {"training_steps": 200, "latent_size": 8}
SPEC = ExplainerSpec("latent_shift", FEW)
WEIGHTS = ExplainerSpec("placebo_random_weights", {**FEW, "method": "latent_shift"})
RANDOM = ExplainerSpec("placebo_random", {**FEW, "method": "latent_shift"})
OTHER = ExplainerSpec("placebo_other_item", {**FEW, "method": "latent_shift"})


@pytest.fixture(scope="module")
def drawn(cue: Cue) -> Cue:
    """The planted cue, with pictures that an autoencoder can learn from."""
    known = [item.input for item in image_items(60, seed=5)]
    return Cue(copy.copy(cue.predictor).learned_from(lambda: known), cue.requests)


def strips(cue: Cue, spec: ExplainerSpec = SPEC, **params: float) -> list[Strip]:
    asked = ExplainerSpec(spec.name, {**spec.params, **params})
    return [found.form for found in explain(cue.predictor, asked, cue.requests)]  # type: ignore[misc]


def margins(strip: Strip) -> list[float]:
    return [step.margin for step in strip.steps]


def batch(cue: Cue) -> Batch:
    said = cue.predictor.outputs([request.input for request in cue.requests])
    classes = tuple(output.class_index for output in said)
    return Batch(cue.predictor, cue.requests, classes, checked(SPEC).params, 4096)


def test_margins_are_those_of_the_frames_that_are_shown(drawn: Cue) -> None:
    for strip, explanation in zip(strips(drawn), explain(drawn.predictor, SPEC, drawn.requests), strict=True):
        with torch.no_grad():
            logits = drawn.predictor.logits(drawn.predictor.encode([step.input for step in strip.steps]))
        own = logits[:, explanation.explained_class] - logits[:, 1 - explanation.explained_class]
        assert margins(strip) == pytest.approx(own.tolist(), abs=1e-4)


def test_the_planted_cue_is_moved_from_another_output_to_more_of_the_own(drawn: Cue) -> None:
    """Without the bar the net gives one output to all: what has that output keeps it when the bar fades."""
    (empty,) = drawn.predictor.outputs([ImageInput(12, 12, 1, bytes(144))])
    for strip, found in zip(strips(drawn), explain(drawn.predictor, SPEC, drawn.requests), strict=True):
        assert margins(strip)[0] < margins(strip)[2] < margins(strip)[4]
        assert strip.crosses or found.explained_class == empty.class_index


def test_directions_are_the_gradient_of_the_margin_at_the_redrawn_item(drawn: Cue) -> None:
    """By differences: the margin changes along them as fast as along no other direction."""
    own = batch(drawn)
    module, latents = _space(own), _latents(own, _space(own))
    directions = _directions(drawn.predictor, module, latents, own.classes)

    def slope(some: torch.Tensor) -> np.ndarray:
        step, ends = 1e-2, []
        for sign in (1, -1):
            with torch.no_grad():
                logits = drawn.predictor.logits(module.decode(latents + sign * step * some)).double()
            places = torch.arange(len(logits))
            classes = torch.tensor(own.classes)
            ends.append((logits[places, classes] - logits[places, 1 - classes]).numpy())
        return np.asarray((ends[0] - ends[1]) / (2 * step))

    basis = torch.eye(latents.shape[1])
    gradient = np.stack([slope(axis.expand_as(latents)) for axis in basis], axis=1)

    np.testing.assert_allclose(directions.norm(dim=1), 1, atol=1e-5)
    np.testing.assert_allclose(slope(directions), np.linalg.norm(gradient, axis=1), rtol=0.02)


def test_the_end_is_the_first_distance_with_the_probability_that_was_asked_for(drawn: Cue) -> None:
    own = batch(drawn)
    shifts = _shifts(own)
    for place in range(len(own.requests)):
        steps = torch.arange(1, 17) / 16 * shifts.module.spread
        with torch.no_grad():
            pictures = shifts.module.decode(shifts.latents[place] - steps[:, None] * shifts.directions[place])
            answers = own.predictor.logits(pictures).softmax(1)[:, own.classes[place]]
        below = np.flatnonzero(answers.numpy() <= 0.1)
        assert shifts.shares[place] == (below[0] + 1 if len(below) else 16) / 16


@pytest.mark.parametrize("frames_a_side", [1, 3])
def test_a_strip_has_as_many_frames_on_each_side_and_the_item_between(drawn: Cue, frames_a_side: int) -> None:
    five, other = strips(drawn), strips(drawn, frames_a_side=frames_a_side)

    for strip, own in zip(five, other, strict=True):
        assert (len(own.steps), own.own) == (2 * frames_a_side + 1, frames_a_side)
        assert [own.steps[n].input for n in (0, frames_a_side, -1)] == [strip.steps[n].input for n in (0, 2, -1)]


def test_a_predictor_that_nothing_moves_keeps_its_picture(cases: Mapping[str, Case]) -> None:
    case = cases["image-cnn"]
    model = case.predictor.reinitialised(0)
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.fill_(0)

    (found,) = explain(model, ExplainerSpec("latent_shift", {"training_steps": 20}), case.requests[:1])

    assert len({step.input for step in found.form.steps}) == 1
    assert (margins(found.form), found.form.crosses) == ([0.0] * 5, False)


@pytest.mark.parametrize("spec", [WEIGHTS, RANDOM], ids=lambda spec: spec.name)
def test_placebos_of_the_item_itself_go_elsewhere_from_the_same_picture(drawn: Cue, spec: ExplainerSpec) -> None:
    """It shows the real margins. Those that its frames have rise in some strips and fall in others."""
    rises = []
    said = drawn.predictor.outputs([request.input for request in drawn.requests])
    for real, placebo, own in zip(strips(drawn), strips(drawn, spec), said, strict=True):
        assert margins(placebo) == margins(real)
        assert placebo.steps[2].input == real.steps[2].input
        assert placebo.steps[0].input != real.steps[0].input
        less, more = drawn.predictor.outputs([placebo.steps[n].input for n in (0, 4)])
        rises.append(_share(more, own.class_index) > _share(less, own.class_index))

    assert 0.2 < np.mean(rises) < 0.8


def _share(output: Output, class_index: int) -> float:
    return output.probability if output.class_index == class_index else 1 - output.probability


def test_the_placebo_of_another_item_moves_the_item_as_its_donor_is_moved(drawn: Cue) -> None:
    said = drawn.predictor.outputs([request.input for request in drawn.requests])
    alike = [request for request, output in zip(drawn.requests, said, strict=True) if output.class_index == 1]
    pairs = Cue(
        drawn.predictor,
        tuple(ItemRequest(one.input, one.seed, other.input) for one, other in pairwise(alike)),
    )
    donors = Cue(drawn.predictor, tuple(alike[1:]))

    for placebo, real, donor in zip(strips(pairs, OTHER), strips(pairs), strips(donors), strict=True):
        assert margins(placebo) == margins(donor)
        assert placebo.steps[2].input == real.steps[2].input
        assert placebo.steps[0].input not in {real.steps[0].input, donor.steps[0].input}

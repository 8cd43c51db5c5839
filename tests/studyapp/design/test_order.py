"""Screens: a pure function of design, items and seed; the arm cannot be read off them."""

from __future__ import annotations

from collections import Counter

import pytest

from studyapp.design.order import plan_steps
from studyapp.design.schema import parse_design
from studyapp.design.templates import TEMPLATES

DESIGN = parse_design(TEMPLATES["forward"].make("adult"))
ITEMS = {"learning": tuple(f"learning-{n}" for n in range(8)), "test": tuple(f"test-{n}" for n in range(16))}


def test_the_demo_has_8_examples_between_16_guesses_and_the_same_16():
    trials = [step for step in plan_steps(DESIGN, ITEMS, 7) if step.kind == "trial"]
    assert Counter(step.phase for step in trials) == {"pre": 16, "learning": 8, "post": 16}
    keys = {phase: {step.key for step in trials if step.phase == phase} for phase in ("pre", "post")}
    assert keys["pre"] == keys["post"] == set(ITEMS["test"])


def test_positions_count_from_zero_without_a_gap():
    steps = plan_steps(DESIGN, ITEMS, 7)
    assert [step.position for step in steps] == list(range(len(steps)))


def test_the_same_seed_gives_the_same_screens_and_another_seed_another_order():
    assert plan_steps(DESIGN, ITEMS, 7) == plan_steps(DESIGN, ITEMS, 7)
    assert plan_steps(DESIGN, ITEMS, 7) != plan_steps(DESIGN, ITEMS, 8)


def test_pre_and_post_are_shuffled_apart():
    trials = [step for step in plan_steps(DESIGN, ITEMS, 7) if step.kind == "trial"]
    orders = [[step.key for step in trials if step.phase == phase] for phase in ("pre", "post")]
    assert orders[0] != orders[1]


def test_kinds_and_phases_by_position_are_the_same_for_everybody():
    def course(seed: int) -> list[tuple[str, str]]:
        return [(step.kind, step.phase) for step in plan_steps(DESIGN, ITEMS, seed)]

    assert course(1) == course(2)


@pytest.mark.parametrize("kind", ["instructions", "comprehension"])
def test_what_comes_before_allocation_comes_before_the_first_phase(kind):
    steps = plan_steps(DESIGN, ITEMS, 7)
    first = next(step.position for step in steps if step.phase)
    assert all(step.position < first for step in steps if step.kind == kind)


def test_a_fixed_block_keeps_the_order_of_the_items():
    document = TEMPLATES["forward"].make("adult")
    document["phases"][0]["blocks"][0]["order"] = "fixed"  # type: ignore[index]
    steps = plan_steps(parse_design(document), ITEMS, 7)
    assert [step.key for step in steps if step.phase == "pre" and step.kind == "trial"] == list(ITEMS["test"])

"""Addresses of explanations: equal for equal inputs, different when anything they are computed from differs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from studyapp.design.explaining import ExplainableItem, wanted_explanations
from studyapp.design.schema import Design, parse_design
from studyapp.design.templates import TEMPLATES

WEIGHTS = {"adult-mlp": "w1", "adult-senn": "w2"}
ITEMS = [ExplainableItem(f"learning-{n}", "learning", f"content{n}", n % 2) for n in range(6)]


def design(**changes: Any) -> Design:
    return parse_design({**TEMPLATES["forward"].make("adult"), **changes})


def addresses(design: Design, items=ITEMS, weights=WEIGHTS) -> dict[tuple[str, str], str]:
    return {(w.arm, w.item): w.address for w in wanted_explanations(design, items, weights)}


def test_every_arm_but_the_control_wants_every_explained_item():
    test_item = ExplainableItem("test-1", "test", "other", 0)
    found = addresses(design(), [*ITEMS, test_item])
    assert set(found) == {(arm, item.key) for arm in ("placebo", "lime", "senn") for item in ITEMS}


def test_another_study_with_the_same_material_wants_the_same_explanations():
    assert addresses(design()) == addresses(design(title="Another title"))


def test_other_weights_seed_or_parameters_are_other_explanations():
    plain = addresses(design())
    arms = TEMPLATES["forward"].make("adult")["arms"]
    arms[2]["explainer"]["params"] = {"n_samples": 500}  # type: ignore[index]
    for changed in (
        addresses(design(), weights={**WEIGHTS, "adult-mlp": "w9"}),
        addresses(design(seed=2)),
        addresses(design(arms=arms)),
    ):
        assert changed["lime", "learning-1"] != plain["lime", "learning-1"]


def test_the_seed_of_an_item_does_not_depend_on_the_other_items():
    alone = next(iter(wanted_explanations(design(), ITEMS[:1], WEIGHTS)))
    among = next(iter(wanted_explanations(design(), ITEMS, WEIGHTS)))
    assert alone == among


def test_a_donor_is_another_item_with_the_same_output():
    arms = TEMPLATES["forward"].make("adult")["arms"]
    arms[1]["explainer"] = {"name": "placebo_other_item", "params": {"method": "lime"}}  # type: ignore[index]
    outputs = {item.content: item.output for item in ITEMS}
    wanted = [w for w in wanted_explanations(design(arms=arms), ITEMS, WEIGHTS) if w.arm == "placebo"]
    assert all(w.donor != w.content and outputs[w.donor] == outputs[w.content] for w in wanted if w.donor)
    assert len({w.donor for w in wanted}) == len(ITEMS)


def test_a_donor_is_of_about_the_same_size():
    arms = TEMPLATES["forward"].make("adult")["arms"]
    arms[1]["explainer"] = {"name": "placebo_other_item", "params": {"method": "lime"}}  # type: ignore[index]
    sized = [replace(item, output=0, size=size) for item, size in zip(ITEMS, (40, 5, 20, 41, 6, 19), strict=True)]
    sizes = {item.content: item.size for item in sized}
    wanted = [w for w in wanted_explanations(design(arms=arms), sized, WEIGHTS) if w.arm == "placebo"]
    assert all(w.donor and abs(sizes[w.donor] - sizes[w.content]) == 1 for w in wanted)


def test_donors_change_the_address():
    arms = TEMPLATES["forward"].make("adult")["arms"]
    arms[1]["explainer"] = {"name": "placebo_other_item", "params": {"method": "lime"}}  # type: ignore[index]
    other = [replace(item, output=1 - item.output) if item.key == "learning-0" else item for item in ITEMS]
    one, two = (addresses(design(arms=arms), items) for items in (ITEMS, other))
    assert {key for key in one if one[key] != two[key]} <= {("placebo", item.key) for item in ITEMS}
    assert any(one[key] != two[key] for key in one)

import json

import pytest

from analysis.api import read_design
from analysis.design import TrialBlock
from analysis.errors import DesignError
from analysis.estimands import ESTIMANDS
from analysis.estimands.base import Trim
from analysis.inference.sequential import LookPlan


@pytest.fixture
def tree(simulate):
    return simulate(4, n_items=2).tree


def problems_of(tree):
    with pytest.raises(DesignError) as caught:
        read_design(json.dumps(tree))
    return caught.value.problems


def put(tree, path, value):
    *steps, last = path
    for step in steps:
        tree = tree[step]
    tree[last] = value


def test_a_sound_design_is_read_and_what_is_not_needed_is_left_alone(tree):
    tree["texts"] = {"consent": "…"}
    tree["arms"][1]["explainer"] = {"name": "lime"}

    design = read_design(json.dumps(tree))

    assert [(arm.key, arm.role, arm.weight) for arm in design.arms] == [
        ("none", "control", 1),
        ("lime", "explained", 1),
    ]
    assert (design.plan.control, design.plan.stages, design.block_multiples) == ("none", ("main",), (2,))


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("plan", "control"), "nobody", "plan.control: 'nobody' is not an arm of this design (none, lime)"),
        (("plan", "control"), "lime", "plan.control: the arm 'lime' shows explanations; choose one that does not"),
        (("plan", "pre"), "before", "plan.pre: 'before' is not a phase of this design (learn, pre, explain, post)"),
        (("plan", "post"), "pre", "plan.post: expected another phase than plan.pre, found 'pre' in both"),
        (("plan", "alpha"), 5, "plan.alpha: expected a number between 0 and 1, found 5"),
        (("plan", "draws"), 0, "plan.draws: 0 is below 1"),
        (("plan", "seed"), 1.5, "plan.seed: expected a whole number, found 1.5"),
        (("plan", "seed"), True, "plan.seed: expected a whole number, found true"),
        (("plan", "missing"), "impute", "plan.missing: expected one of no_gain, available, found 'impute'"),
        (
            ("plan", "estimand"),
            "trust",
            f"plan.estimand: expected one of {', '.join(ESTIMANDS)}, found 'trust'",
        ),
        (("plan", "smallest_effect"), 1, "plan.smallest_effect: expected a number between 0 and 1, found 1"),
        (
            ("plan", "response_times"),
            {"low_ms": 900, "high_ms": 200},
            "plan.response_times: expected low_ms, 0 or more, and high_ms above it, or one of them, found 900 and 200",
        ),
        (
            ("plan", "response_times"),
            {},
            "plan.response_times: expected low_ms, 0 or more, and high_ms above it, or one of them, found nothing "
            "and nothing",
        ),
        (
            ("plan", "response_times"),
            {"low_ms": "fast"},
            "plan.response_times.low_ms: expected a number, found 'fast'",
        ),
        (
            ("plan", "looks"),
            {"spending": "pocock"},
            "plan.looks.times: expected a list that is not empty, found nothing",
        ),
        (("plan", "looks"), {"times": [0.5, 1]}, "plan.looks.spending: expected a text, found nothing"),
        (
            ("plan", "looks"),
            {"times": [0.5, 1], "spending": "all"},
            "plan.looks: expected one of obrien_fleming, pocock, hwang_shih_decani, found 'all'",
        ),
        (
            ("plan", "looks"),
            {"times": [0.5, 0.9], "spending": "pocock"},
            "plan.looks: expected the last at information time 1, found 0.9",
        ),
        (
            ("plan", "looks"),
            {"times": [0.5, 1], "spending": "pocock", "tolerance": "some"},
            "plan.looks.tolerance: expected a number, found 'some'",
        ),
        (("plan", "stages"), [], "plan.stages: expected a list that is not empty, found a list"),
        (
            ("plan", "stages"),
            ["all"],
            "plan.stages[0]: expected one of rehearsal, preview, pilot, main, top_up, found 'all'",
        ),
        (("arms", 1, "role"), "control", "arms: expected at least one with the role 'explained', found none"),
        (("arms", 1, "role"), "treated", "arms[1].role: expected one of control, placebo, explained, found 'treated'"),
        (("arms", 1, "weight"), 0, "arms[1].weight: 0 is below 1"),
        (("arms", 0, "key"), "lime", "arms: the key 'lime' is used twice"),
        (("title",), None, "title: expected a text, found nothing"),
        (
            ("allocation", "method"),
            "coin",
            "allocation.method: expected one of permuted_blocks, complete, found 'coin'",
        ),
        (("allocation", "block_multiples"), [2, 0], "allocation.block_multiples[1]: 0 is below 1"),
    ],
)
def test_a_part_that_cannot_be_meant_is_named_by_its_path(tree, path, value, problem):
    put(tree, path, value)

    assert problem in problems_of(tree)


def test_every_problem_is_told_at_once(tree):
    del tree["plan"]["alpha"], tree["plan"]["pre"]
    tree["arms"][0]["weight"] = "one"

    assert problems_of(tree) == (
        "arms[0].weight: expected a whole number, found 'one'",
        "plan.pre: expected a text, found nothing",
        "plan.alpha: expected a number, found nothing",
    )


def test_what_is_no_json_is_refused(tmp_path):
    (tmp_path / "design.json").write_text("title: x")

    with pytest.raises(DesignError, match="expected JSON in UTF-8"):
        read_design(tmp_path / "design.json")


def test_every_estimand_is_read_with_its_own_rules_and_no_other(tree):
    for key, estimand in ESTIMANDS.items():
        for rule in estimand.missing_rules:
            tree["plan"] |= {"estimand": key, "missing": rule}
            assert read_design(json.dumps(tree)).plan.missing == rule
    tree["plan"] |= {"estimand": "accuracy", "missing": "no_gain"}

    assert problems_of(tree) == ("plan.missing: expected one of chance, available, found 'no_gain'",)


def test_a_smallest_effect_may_exceed_one_where_the_unit_does(tree):
    tree["plan"] |= {"estimand": "rating", "missing": "available", "smallest_effect": 1.5}
    assert read_design(json.dumps(tree)).plan.smallest_effect == 1.5

    tree["plan"]["smallest_effect"] = -0.5

    assert problems_of(tree) == ("plan.smallest_effect: expected a number above 0, found -0.5",)


def test_a_rule_for_response_times_is_read_where_a_plan_has_one(tree):
    assert read_design(json.dumps(tree)).trim is None

    tree["plan"]["response_times"] = {"low_ms": 200, "high_ms": 60000}
    assert read_design(json.dumps(tree)).trim == Trim(200, 60000)

    tree["plan"]["response_times"] = {"low_ms": 200}
    assert read_design(json.dumps(tree)).trim == Trim(low_ms=200)


def test_planned_looks_are_read_where_a_plan_has_them_and_share_its_alpha(tree):
    assert read_design(json.dumps(tree)).looks is None

    tree["plan"]["looks"] = {"times": [0.5, 1], "spending": "hwang_shih_decani", "gamma": -2}
    tree["allocation"]["capacity"] = 200

    assert read_design(json.dumps(tree)).looks == LookPlan((0.5, 1.0), 0.05, 2, "hwang_shih_decani", -2, 0.05)


def test_what_the_phases_are_made_of_is_read(simulate):
    design = simulate(4, n_items=2, learning=3).design

    assert design.blocks == (
        TrialBlock("learn", "learn", 3, False),
        TrialBlock("pre", "pre", 2, False),
        TrialBlock("explain", "explain", 3, True),
        TrialBlock("post", "post", 2, False),
    )


def test_a_design_need_not_say_what_its_phases_are_made_of(tree):
    assert read_design(json.dumps(tree)).blocks == ()


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        ({"item_set": "absent"}, "phases[1].blocks[0].item_set: expected one of learning, test, found 'absent'"),
        ({"key": 3}, "phases[1].blocks[0].key: expected a text, found 3"),
    ],
)
def test_blocks_that_make_no_sense_are_named(simulate, spoil, problem):
    tree = simulate(4, n_items=2, learning=1).tree
    tree["phases"][1]["blocks"][0] |= spoil

    assert problems_of(tree) == (problem,)


def test_what_a_study_that_was_run_elsewhere_takes_for_granted_is_read(simulate):
    study = simulate(2, n_items=2)
    assert not study.design.is_imported

    study.tree |= {"allocation": {"method": "complete"}, "imported": {"assumptions": ["One.", "Two."]}}
    assert (study.design.is_imported, study.design.assumptions) == (True, ("One.", "Two."))
    assert (study.design.allocation_method, study.design.block_multiples) == ("complete", ())

    study.tree["imported"] = {}
    with pytest.raises(DesignError, match=r"imported.assumptions: expected a list that is not empty, found nothing"):
        read_design(study.json)

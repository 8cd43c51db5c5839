"""What a design is refused for, each with the path of its field."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from analysis.estimands import ESTIMANDS
from analysis.planning import plan_problems
from analysis.quality.registry import problems_of as rule_problems
from studyapp.design.checks import PredictorFacts, find_problems
from studyapp.design.schema import parse_design
from studyapp.design.templates import TEMPLATES
from studyapp.errors import DesignRefused
from studyapp.tasktypes import task_facts

PREDICTORS = {
    "adult-mlp": PredictorFacts("adult", "tabular", "mlp", 2),
    "adult-senn": PredictorFacts("adult", "tabular", "senn", 2),
    "digits-cnn": PredictorFacts("digits", "image", "cnn", 2),
    "movies-gru": PredictorFacts("movies", "text", "gru", 2),
    "movies-senn": PredictorFacts("movies", "text", "senn", 2),
    "adult-three": PredictorFacts("adult", "tabular", "mlp", 3),
}


def problems(change: Callable[[dict[str, Any]], None], template: str = "forward", dataset: str = "adult") -> list[str]:
    document = copy.deepcopy(TEMPLATES[template].make(dataset))
    change(document)
    design = parse_design(document)
    return [str(problem) for problem in find_problems(design, task_facts(), PREDICTORS, rule_problems, plan_problems)]


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates_have_no_problem(template):
    assert problems(lambda document: None, template) == []


def put(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        place: Any = document
        for parent in parents:
            place = place[parent]
        place[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "path", "says"),
    [
        (put("arms.1.key", "none"), "arms[1].key", "stands twice"),
        (put("arms.2.predictor", "gpt"), "arms[2].predictor", "'gpt' is none of"),
        (put("arms.2.predictor", "digits-cnn"), "arms[2].predictor", "the study is on adult"),
        (put("arms.3.predictor", "adult-mlp"), "arms[3].explainer.name", "needs a senn predictor"),
        (put("arms.0.explainer", {"name": "lime"}), "arms[0].explainer", "a control arm shows no explanation"),
        (put("arms.2.explainer", None), "arms[2].explainer", "needs an explainer"),
        (put("arms.2.explainer.name", "crystal_ball"), "arms[2].explainer", "'crystal_ball' is none of"),
        (put("arms.2.explainer.params", {"n_samples": 20}), "arms[2].explainer.params.n_samples", "20 is below"),
        (put("arms.2.role", "placebo"), "arms[2].explainer.name", "is no placebo"),
        (put("phases.0.blocks.0.task", "telepathy"), "phases[0].blocks[0].task", "'telepathy' is none of"),
        (put("phases.0.blocks.0.item_set", "elsewhere"), "phases[0].blocks[0].item_set", "'elsewhere' is none of"),
        (put("phases.0.blocks.0.task", "counterfactual_simulation"), "phases[0].blocks[0].item_set", "needs perturbed"),
        (put("phases.0.kind", "learning"), "phases[0].blocks[0].task", "does not belong in a learning phase"),
        (put("phases.2.blocks.0.item_set", "learning"), "phases[2].blocks[0].item_set", "cannot be a test"),
        (put("phases.2.blocks.0.explanation", True), "phases[2].blocks[0].explanation", "gives the output away"),
        (put("plan.control", "lime"), "plan.control", "no arm with the role control"),
        (put("plan.post", "learning"), "plan.post", "no test phase"),
        (put("plan.pre", "post"), "plan.post", "does not come after"),
        (put("plan.estimand", "vibes"), "plan.estimand", "is none of"),
        (put("comprehension.questions.0.answer", 7), "comprehension.questions[0].answer", "beyond the last option"),
    ],
)  # fmt: skip
def test_a_fault_is_named_at_its_path(change, path, says):
    found = problems(change)
    assert any(text.startswith(f"{path}: ") and says in text for text in found), found


@pytest.mark.parametrize("estimand", [key for key, one in ESTIMANDS.items() if "scores" not in one.needs])
def test_every_estimand_can_be_planned_with_each_of_its_rules(estimand):
    for rule in ESTIMANDS[estimand].missing_rules:
        assert problems(lambda document, rule=rule: document["plan"].update(estimand=estimand, missing=rule)) == []


def three_classes(document: dict[str, Any]) -> None:
    document["arms"] = [{**arm, "predictor": "adult-three"} for arm in document["arms"][:3]]
    document["plan"] |= {"estimand": "gain_in_d_prime"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            three_classes,
            "plan.estimand: Gain in sensitivity d′, POST minus PRE is defined for a model with two classes",
        ),
        (
            lambda document: document["plan"].update(estimand="score"),
            "plan.estimand: Mean score in POST is made of answers worth a number",
        ),
        (
            lambda document: document.update(ratings=[]) or document["plan"].update(estimand="rating"),
            "plan.estimand: Mean rating is made of ratings at the end; this design asks for none",
        ),
        (put("plan.missing", "chance"), "plan.missing: 'chance' does not go with Gain in simulation accuracy"),
        (put("plan.smallest_effect", 1.5), "plan.smallest_effect: 150 percentage points: no effect is so large"),
    ],
)
def test_an_estimand_that_the_study_cannot_answer_is_refused(change, says):
    assert any(text.startswith(says) for text in problems(change)), problems(change)


@pytest.mark.parametrize(
    ("role", "explainer", "shown"),
    [
        ("explained", {"name": "nearest_examples"}, "examples"),
        ("placebo", {"name": "placebo_random_weights", "params": {"method": "nearest_examples"}}, "examples"),
        ("explained", {"name": "decision_boundary"}, "changes"),
        ("placebo", {"name": "placebo_other_item", "params": {"method": "decision_boundary"}}, "changes"),
        ("explained", {"name": "latent_shift"}, "changes"),
        ("explained", {"name": "composite", "params": {"second": "decision_boundary"}}, "changes"),
        ("placebo", {"name": "placebo_random", "params": {"method": "composite"}}, "examples"),
    ],
)
def test_examples_and_changes_with_their_outputs_are_no_help_at_a_counterfactual_test(role, explainer, shown):
    def change(document: dict[str, Any]) -> None:
        document["arms"][1 if role == "placebo" else 2]["explainer"] = explainer

    found = problems(change, "counterfactual")
    said = f"shows {shown} with the model's outputs"
    assert any(said in text and "explanation" in text for text in found), found
    assert not any(said in text for text in problems(change, "forward"))


def test_attention_is_refused_where_a_predictor_has_none():
    """The reviews' template asks about a recurrent network with attention and a self-explaining one without."""

    def change(document: dict[str, Any]) -> None:
        for arm in document["arms"][2:]:
            arm["explainer"] = {"name": "attention"}

    found = [text for text in problems(change, dataset="movies") if "Attention" in text]
    assert found == ["arms[3].explainer.name: Attention needs a gru or transformer predictor, movies-senn is senn"]


def test_a_design_without_control_is_refused():
    def change(document: dict[str, Any]) -> None:
        document["arms"] = document["arms"][2:]

    assert any("no arm has the role control" in text for text in problems(change))


def test_unknown_keys_and_wrong_types_are_refused_with_their_paths():
    document = TEMPLATES["forward"].make("adult")
    document["arms"][1]["colour"] = "blue"  # type: ignore[index]
    document["allocation"] = {"capacity": "many"}
    with pytest.raises(DesignRefused) as refused:
        parse_design(document)
    assert {problem.path for problem in refused.value.problems} == {"arms[1].colour", "allocation.capacity"}


def test_a_design_reads_back_as_itself():
    design = parse_design(TEMPLATES["counterfactual"].make("movies"))
    assert parse_design(design.document()) == design
    assert parse_design(design.document()).sha256() == design.sha256()


LOOKS = {"times": [0.5, 1.0]}


@pytest.mark.parametrize(
    ("plan", "path", "says"),
    [
        ({"looks": LOOKS, "multiplicity": "dunnett"}, "plan.multiplicity", "by Holm's steps; choose holm"),
        ({"looks": LOOKS, "stages": ["main", "top_up"]}, "plan.stages", "choose main alone"),
        ({"looks": {"times": [0.02, 1.0]}}, "plan.looks.times", "at the first look an arm has about 1 people"),
        ({"looks": LOOKS}, "", ""),
        ({"multiplicity": "dunnett", "stages": ["main", "top_up"]}, "", ""),
    ],
)
def test_looks_go_with_a_plan_that_can_bear_them(plan, path, says):
    found = problems(lambda document: document["plan"].update(plan))
    assert [one.partition(":")[0] for one in found] == ([path] if path else [])
    assert says in "".join(found)

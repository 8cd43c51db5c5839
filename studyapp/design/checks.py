"""What makes a well-formed design a sound trial. Each refusal names the path of its field and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from explainers.errors import ExplainerError
from explainers.registry import base_of, checked, entry, forms_of, needs_of, parts_of
from explainers.types import ExplainerSpec
from studyapp.design.schema import Arm, Design
from studyapp.errors import Problem


@dataclass(frozen=True)
class TaskFacts:
    """What a design has to know of a task type."""

    needs_perturbation: bool
    tests: bool  # asks for a prediction that counts, as against showing an example
    ahead: bool = False  # its screens tell no answer and depend on none, so a browser may hold them before their turn


@dataclass(frozen=True)
class PredictorFacts:
    """What a design has to know of a predictor."""

    dataset: str
    modality: str
    architecture: str
    n_classes: int


RuleCheck: TypeAlias = Callable[[str, Mapping[str, object]], list[tuple[str, str]]]


class PlanCheck(Protocol):
    """What the analysis says of a plan: a part of it, and what is wrong with it."""

    def __call__(
        self, *, estimand: str, missing: str, smallest_effect: float, n_classes: int | None, has_ratings: bool
    ) -> Iterable[tuple[str, str]]: ...


def find_problems(
    design: Design,
    tasks: Mapping[str, TaskFacts],
    predictors: Mapping[str, PredictorFacts],
    rule_check: RuleCheck,
    plan_check: PlanCheck,
) -> list[Problem]:
    """Every reason to refuse the design that needs no items."""
    return [
        *_repeated_keys(design),
        *_arm_problems(design, predictors),
        *_block_problems(design, tasks),
        *_leaks(design, tasks),
        *_plan_problems(design),
        *_look_problems(design),
        *_question_problems(design, predictors, plan_check),
        *_comprehension_problems(design),
        *_quality_problems(design, rule_check),
    ]


def _repeated_keys(design: Design) -> Iterator[Problem]:
    groups: dict[str, Iterable[str]] = {
        "arms": [arm.key for arm in design.arms],
        "item_sets": [item_set.key for item_set in design.item_sets],
        "phases": [phase.key for phase in design.phases],
        "ratings": [rating.key for rating in design.ratings],
        "allocation.strata": [factor.key for factor in design.allocation.strata],
    }
    for path, keys in groups.items():
        seen: set[str] = set()
        for position, key in enumerate(keys):
            if key in seen:
                yield Problem(f"{path}[{position}].key", f"{key!r} stands twice; give each its own key")
            seen.add(key)
    blocks = [block.key for block in design.blocks()]
    for key in sorted({key for key in blocks if blocks.count(key) > 1}):
        yield Problem("phases", f"block key {key!r} stands twice; give each block its own key")


def _arm_problems(design: Design, predictors: Mapping[str, PredictorFacts]) -> Iterator[Problem]:
    for position, arm in enumerate(design.arms):
        path = f"arms[{position}]"
        facts = predictors.get(arm.predictor)
        if facts is None:
            known = ", ".join(sorted(predictors)) or "none trained yet"
            yield Problem(f"{path}.predictor", f"{arm.predictor!r} is none of: {known}")
        elif facts.dataset != design.dataset:
            yield Problem(
                f"{path}.predictor", f"{arm.predictor} answers {facts.dataset}, the study is on {design.dataset}"
            )
        yield from _role_problems(arm, path)
        if arm.explainer and facts:
            yield from _explainer_problems(arm, facts, f"{path}.explainer")
    roles = [arm.role for arm in design.arms]
    if "control" not in roles:
        yield Problem("arms", "no arm has the role control; an effect needs something to compare with")
    if "explained" not in roles:
        yield Problem("arms", "no arm has the role explained; there is nothing to test")


def _role_problems(arm: Arm, path: str) -> Iterator[Problem]:
    if arm.role == "control" and arm.explainer:
        yield Problem(f"{path}.explainer", "a control arm shows no explanation; remove it or change the role")
    if arm.role != "control" and arm.explainer is None:
        yield Problem(f"{path}.explainer", f"an arm with the role {arm.role} needs an explainer")


def _explainer_problems(arm: Arm, facts: PredictorFacts, path: str) -> Iterator[Problem]:
    assert arm.explainer is not None
    spec = ExplainerSpec(arm.explainer.name, arm.explainer.params)
    try:
        method = entry(spec.name)
        checked(spec, path)
    except ExplainerError as error:
        text = str(error)
        yield Problem("" if text.startswith(path) else path, text)
        return
    shown = base_of(spec)  # of a placebo, the method whose look it has
    if facts.modality not in forms_of(spec):
        unable = shown if facts.modality not in shown.modalities else method
        yield Problem(f"{path}.name", f"{unable.title} does not explain {facts.modality} inputs")
    needs = needs_of(spec)
    if needs and facts.architecture not in needs:
        yield Problem(
            f"{path}.name",
            f"{shown.title} needs a {' or '.join(needs)} predictor, {arm.predictor} is {facts.architecture}",
        )
    if method.placebo != (arm.role == "placebo"):
        what = "is a placebo" if method.placebo else "is no placebo"
        yield Problem(f"{path}.name", f"{method.title} {what}, the arm's role is {arm.role}")


def _block_problems(design: Design, tasks: Mapping[str, TaskFacts]) -> Iterator[Problem]:
    sets = {item_set.key: item_set for item_set in design.item_sets}
    for p, phase in enumerate(design.phases):
        for b, block in enumerate(phase.blocks):
            path = f"phases[{p}].blocks[{b}]"
            task = tasks.get(block.task)
            if task is None:
                yield Problem(f"{path}.task", f"{block.task!r} is none of: {', '.join(tasks)}")
            if block.item_set not in sets:
                yield Problem(f"{path}.item_set", f"{block.item_set!r} is none of: {', '.join(sets)}")
            elif task and task.needs_perturbation and not sets[block.item_set].perturbed:
                yield Problem(
                    f"{path}.item_set", f"{block.task} needs perturbed items; set perturbed on {block.item_set!r}"
                )
            if task and task.tests != (phase.kind == "test"):
                yield Problem(f"{path}.task", f"{block.task} does not belong in a {phase.kind} phase")


def _leaks(design: Design, tasks: Mapping[str, TaskFacts]) -> Iterator[Problem]:
    """An item whose output or explanation was shown must never be asked for in a forward test."""
    shown: dict[str, str] = {}  # item set to the block that first shows its outputs
    for p, phase in enumerate(design.phases):
        for b, block in enumerate(phase.blocks):
            task = tasks.get(block.task)
            if task is None:
                continue
            path = f"phases[{p}].blocks[{b}]"
            asks_for_output = task.tests and not task.needs_perturbation
            if asks_for_output and block.item_set in shown:
                yield Problem(
                    f"{path}.item_set",
                    f"{block.item_set!r} is shown with the model's output in {shown[block.item_set]}, so it cannot be "
                    "a test; use another item set",
                )
            if asks_for_output and block.explanation:
                yield Problem(
                    f"{path}.explanation", "an explanation at the test gives the output away; show it while learning"
                )
            if task.tests and task.needs_perturbation and block.explanation:
                yield from _examples_at_a_test(design, f"{path}.explanation")
            if not asks_for_output:
                shown.setdefault(block.item_set, path)


# Forms that show other items, or changes of the item, with what the model says to them. Of a composite its parts count,
# but of one that comes from a file they are not known here.
_WITH_OUTPUTS: Mapping[str, str] = {
    "examples": "examples",
    "strip": "changes",
    "composite": "several explanations, perhaps examples,",
}


def _examples_at_a_test(design: Design, path: str) -> Iterator[Problem]:
    """An example or a change that is shown with its output could be the very change whose output is asked for."""
    for arm in design.arms:
        shown = arm.explainer and _shown_with_outputs(ExplainerSpec(arm.explainer.name, arm.explainer.params))
        if shown:
            yield Problem(
                path,
                f"the arm {arm.key!r} shows {shown} with the model's outputs, one of which could be the change that "
                "is asked about; show them while learning, or choose another explainer",
            )


def _shown_with_outputs(spec: ExplainerSpec) -> str:
    """What the method shows with the model's outputs, or an empty text."""
    try:
        forms = [form for shown in parts_of(spec) or (spec,) for form in forms_of(shown).values()]
    except ExplainerError:  # nobody knows this method, which its own check says
        return ""
    return next((_WITH_OUTPUTS[form] for form in forms if form in _WITH_OUTPUTS), "")


def _plan_problems(design: Design) -> Iterator[Problem]:
    controls = [arm.key for arm in design.arms if arm.role == "control"]
    if design.plan.control not in controls:
        yield Problem(
            "plan.control", f"{design.plan.control!r} is no arm with the role control ({', '.join(controls) or 'none'})"
        )
    tests = [phase.key for phase in design.phases if phase.kind == "test"]
    for field in ("pre", "post"):
        value = getattr(design.plan, field)
        if value not in tests:
            yield Problem(f"plan.{field}", f"{value!r} is no test phase ({', '.join(tests) or 'none'})")
    if (
        design.plan.pre in tests
        and design.plan.post in tests
        and tests.index(design.plan.pre) >= tests.index(design.plan.post)
    ):
        yield Problem("plan.post", f"{design.plan.post!r} does not come after {design.plan.pre!r}")


FEWEST_AT_A_LOOK = 4  # an arm: fewer say nothing of how people differ


def _look_problems(design: Design) -> Iterator[Problem]:
    """Looks share alpha with the adjustment for several arms, and count people of one planned number."""
    plan, looks = design.plan, design.plan.looks
    if looks is None:
        return
    if plan.multiplicity != "holm" and sum(arm.role == "explained" for arm in design.arms) > 1:
        yield Problem("plan.multiplicity", "looks share alpha among several arms by Holm's steps; choose holm")
    if plan.stages != ("main",):
        yield Problem("plan.stages", "looks count the people of the main stage; choose main alone, or plan no looks")
    weights = [arm.weight for arm in design.arms]
    fewest = design.allocation.capacity * looks.times[0] * min(weights) / sum(weights)
    if fewest < FEWEST_AT_A_LOOK:
        yield Problem(
            "plan.looks.times",
            f"at the first look an arm has about {fewest:.0f} people; {FEWEST_AT_A_LOOK} at least were expected: look "
            "later, or plan more people",
        )


def _question_problems(
    design: Design, predictors: Mapping[str, PredictorFacts], plan_check: PlanCheck
) -> Iterator[Problem]:
    facts = next((predictors[arm.predictor] for arm in design.arms if arm.predictor in predictors), None)
    found = plan_check(
        estimand=design.plan.estimand,
        missing=design.plan.missing,
        smallest_effect=design.plan.smallest_effect,
        n_classes=facts.n_classes if facts else None,
        has_ratings=bool(design.ratings),
    )
    return (Problem(f"plan.{part}", text) for part, text in found)


def _comprehension_problems(design: Design) -> Iterator[Problem]:
    for position, question in enumerate(design.comprehension.questions):
        if question.answer >= len(question.options):
            yield Problem(
                f"comprehension.questions[{position}].answer",
                f"{question.answer} is beyond the last option ({len(question.options) - 1})",
            )


def _quality_problems(design: Design, rule_check: RuleCheck) -> Iterator[Problem]:
    seen: set[str] = set()
    for position, planned in enumerate(design.quality.rules):
        path = f"quality.rules[{position}]"
        if planned.rule in seen:
            yield Problem(f"{path}.rule", f"{planned.rule!r} stands twice; keep one of them")
        seen.add(planned.rule)
        for part, text in rule_check(planned.rule, planned.params):
            yield Problem(f"{path}.params.{part}" if part else f"{path}.rule", text)

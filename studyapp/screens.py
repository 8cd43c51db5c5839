"""What a participant sees at a place of a frozen design: a pure function, so a screen can be previewed or replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TypeAlias

from django.utils.translation import gettext

from explainers.registry import signed_of
from explainers.types import ExplainerSpec
from studyapp.design.order import Step
from studyapp.design.schema import ComprehensionQuestion, Rating
from studyapp.errors import AnswerInvalid
from studyapp.models.frozen import FrozenStudy
from studyapp.tasktypes import TASK_TYPES
from studyapp.tasktypes.base import GivenTruth, Option, Stimulus, TrialMaterial


@dataclass(frozen=True)
class Place:
    """Where somebody stands. `arm` is empty before allocation."""

    order_seed: int
    position: int
    attempt: int = 1
    arm: str = ""


@dataclass(frozen=True)
class Reading:
    """A page of text to read: instructions, or what comes next."""

    heading: str
    text: str
    part: int = 0
    parts: int = 0


@dataclass(frozen=True)
class Question:
    """A question of the study about the person, asked before allocation."""

    heading: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Check:
    """The comprehension check, without its answers."""

    heading: str
    questions: tuple[tuple[str, tuple[str, ...]], ...]
    attempt: int
    attempts: int
    instructions: str  # to read again before another try


@dataclass(frozen=True)
class Scale:
    """A rating from 1 to `points`."""

    heading: str
    low: str
    high: str
    options: tuple[Option, ...]


Content: TypeAlias = Reading | Question | Check | Scale | Stimulus


@dataclass(frozen=True)
class Screen:
    """A step and what is on it."""

    step: Step
    template: str
    content: Content
    attempt: int
    n_steps: int
    leads_on: bool = False  # whether the next screen may go to the browser before its turn

    @property
    def progress(self) -> str:
        """In words, for trials; other screens need none."""
        if not self.step.of:
            return ""
        return gettext("%(number)s of %(of)s") % {"number": self.step.number, "of": self.step.of}


def screen_at(study: FrozenStudy, place: Place) -> Screen:
    """The screen at a place; IndexError past the last one."""
    steps = study.steps(place.order_seed)
    step = steps[place.position]
    template = TASK_TYPES[step.task].template if step.kind == "trial" else f"studyapp/participant/{step.kind}.html"
    leads_on = len(stretch(study, steps[place.position : place.position + 2])) > 1
    return Screen(step, template, _content(study, step, place), place.attempt, len(steps), leads_on)


def _content(study: FrozenStudy, step: Step, place: Place) -> Content:
    design = study.design
    match step.kind:
        case "background":
            factor = next(f for f in design.allocation.strata if f.key == step.key)
            return Question(factor.question, _numbered(factor.options))
        case "instructions":
            return Reading(gettext("How it works"), design.texts.instructions)
        case "comprehension":
            check = design.comprehension
            questions = tuple((q.question, q.options) for q in check.questions)
            return Check(
                gettext("Before you start"), questions, place.attempt, check.attempts, design.texts.instructions
            )
        case "phase_intro":
            keys = [phase.key for phase in design.phases]
            phase = design.phases[keys.index(step.phase)]
            return Reading(phase.title, phase.intro, keys.index(step.phase) + 1, len(keys))
        case "rating":
            return _scale(_rating(study, step.key))
        case "trial":
            return _stimulus(study, step, place.arm)


def _stimulus(study: FrozenStudy, step: Step, arm: str) -> Stimulus:
    explainer = study.design.arm(arm).explainer if step.explanation else None
    given = study.given.get(step.key)
    material = TrialMaterial(
        item=study.items[step.key],
        classes=study.classes,
        question=study.design.texts.question,
        given=GivenTruth(*given) if given else None,
        # A control arm's page never reads an explanation, so it cannot send one.
        explanation=study.explanation(arm, step.key) if explainer else None,
        is_signed=signed_of(ExplainerSpec(explainer.name, explainer.params)) if explainer else True,
    )
    return TASK_TYPES[step.task].stimulus(material)


def _rating(study: FrozenStudy, key: str) -> Rating:
    return next(rating for rating in study.design.ratings if rating.key == key)


def _scale(rating: Rating) -> Scale:
    options = tuple(Option(str(n), str(n), str(n)) for n in range(1, rating.points + 1))
    return Scale(rating.question, rating.low, rating.high, options)


def _numbered(options: tuple[str, ...]) -> tuple[Option, ...]:
    return tuple(Option(str(n), text, str(n + 1)) for n, text in enumerate(options))


def stretch(study: FrozenStudy, steps: Sequence[Step]) -> tuple[Step, ...]:
    """The first of these steps whose screens a browser may hold before their turn, up to the first that it may not.

    Empty where somebody stands at a step that is none of them: only who is inside a stretch gets the rest of it.
    """
    return tuple(takewhile(lambda step: _may_go_ahead(study, step), steps))


def _may_go_ahead(study: FrozenStudy, step: Step) -> bool:
    match step.kind:
        case "phase_intro" | "rating":
            return True
        case "trial":
            return not step.explanation and TASK_TYPES[step.task].facts.ahead and not _tells_what_is_asked(study, step)
    return False  # what comes before allocation decides on it


def _tells_what_is_asked(study: FrozenStudy, step: Step) -> bool:
    """Whether a trial shows the model's output on an input for which another block asks."""
    if not TASK_TYPES[step.task].facts.needs_perturbation:
        return False
    blocks = study.design.blocks()
    item_set = next(block.item_set for block in blocks if block.key == step.block)
    asking = [TASK_TYPES[block.task].facts for block in blocks if block.item_set == item_set]
    return any(facts.tests and not facts.needs_perturbation for facts in asking)


def parse_answer(study: FrozenStudy, step: Step, data: Mapping[str, str]) -> dict[str, object]:
    """The answer to a step as it is stored; raises AnswerInvalid with the field and what to do."""
    match step.kind:
        case "instructions" | "phase_intro":
            return {"choice": "read"}
        case "background":
            factor = next(f for f in study.design.allocation.strata if f.key == step.key)
            return {"choice": factor.options[_index(data, "answer", len(factor.options))]}
        case "comprehension":
            questions = study.design.comprehension.questions
            return {"choices": [_index(data, f"answer-{n}", len(q.options)) for n, q in enumerate(questions)]}
        case "rating":
            points = _rating(study, step.key).points
            return {"rating": _index(data, "answer", points + 1, low=1)}
        case "trial":
            return dict(TASK_TYPES[step.task].parse(data, study.classes))


def _index(data: Mapping[str, str], field: str, stop: int, low: int = 0) -> int:
    value = data.get(field, "")
    if not (value.isascii() and value.isdigit() and len(value) <= 3 and low <= int(value) < stop):
        raise AnswerInvalid(field, gettext("Choose one of the answers."))
    return int(value)


def passes(questions: tuple[ComprehensionQuestion, ...], choices: object) -> bool:
    """Whether every question of the comprehension check was answered rightly."""
    return choices == [question.answer for question in questions]

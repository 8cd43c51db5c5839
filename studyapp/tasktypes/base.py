"""The seam of the tasks: what a task type shows, what it accepts as an answer and how that is scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from django.utils.functional import Promise

from explainers.types import Form
from studyapp.design.checks import TaskFacts
from studyapp.design.facts import ItemTruth, ShownItem
from studyapp.errors import AnswerInvalid


@dataclass(frozen=True)
class Option:
    """A button: what is sent, what it says, and the key that presses it."""

    value: str
    text: str
    key: str


@dataclass(frozen=True)
class GivenTruth:
    """What the study itself tells participants of an item: its label and the model's output on the original."""

    label: str
    output: str


@dataclass(frozen=True)
class TrialMaterial:
    """All that a stimulus may be made of. It holds no answer to the question that is asked."""

    item: ShownItem
    classes: tuple[str, ...]
    question: str
    given: GivenTruth | None = None
    explanation: Form | None = None
    is_signed: bool = True


@dataclass(frozen=True)
class Stimulus:
    """What is on screen in one trial; all that a participant's template receives."""

    task: str
    heading: str
    item: ShownItem
    options: tuple[Option, ...]
    given: GivenTruth | None = None
    explanation: Form | None = None
    is_signed: bool = True  # whether the explanation's weights say for or against, or only how much
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Score:
    """What an answer is worth. `asked` is the class name that would have been right."""

    asked: str
    is_correct: bool


class TaskType(Protocol):
    """One file, one entry in TASK_TYPES."""

    key: str
    template: str
    facts: TaskFacts

    @property
    def title(self) -> str | Promise: ...

    def stimulus(self, material: TrialMaterial) -> Stimulus: ...

    def parse(self, data: Mapping[str, str], classes: tuple[str, ...]) -> dict[str, str]:
        """The answer as it is stored; raises AnswerInvalid."""
        ...

    def score(self, answer: Mapping[str, str], truth: ItemTruth) -> Score | None:
        """The one function behind feedback, export and analysis; None where nothing is right or wrong."""
        ...


def class_options(classes: tuple[str, ...]) -> tuple[Option, ...]:
    """A button for each class, pressed by its number."""
    return tuple(Option(name, name, str(number)) for number, name in enumerate(classes, start=1))


def parse_choice(data: Mapping[str, str], choices: tuple[str, ...], message: str) -> str:
    """The value of the field `answer`, which must be one of the choices."""
    value = data.get("answer", "")
    if value not in choices:
        raise AnswerInvalid("answer", message)
    return value

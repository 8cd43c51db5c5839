"""The task types a block can choose, in the order people see them. A new one is a file and an entry."""

from __future__ import annotations

from collections.abc import Mapping

from studyapp.design.checks import TaskFacts
from studyapp.tasktypes.base import TaskType
from studyapp.tasktypes.counterfactual_simulation import CounterfactualSimulation
from studyapp.tasktypes.forward_simulation import ForwardSimulation
from studyapp.tasktypes.worked_example import WorkedExample

TASK_TYPES: Mapping[str, TaskType] = {
    "worked_example": WorkedExample(),
    "forward_simulation": ForwardSimulation(),
    "counterfactual_simulation": CounterfactualSimulation(),
}


def task_facts() -> dict[str, TaskFacts]:
    """What design checks need to know of every task type."""
    return {key: task.facts for key, task in TASK_TYPES.items()}

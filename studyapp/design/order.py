"""The screens of one participant, in order: a pure function of the frozen design, its items and the order seed.

Positions and their kinds do not depend on the arm, so that exposure is equal and an arm cannot be read off the
number of a screen. Nothing is re-drawn at a reload: the same seed gives the same screens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from studyapp.design.prng import stream
from studyapp.design.schema import Block, Design, Phase

StepKind: TypeAlias = Literal["background", "instructions", "comprehension", "phase_intro", "trial", "rating"]


@dataclass(frozen=True)
class Step:
    """One screen that waits for an answer. `position` counts from 0 after consent.

    `number` and `of` count the trials of its phase for the words "12 of 16"; both 0 where nothing is counted.
    `key` names what is asked: the stratum factor, the rating, or the item.
    """

    position: int
    kind: StepKind
    key: str = ""
    phase: str = ""
    block: str = ""
    task: str = ""
    explanation: bool = False
    number: int = 0
    of: int = 0


def plan_steps(design: Design, items: Mapping[str, Sequence[str]], order_seed: int) -> tuple[Step, ...]:
    """Every step from background questions to the last rating; `items` gives the item keys of each set."""
    steps: list[Step] = []

    def add(kind: StepKind, **what: object) -> None:
        steps.append(Step(len(steps), kind, **what))  # type: ignore[arg-type]

    for factor in design.allocation.strata:
        add("background", key=factor.key)
    add("instructions")
    if design.comprehension.questions:
        add("comprehension")
    for phase in design.phases:
        add("phase_intro", phase=phase.key)
        for what in _trials(phase, items, order_seed):
            add("trial", **what)
    for rating in design.ratings:
        add("rating", key=rating.key)
    return tuple(steps)


def _trials(phase: Phase, items: Mapping[str, Sequence[str]], order_seed: int) -> list[dict[str, object]]:
    ordered = [(block, key) for block in phase.blocks for key in _ordered(block, items[block.item_set], order_seed)]
    return [
        {
            "key": key,
            "phase": phase.key,
            "block": block.key,
            "task": block.task,
            "explanation": block.explanation,
            "number": number,
            "of": len(ordered),
        }
        for number, (block, key) in enumerate(ordered, start=1)
    ]


def _ordered(block: Block, keys: Sequence[str], order_seed: int) -> Sequence[str]:
    if block.order == "fixed":
        return keys
    return stream(order_seed, f"order/{block.key}").shuffled(keys)

"""Which screens a browser may hold before their turn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from studyapp.design.schema import Block
from studyapp.models.frozen import FrozenStudy, frozen_study
from studyapp.screens import Place, screen_at, stretch
from tests.studyapp.views.participant_study import make_study

pytestmark = pytest.mark.django_db


def small_study() -> FrozenStudy:
    return frozen_study(make_study().study.frozen.pk)


def with_last_block(study: FrozenStudy, **changes: object) -> FrozenStudy:
    """The same study with its last block of trials changed."""
    *phases, last = study.design.phases
    *blocks, block = last.blocks
    changed = Block.model_validate({**block.model_dump(), **changes})
    design = study.design.model_copy(
        update={"phases": (*phases, last.model_copy(update={"blocks": (*blocks, changed)}))}
    )
    return replace(study, design=design)


def test_a_stretch_runs_from_the_intro_of_a_test_to_what_may_not_go_ahead() -> None:
    study = small_study()
    steps = study.steps(1)

    assert [len(stretch(study, steps[position:])) for position in range(len(steps))] == [
        0, 0, 0,  # background, instructions and comprehension check decide on the allocation
        4, 3, 2, 1,  # the first questions, and the text before the examples
        0, 0,  # worked examples tell the model's output
        6, 5, 4, 3, 2, 1,  # the last questions and the rating
    ]  # fmt: skip


def test_a_screen_says_whether_the_next_one_may_be_had() -> None:
    study = small_study()
    told = [screen_at(study, Place(1, position, 1, "none")).leads_on for position in range(len(study.steps(1)))]

    assert told == [False] * 3 + [True] * 3 + [False] * 3 + [True] * 5 + [False]


def test_a_trial_with_an_explanation_is_never_handed_ahead() -> None:
    study = with_last_block(small_study(), explanation=True)
    steps = tuple(replace(step, explanation=step.block == "change") for step in study.steps(1))

    assert len(stretch(study, steps[9:])) == 3


def test_a_trial_that_shows_an_output_for_which_another_block_asks_is_never_handed_ahead() -> None:
    study = small_study()
    pre, *rest = study.design.phases
    asking = pre.model_copy(update={"blocks": (pre.blocks[0].model_copy(update={"item_set": "changed"}),)})
    study = replace(study, design=study.design.model_copy(update={"phases": (asking, *rest)}))

    assert len(stretch(study, study.steps(1)[9:])) == 3

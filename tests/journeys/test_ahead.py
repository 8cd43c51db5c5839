"""Screens ahead of their turn tell no answer, no explanation and no arm, and open nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.http import HttpResponse

from studyapp.models import Enrolment, Study
from studyapp.models.frozen import FrozenStudy, frozen_study, truths
from studyapp.screens import Place, Screen, screen_at
from studyapp.tasktypes import TASK_TYPES
from studyapp.views import participant_offline
from tests import factories
from tests.journeys.test_leaks import (
    CANARY,
    OrderSeed,
    enrol,
    explained_with_a_canary,
    in_the_heading,
    in_the_order_of_buttons,
    in_the_size_of_the_page,
    mock,
    twins,
    unmarked,
)
from tests.journeys.walking import Walker, arrive
from tests.promises.ledger import Reached, scale

pytestmark = pytest.mark.django_db

PEOPLE = scale(full=20, quick=1)
PLACE = re.compile(rb'data-place="(\d+)\.1"')


def walk_looking_ahead(study: Study, number: int) -> tuple[Walker, list[tuple[int, HttpResponse]]]:
    """A whole run by somebody who asks at every screen for what is handed ahead there."""
    with mock.patch.object(enrol, "secrets", OrderSeed(number)):
        walker = arrive(factories.main_link(study), f"ahead-{number}", scripts=True)
    looks: list[tuple[int, HttpResponse]] = []

    def look(enrolment: Enrolment) -> bool:
        looks.append((enrolment.position, walker.client.get(f"{walker.run}ahead/")))
        return False

    walker.walk(until=look)
    return walker, looks


def places(reply: HttpResponse) -> list[int]:
    return [int(place) for place in PLACE.findall(reply.content)]


def hits_ahead(template: str, people: int) -> tuple[int, int]:
    """How many screens twins with opposite truths were handed ahead, and how many replies told them apart."""
    pair = twins(template)
    screens = told = 0
    for number in range(people):
        (first, looks), (second, others) = (walk_looking_ahead(study, number) for study in pair)
        for (_, one), (_, other) in zip(looks, others, strict=True):
            screens += len(places(one))
            told += unmarked(first, one) != unmarked(second, other)
    return screens, told


@pytest.mark.promise(9)
def test_screens_ahead_are_the_same_bytes_whatever_the_answers_are(reached: Reached) -> None:
    found = [hits_ahead(template, PEOPLE) for template in ("forward", "counterfactual")]
    screens, told = (sum(numbers) for numbers in zip(*found, strict=True))
    assert screens >= 200 * PEOPLE
    assert told == 0
    reached(f"{told} hits in {screens:,} screens handed ahead")


@pytest.mark.control(9, "the answer in a screen that is handed ahead")
@pytest.mark.parametrize("leak", [in_the_heading, in_the_order_of_buttons, in_the_size_of_the_page])
def test_an_answer_in_a_screen_ahead_is_seen(
    leak: Callable[[Screen, str], Screen], monkeypatch: pytest.MonkeyPatch, reached: Reached
) -> None:
    def leaking(study: FrozenStudy, place: Place) -> Screen:
        screen = screen_at(study, place)
        if screen.step.kind != "trial":
            return screen
        score = TASK_TYPES[screen.step.task].score({"choice": ""}, truths(study.design_id)[screen.step.key])
        assert score is not None
        return leak(screen, score.asked)

    monkeypatch.setattr(participant_offline, "screen_at", leaking)
    _, told = hits_ahead("counterfactual", 1)
    assert told > 0
    reached(f"{leak.__name__.replace('_', ' ')}: {told} replies told")


@pytest.mark.promise(11)
def test_no_arm_is_handed_an_explanation_ahead_and_all_are_handed_the_same_places(reached: Reached) -> None:
    study = explained_with_a_canary()
    by_arm: dict[str, list[list[int]]] = {}
    for number in range(8):
        walker, looks = walk_looking_ahead(study, number)
        assert not [reply for _, reply in looks if CANARY.encode() in reply.content]
        by_arm[walker.enrolment().arm] = [places(reply) for _, reply in looks]
    assert len(by_arm) == 4
    (handed,) = {str(positions) for positions in by_arm.values()}
    reached(
        f"0 bytes of an explanation in what {len(by_arm)} arms are handed ahead, the same {handed.count(',')} places"
    )


def test_only_the_rest_of_a_stretch_of_tests_is_handed_ahead() -> None:
    study = factories.make_open()
    walker, looks = walk_looking_ahead(study, 1)
    steps = frozen_study(study.frozen.pk).steps(walker.enrolment().order_seed)

    for position, reply in looks:
        handed = places(reply)
        assert handed == list(range(position, position + len(handed)))
        for step in steps[position : position + len(handed)]:
            assert step.kind in {"phase_intro", "rating", "trial"}
            assert not (step.kind == "trial" and (step.explanation or not TASK_TYPES[step.task].facts.tests))
    early = [reply.content for position, reply in looks if steps[position].kind in {"instructions", "comprehension"}]
    assert set(early) == {b""}

"""The model's answer is in no byte before the response, and no explanation in a control arm's bytes.

Two twin studies show the same items in the same order to people of the same arm and differ in nothing but the truth
of their test items. A page that is the same, byte for byte, whichever truth it is cannot tell the truth.
"""

from __future__ import annotations

import random
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from unittest import mock

import pytest
from django.http import HttpResponse
from django.utils import timezone
from scipy.stats import rankdata

from explainers.types import FeatureWeight, FeatureWeights, input_from_json
from studyapp import screens
from studyapp.actions import enrol, lifecycle, studies
from studyapp.actions.consent_texts import add_first_text
from studyapp.actions.data_code import data_code
from studyapp.actions.links import add_link
from studyapp.design.sampling import PoolItem, draw_items
from studyapp.design.schema import parse_design
from studyapp.design.templates import TEMPLATES
from studyapp.models import ArmExplanation, Explanation, FrozenDesign, Seal, Stage, Study, StudyItem
from studyapp.models.explanations import ExplanationState
from studyapp.models.frozen import FrozenStudy, frozen_study, truths
from studyapp.models.studies import StudyState
from studyapp.screens import Place, Screen, screen_at
from studyapp.tasktypes import TASK_TYPES
from studyapp.views import participant
from tests import factories
from tests.journeys.walking import Walker, arrive
from tests.promises.ledger import Reached, scale

pytestmark = pytest.mark.django_db

PEOPLE = {"forward": scale(full=48, quick=6), "counterfactual": scale(full=16, quick=2)}  # 32 and 24+ trials each
TRIALS = scale(full=2_000, quick=240)
# What differs from one serving of the same page to the next, whatever the truth.
PER_SERVING = re.compile(rb'(name="(?:stamp|csrfmiddlewaretoken|arrival)" value=")[^"]*')


def twins(template: str) -> tuple[Study, Study]:
    """A study, and its copy in which every test item has the opposite label and output."""
    factories.make_material(per_cell=20)
    first = factories.make_open(document=TEMPLATES[template].make("adult"))
    actor = factories.owner_of(first.lab)
    second = studies.create_study(lab=first.lab, document=first.frozen.document, actor=actor)
    frozen = FrozenDesign.objects.create(
        study=second, document=first.frozen.document, sha256=first.frozen.sha256, items_sha256="0" * 64
    )
    add_first_text(frozen)
    told = frozen_study(first.frozen.pk).given
    for row in StudyItem.objects.filter(design=first.frozen):
        original, row.pk, row.design = row.pk, None, frozen
        if row.perturbed_output is not None:
            row.perturbed_output = 1 - row.perturbed_output
        if row.key not in told:
            row.label, row.output = 1 - row.label, 1 - row.output
        row.save(force_insert=True)
        for shown in ArmExplanation.objects.filter(study_item_id=original):
            shown.pk, shown.design, shown.study_item = None, frozen, row
            shown.save(force_insert=True)
    Seal.objects.create(study=second, encrypted_key=first.seal.encrypted_key)  # the same arms in the same order
    add_link(Stage.objects.create(study=second, kind="main", capacity=first.stages.get().capacity))
    Study.objects.filter(pk=second.pk).update(state=StudyState.FROZEN)
    return first, lifecycle.open_study(study=second, actor=actor)


@dataclass(frozen=True)
class OrderSeed:
    """Stands in for the module `secrets` where an enrolment's order seed is drawn: both twins get the same."""

    seed: int

    def randbits(self, n: int) -> int:
        return self.seed

    def choice(self, letters: str) -> str:
        return secrets.choice(letters)


def walk_both(pair: tuple[Study, Study], number: int) -> tuple[Walker, Walker]:
    """The same person in both, with the same order of items and the same answers, seeing every page twice."""
    walkers = []
    for study in pair:
        with mock.patch.object(enrol, "secrets", OrderSeed(number)):
            walker = arrive(factories.main_link(study), f"canary-{number}", scripts=bool(number % 2))
        walker.walk()
        walkers.append(walker)
    first, second = walkers
    assert first.enrolment().arm == second.enrolment().arm
    return first, second


def unmarked(walker: Walker, reply: HttpResponse) -> bytes:
    """Head and body of a reply without what names the study, the run or the serving."""
    # The clock is in one header of pages that may not be kept, a random number of the request in another.
    per_serving = {"Expires", "X-Request-Id"}
    head = "\n".join(f"{name}: {value}" for name, value in sorted(reply.items()) if name not in per_serving)
    cookies = "\n".join(sorted(f"{name} {dict(morsel)}" for name, morsel in reply.cookies.items()))
    whole = f"{reply.status_code}\n{head}\n{cookies}\n".encode() + reply.content
    enrolment = walker.enrolment()
    study, own_code = walker.study.public_id, data_code(enrolment)
    names = (str(study), study.hex[:16], walker.link.token, enrolment.code, own_code, own_code.replace("-", ""))
    for name in names:
        whole = whole.replace(name.encode(), b"~")
    whole = re.sub(rb"(expires': ')[^']*", rb"\1~", whole)
    return PER_SERVING.sub(rb"\1~", whole)


def hits(first: Walker, second: Walker) -> Iterator[str]:
    """Replies that tell the twins apart."""
    assert len(first.replies) == len(second.replies)
    for (place, one), (_, other) in zip(first.replies, second.replies, strict=True):
        if unmarked(first, one) != unmarked(second, other):
            yield f"{first.study.title}: the reply after {place} answers"


def n_trials(walker: Walker) -> int:
    enrolment = walker.enrolment()
    steps = frozen_study(walker.study.frozen.pk).steps(enrolment.order_seed)
    return sum(step.kind == "trial" and TASK_TYPES[step.task].facts.tests for step in steps[: enrolment.position])


def canary_hits(template: str, people: int) -> tuple[int, list[str]]:
    """How many trials were looked at, and where the truth could be told from the bytes."""
    pair = twins(template)
    trials, found = 0, []
    for number in range(people):
        first, second = walk_both(pair, number)
        trials += n_trials(first)
        found += hits(first, second)
    return trials, found


@pytest.mark.promise(9)
def test_no_byte_before_the_response_depends_on_the_answer(reached: Reached) -> None:
    forward, found = canary_hits("forward", PEOPLE["forward"])
    changed, found_too = canary_hits("counterfactual", PEOPLE["counterfactual"])
    assert forward + changed >= TRIALS
    assert found + found_too == []
    reached(f"0 hits in {forward + changed:,} trials")


def in_the_heading(screen: Screen, output: str) -> Screen:
    return replace(screen, content=replace(screen.content, heading=f"{screen.content.heading} {output[:1]}"))


def in_the_order_of_buttons(screen: Screen, output: str) -> Screen:
    ordered = sorted(screen.content.options, key=lambda option: option.value != output)
    return replace(screen, content=replace(screen.content, options=tuple(ordered)))


def in_the_size_of_the_page(screen: Screen, output: str) -> Screen:
    return replace(screen, content=replace(screen.content, heading=screen.content.heading + " " * len(output)))


@pytest.mark.control(9, "the answer in the page")
@pytest.mark.parametrize("leak", [in_the_heading, in_the_order_of_buttons, in_the_size_of_the_page])
def test_a_planted_leak_is_seen(
    leak: Callable[[Screen, str], Screen], monkeypatch: pytest.MonkeyPatch, reached: Reached
) -> None:
    def leaking(study: FrozenStudy, place: Place) -> Screen:
        screen = screen_at(study, place)
        if screen.step.kind != "trial" or not TASK_TYPES[screen.step.task].facts.tests:
            return screen
        return leak(screen, truths(study.design_id)[screen.step.key].output)

    monkeypatch.setattr(participant, "screen_at", leaking)
    trials, found = canary_hits("forward", 1)
    assert len(found) == trials == 32
    reached(f"{leak.__name__.replace('_', ' ')}: {len(found)} hits in {trials} trials")


@pytest.mark.control(9, "the answer in a header")
def test_a_planted_leak_in_a_header_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    page = participant._page

    def with_header(request, enrolment, study):  # type: ignore[no-untyped-def]
        made = page(request, enrolment, study)
        step = study.steps(enrolment.order_seed)[min(enrolment.position, len(study.steps(enrolment.order_seed)) - 1)]
        if step.kind == "trial":
            request.leaked = truths(study.design_id)[step.key].output
        return made

    answer = participant.answer_with

    def send(request, page, status=200):  # type: ignore[no-untyped-def]
        reply = answer(request, page, status)
        reply["X-Cache"] = getattr(request, "leaked", "")[:1]
        return reply

    monkeypatch.setattr(participant, "_page", with_header)
    monkeypatch.setattr(participant, "answer_with", send)
    trials, found = canary_hits("forward", 1)
    assert len(found) == trials == 32


# --- side channels -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Channel:
    """What an onlooker can measure of the page of one trial, and the answer that they would like to know."""

    answer: str
    body_bytes: float
    head_bytes: float
    place: float
    seconds: float


def channels(template: str, people: int) -> list[Channel]:
    """Walk one of two twins, drawn for each person: whatever differs with the answer is the answer's doing."""
    pair = twins(template)
    draw = random.Random(7)
    seen: list[Channel] = []
    for number in range(people):
        study = draw.choice(pair)
        known = truths(study.frozen.pk)
        with mock.patch.object(enrol, "secrets", OrderSeed(number)):
            walker = arrive(factories.main_link(study), f"channel-{number}", scripts=True)
        walker.walk()
        steps = frozen_study(study.frozen.pk).steps(walker.enrolment().order_seed)
        for (place, reply), seconds in zip(walker.replies, walker.seconds, strict=True):
            if place < len(steps) and steps[place].kind == "trial" and TASK_TYPES[steps[place].task].facts.tests:
                body, head = len(reply.content), sum(len(f"{name}{value}") for name, value in reply.items())
                seen.append(Channel(known[steps[place].key].output, body, head, place, seconds))
    return seen


def area_under_curve(answers: Sequence[str], values: Sequence[float]) -> float:
    """How well a number tells the two answers apart, whichever way round: 0.5 not at all, 1 perfectly."""
    one, _ = sorted(set(answers))
    ranks = rankdata(values)
    ones = [rank for rank, answer in zip(ranks, answers, strict=True) if answer == one]
    n_ones, n_zeros = len(ones), len(answers) - len(ones)
    area = (sum(ones) - n_ones * (n_ones + 1) / 2) / (n_ones * n_zeros)
    return float(max(area, 1 - area))


def telling(seen: Sequence[Channel]) -> dict[str, float]:
    answers = [one.answer for one in seen]
    names = ("body_bytes", "head_bytes", "place", "seconds")
    return {name: area_under_curve(answers, [getattr(one, name) for one in seen]) for name in names}


# The bound of 2,000 trials is 3.9 standard errors from chance; fewer trials get as many.
AREA = 0.5 + 0.05 * (2_000 / TRIALS) ** 0.5


@pytest.mark.promise(10)
def test_neither_size_nor_order_nor_time_tells_the_answer(reached: Reached) -> None:
    seen = channels("forward", -(-TRIALS // 32))
    areas = telling(seen)
    assert len(seen) >= TRIALS
    assert {name: area for name, area in areas.items() if not area <= AREA} == {}
    reached(f"{len(seen):,} trials: " + ", ".join(f"{name} {area:.3f}" for name, area in areas.items()))


@pytest.mark.control(10, "a page takes longer for one of the answers")
def test_a_page_that_takes_longer_for_one_answer_is_seen(monkeypatch: pytest.MonkeyPatch, reached: Reached) -> None:
    def slower(study: FrozenStudy, place: Place) -> Screen:
        screen = screen_at(study, place)
        one = factories.CLASSES["adult"][0]
        if screen.step.kind == "trial" and truths(study.design_id)[screen.step.key].output == one:
            time.sleep(0.1)
        return screen

    monkeypatch.setattr(participant, "screen_at", slower)
    areas = telling(channels("forward", 3))
    assert areas["seconds"] > AREA
    reached(f"time tells: {areas['seconds']:.3f}")


def test_no_page_names_an_item() -> None:
    """Items are numbered as they were drawn; a number on a page would be one more thing to learn from."""
    study = factories.make_open()
    walker = arrive(factories.main_link(study))
    walker.walk()
    keys = [row.key.encode() for row in StudyItem.objects.filter(design=study.frozen)]
    assert [key for key in keys for _, reply in walker.replies if key in reply.content] == []


def test_the_place_of_an_item_in_its_set_says_nothing_of_its_truth() -> None:
    """In a block of fixed order the place is what people see: the cells must not stand in line."""
    pool = [PoolItem(f"{label}{output}{n}", label, output) for label in (0, 1) for output in (0, 1) for n in range(9)]
    cell_of = {item.key: item.cell for item in pool}
    firsts = []
    for seed in range(60):
        design = parse_design({**factories.small_document(), "seed": seed})
        firsts.append(cell_of[draw_items(design, pool, 2)["test"][0].key])
    assert {cell: firsts.count(cell) > 3 for cell in set(cell_of.values())} == dict.fromkeys(
        set(cell_of.values()), True
    )


# --- the control arm ---------------------------------------------------------------------------------------------

CANARY = "kestrel-canary"


def explained_with_a_canary(room_for: int = 200) -> Study:
    """An open study each of whose explanations holds a word that stands nowhere else."""
    allocation = {"capacity": max(room_for, 200)}
    study = factories.make_frozen(document=factories.small_document(allocation=allocation), explained=False)
    for row in Explanation.objects.of_design(study.frozen).select_related("item"):
        values = input_from_json(row.item.content).values  # type: ignore[union-attr]
        row.form = FeatureWeights(
            tuple(FeatureWeight(f"{CANARY} {name}", value, 0.3) for name, value in values)
        ).to_json()
        row.explained_class, row.state, row.computed_at = 0, ExplanationState.READY, timezone.now()
        row.save()
    return lifecycle.open_study(study=study, actor=factories.owner_of(study.lab))


def people_who_got_explanations(study: Study, people: int = 8) -> dict[str, tuple[int, int]]:
    """For each arm, how many people were sent any byte of an explanation, and how many there were."""
    got: dict[str, tuple[int, int]] = {}
    for _ in range(people):  # eight fill a whole permuted block, whichever size is drawn
        walker = arrive(factories.main_link(study))
        walker.walk()
        sent = any(CANARY.encode() in str(reply.items()).encode() + reply.content for _, reply in walker.replies)
        arm = walker.enrolment().arm
        before, of = got.get(arm, (0, 0))
        got[arm] = (before + sent, of + 1)
    return got


def arms_that_get_explanations(study: Study) -> dict[str, bool]:
    return {arm: bool(sent) for arm, (sent, _) in people_who_got_explanations(study).items()}


EXPLAINED = {"none": False, "placebo": True, "lime": True, "senn": True}


# Committed as it goes: a thousand people in one transaction are slower with each of them.
@pytest.mark.django_db(transaction=True)
@pytest.mark.promise(11)
def test_no_byte_of_an_explanation_reaches_the_control_arm(reached: Reached) -> None:
    people = scale(full=1_000, quick=8)
    got = people_who_got_explanations(explained_with_a_canary(room_for=people), people)
    assert {arm: bool(sent) for arm, (sent, _) in got.items()} == EXPLAINED
    assert all(sent == of for arm, (sent, of) in got.items() if EXPLAINED[arm])
    reached(f"{got['none'][0]} of {got['none'][1]} people of the control arm, among {people:,} people")


@pytest.mark.control(11, "the explanation is sent to everybody")
def test_an_explanation_sent_to_the_control_arm_is_seen(monkeypatch: pytest.MonkeyPatch, reached: Reached) -> None:
    stimulus = screens._stimulus

    def for_everybody(study, step, arm):  # type: ignore[no-untyped-def]
        return stimulus(study, step, "lime" if step.explanation else arm)

    monkeypatch.setattr(screens, "_stimulus", for_everybody)
    assert arms_that_get_explanations(explained_with_a_canary()) == EXPLAINED | {"none": True}
    reached("the control arm got explanations")

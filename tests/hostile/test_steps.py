"""Only legal steps: a machine calls a real run at random and holds every row against a small model of its own.

It answers, goes back, skips, replays, alters, forges, takes other people's stamps and keys, withdraws and closes,
through the pages and through the action behind them. The model knows the steps of the study and nothing of the code.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from studyapp.actions import respond
from studyapp.actions.lifecycle import close_study
from studyapp.actions.respond import Submission, record_response, withdraw
from studyapp.design.order import Step
from studyapp.errors import KeyReused, TrialNotOpen
from studyapp.models import Enrolment, Response
from studyapp.models.frozen import FrozenStudy, study_of
from tests.hostile.world import visitor
from tests.promises.ledger import Reached, scale
from tests.studyapp.views.participant_study import MadeStudy, consent, fields_of, make_study

pytestmark = pytest.mark.django_db

CALLS = scale(full=100_000, quick=1_000)
RULES_A_RUN = 50
PEOPLE = 2
VOLLEY = 40  # calls of the action in a row before the rows are looked at


@dataclass
class Person:
    """Somebody in the study, and where the model says they are."""

    client: Client
    enrolment: Enrolment
    steps: tuple[Step, ...]
    position: int = 0
    attempt: int = 1
    state: str = "active"
    stored: dict[tuple[int, int], tuple[object, ...]] = field(default_factory=dict)
    stamps: list[tuple[str, int, int]] = field(default_factory=list)  # text, position and attempt when it was served
    sent: list[Submission] = field(default_factory=list)

    @property
    def place(self) -> tuple[int, int]:
        return self.position, self.attempt


def right_answer(step: Step, study: FrozenStudy) -> dict[str, str]:
    """What a person sends who answers a step."""
    if step.kind == "comprehension":
        return {f"answer-{n}": str(q.answer) for n, q in enumerate(study.design.comprehension.questions)}
    return {"answer": {"trial": study.classes[0], "rating": "1"}.get(step.kind, "0")}


def as_stored(step: Step, study: FrozenStudy, sent: Mapping[str, str]) -> dict[str, object] | None:
    """The answer as its row must hold it; None where it is none. Written apart from the code that parses."""
    design, text = study.design, sent.get("answer", "")
    match step.kind:
        case "instructions" | "phase_intro":
            return {"choice": "read"}
        case "background":
            options = next(f.options for f in design.allocation.strata if f.key == step.key)
            return {"choice": options[int(text)]} if text in map(str, range(len(options))) else None
        case "comprehension":
            texts = [sent.get(f"answer-{n}", "") for n in range(len(design.comprehension.questions))]
            fits = zip(texts, design.comprehension.questions, strict=True)
            valid = all(text in map(str, range(len(q.options))) for text, q in fits)
            return {"choices": [int(text) for text in texts]} if valid else None
        case "rating":
            return {"rating": int(text)} if text in map(str, range(1, 8)) else None
    if step.task == "worked_example":
        return {"choice": "seen"}
    return {"choice": text} if text in study.classes else None


who = st.integers(0, PEOPLE - 1)
far = st.one_of(st.just(0), st.integers(-12, 12))
answers = st.one_of(
    st.none(),  # the right one
    st.fixed_dictionaries({"answer": st.sampled_from(["0", "1", "7", "99", "", "-1", "x", "٣", "$50,000 or less"])}),
    st.fixed_dictionaries({"answer-0": st.sampled_from("012x"), "answer-1": st.sampled_from("012")}),
)


class Run(RuleBasedStateMachine):
    """Two people in one study, and every call that may be tried on them."""

    made: ClassVar[MadeStudy]
    study: ClassVar[FrozenStudy]
    calls: ClassVar[int] = 0
    moves: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.is_closed = False
        self.touched: set[int] = set()
        self.people = [self.come(f"p{n}") for n in range(PEOPLE)]

    def come(self, name: str) -> Person:
        client = visitor()
        enrolment = consent(client, self.made, f"?PROLIFIC_PID={name}")
        return Person(client, enrolment, self.study.steps(enrolment.order_seed))

    # --- calls through the pages

    @rule(n=who)
    def look(self, n: int) -> None:
        person = self.called(n)
        stamp = fields_of(person.client.get(self.made.run)).get("stamp")
        if stamp:
            person.stamps.append((stamp, *person.place))

    @rule(n=who, times=st.integers(1, 3))
    def answer_and_go_on(self, n: int, times: int) -> None:
        for _ in range(times):
            self.look(n)
            person = self.people[n]
            if person.stamps and person.stamps[-1][1:] == person.place and person.state == "active":
                self.post(n, n, len(person.stamps) - 1, None)

    @rule(n=who, owner=who, which=st.integers(0, 40), sent=answers)
    def post(self, n: int, owner: int, which: int, sent: dict[str, str] | None) -> None:
        """Any stamp that anybody was ever given, to any run, with any answer."""
        if not self.people[owner].stamps:
            return
        person, stamps = self.called(n), self.people[owner].stamps
        text, position, attempt = stamps[which % len(stamps)]
        fields = right_answer(person.steps[position], self.study) if sent is None else sent
        if owner == n:
            self.expect(person, position, attempt, fields)
        self.send(person, {"stamp": text, **fields})

    @rule(n=who, which=st.integers(0, 40), at=st.integers(0, 200), put=st.sampled_from("aZ0-_:="))
    def post_with_a_forged_stamp(self, n: int, which: int, at: int, put: str) -> None:
        person = self.called(n)
        text = person.stamps[which % len(person.stamps)][0] if person.stamps else "e30:1:x"
        cut = at % len(text)
        forged = text[:cut] + put + text[cut + 1 :]
        # The time of a signature is part of it; where nothing was changed there is nothing forged.
        self.send(person, {"stamp": forged if forged != text else "x", "answer": "0", "position": "99"})

    @rule(n=who)
    def consent_again(self, n: int) -> None:
        person = self.called(n)
        person.client.get(f"{self.made.join}?PROLIFIC_PID=p{n}")

    # --- calls of the action behind them

    @rule(
        n=who,
        volley=st.lists(
            st.tuples(far, st.sampled_from([1, 1, 1, 2, 3]), answers), min_size=VOLLEY // 2, max_size=VOLLEY
        ),
    )
    def act(self, n: int, volley: list[tuple[int, int, dict[str, str] | None]]) -> None:
        for skip, attempt, sent in volley:
            self.act_once(n, skip, attempt, sent)

    def act_once(self, n: int, skip: int, attempt: int, sent: dict[str, str] | None) -> None:
        """A submission for any place, under a key of its own."""
        person = self.called(n)
        position = min(max(0, person.position + skip), len(person.steps) - 1)
        step = person.steps[position]
        answer = as_stored(step, self.study, right_answer(step, self.study) if sent is None else sent)
        if answer is not None:
            self.submit(person, Submission(uuid.uuid4(), position, attempt, answer, 900, 1000, {}), answer)

    @rule(
        n=who,
        owner=who,
        volley=st.lists(
            st.tuples(st.integers(0, 60), st.sampled_from([900, 901])), min_size=VOLLEY // 2, max_size=VOLLEY
        ),
    )
    def replay(self, n: int, owner: int, volley: list[tuple[int, int]]) -> None:
        for which, ms in volley:
            self.replay_once(n, owner, which, ms)

    def replay_once(self, n: int, owner: int, which: int, ms: int) -> None:
        """A submission that was sent before: again, altered, or in another run."""
        if not self.people[owner].sent:
            return
        person, sent = self.called(n), self.people[owner].sent
        old = sent[which % len(sent)]
        again = Submission(old.key, old.position, old.attempt, old.answer, ms, 5, old.trail)
        self.submit(person, again, None if Response.objects.filter(key=old.key).exists() else old.answer)

    @rule(n=who, luck=st.integers(0, 30))
    def withdraw(self, n: int, luck: int) -> None:
        person = self.called(n)
        if luck == 0:
            withdraw(enrolment_id=person.enrolment.pk)
            person.state = "withdrawn"

    @rule(luck=st.integers(0, 60))
    def close(self, luck: int) -> None:
        Run.calls += 1
        if luck == 0 and not self.is_closed:
            close_study(study=self.made.study, actor="system")
            self.is_closed = True

    # --- what a call may do

    def called(self, n: int) -> Person:
        Run.calls += 1
        self.touched.add(n)
        return self.people[n]

    def send(self, person: Person, fields: Mapping[str, str]) -> None:
        with transaction.atomic():
            response = person.client.post(self.made.run, fields)
        assert response.status_code < 500

    def submit(self, person: Person, submission: Submission, answer: Mapping[str, object] | None) -> None:
        if answer is not None and self.is_here(person, submission.position, submission.attempt):
            self.expect_stored(person, answer)
        with transaction.atomic():
            try:
                respond.record_response(enrolment_id=person.enrolment.pk, submission=submission)
                person.sent.append(submission)
            except (TrialNotOpen, KeyReused):
                pass

    def is_here(self, person: Person, position: int, attempt: int) -> bool:
        return person.place == (position, attempt) and person.state == "active" and not self.is_closed

    def expect(self, person: Person, position: int, attempt: int, fields: Mapping[str, str]) -> None:
        answer = as_stored(person.steps[position], self.study, fields)
        if answer is not None and self.is_here(person, position, attempt):
            self.expect_stored(person, answer)

    def expect_stored(self, person: Person, answer: Mapping[str, object]) -> None:
        """Move the model on by one legal step."""
        Run.moves += 1
        person.stored[person.place] = (dict(answer),)
        check = self.study.design.comprehension
        step = person.steps[person.position]
        if step.kind == "comprehension" and answer["choices"] != [q.answer for q in check.questions]:
            if person.attempt == check.attempts:
                person.state = "screened_out"
            else:
                person.attempt += 1
            return
        person.position, person.attempt = person.position + 1, 1
        if person.position == len(person.steps):
            person.state = "completed"

    @invariant()
    def every_row_is_where_the_model_says(self) -> None:
        for n in sorted(self.touched):
            person = self.people[n]
            row = Enrolment.objects.get(pk=person.enrolment.pk)
            assert (row.position, row.attempt, row.state) == (*person.place, person.state)
            assert bool(row.arm) == (row.position > self.allocation_at(person))
            rows = Response.objects.filter(enrolment=row).order_by("position", "attempt")
            found = {(r.position, r.attempt): (r.answer, r.key, r.body_sha256, r.received_at) for r in rows}
            assert {place: kept[0] for place, kept in found.items()} == {
                place: kept[0] for place, kept in person.stored.items()
            }
            for place, kept in person.stored.items():
                assert len(kept) == 1 or kept == found[place], "a first response was altered"
            person.stored = found
        self.touched.clear()

    def allocation_at(self, person: Person) -> int:
        """The last step before an arm is needed: the comprehension check."""
        return next(step.position for step in person.steps if step.kind == "comprehension")

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.savepoint.__exit__(None, None, None)


@pytest.fixture(scope="module")
def run_of_a_study(django_db_setup: None, django_db_blocker) -> Iterator[type[Run]]:  # type: ignore[no-untyped-def]
    with django_db_blocker.unblock(), transaction.atomic():
        Run.made = make_study(n_tests=3, capacity=1000)
        Run.study = study_of(Enrolment(study=Run.made.study))
        yield Run
        transaction.set_rollback(True)


def call_at_random(calls: int) -> None:
    """Run the machine until it has made about so many calls; it stops at the first wrong row."""
    Run.calls = Run.moves = 0
    plan = settings(
        max_examples=5,
        stateful_step_count=RULES_A_RUN,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    while Run.calls < calls:
        run_state_machine_as_test(Run, settings=plan)  # type: ignore[no-untyped-call]


@pytest.mark.promise(12)
def test_no_call_makes_an_illegal_step(run_of_a_study: type[Run], reached: Reached) -> None:
    call_at_random(CALLS)

    assert Run.moves > Run.calls / 100, "hardly anything moved: the calls were too wild to try anything"
    reached(
        f"0 illegal transitions in {Run.calls:,} random calls, {Run.moves:,} legal steps; first responses unchanged"
    )


@pytest.mark.control(12, "the server trusts the place that the browser names")
def test_the_machine_sees_a_server_that_trusts_the_place_a_browser_names(
    run_of_a_study: type[Run], monkeypatch: pytest.MonkeyPatch, reached: Reached
) -> None:
    def trusting(*, enrolment_id: int, submission: Submission) -> Enrolment:
        Enrolment.objects.filter(pk=enrolment_id).update(position=submission.position, attempt=submission.attempt)
        return record_response(enrolment_id=enrolment_id, submission=submission)

    monkeypatch.setattr(respond, "record_response", trusting)

    # The tables' own guards may notice before the model does.
    with pytest.raises((AssertionError, IntegrityError)):
        call_at_random(CALLS)
    assert connection.in_atomic_block
    reached(f"an illegal transition after {Run.calls} calls")

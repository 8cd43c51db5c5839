"""Promise 23: every action that changes something leaves its entries in the trail, one a change.

The table says by hand which verbs each action leaves. An action that is not in it, nor in the list of those that leave
none with the reason, fails.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

import pytest
from django.db import transaction
from django.db.models.signals import post_save

from studyapp import actions
from studyapp.actions import (
    accounts,
    arrival_keys,
    consent_texts,
    enrol,
    erasure,
    explain,
    freeze,
    imports,
    invitations,
    lifecycle,
    links,
    payments,
    power,
    quality,
    reconcile,
    rehearsals,
    reports,
    resealing,
    respond,
    retention,
    stopping,
    studies,
    unblinding,
)
from studyapp.models import AuditEntry, Enrolment, Explanation, Job, Report, Role, Stage, Study, User
from studyapp.models.studies import StageKind
from studyapp.queue import claim
from tests import factories
from tests.promises.console_walk import walk_to_allocation
from tests.promises.ledger import Reached
from tests.studyapp.actions.test_imports import file_for
from tests.studyapp.actions.test_whole_run import arrive, run_through

pytestmark = pytest.mark.django_db


@dataclass
class World:
    """A lab with a study in every state."""

    owner: User
    second: User
    draft: Study
    frozen: Study
    open: Study
    closed: Study
    person: Enrolment  # of the open study, allocated
    done: Enrolment  # of the closed study, through


@pytest.fixture
def world(db: None) -> World:
    lab = factories.make_lab(owner := factories.make_user())
    second = factories.add_member(lab, Role.OWNER)
    opened, closed = factories.make_open(lab), factories.make_open(lab)
    person, done = walk_to_allocation(arrive(opened)), run_through(arrive(closed))
    lifecycle.close_study(study=closed, actor=owner)
    return World(owner, second, factories.make_draft(lab), factories.make_frozen(lab), opened, closed, person, done)


Deed = Callable[[World], object]


def invitation_of(world: World, user: User) -> str:
    made = invitations.invite(lab=world.open.lab, email=user.email, role=Role.VIEWER, actor=world.owner)
    return invitations.invitation_address(made).rstrip("/").rsplit("/", 1)[-1]


def ask(world: World) -> None:
    unblinding.request_unblinding(study=world.closed, actor=world.owner)


def failed(world: World) -> None:
    Explanation.objects.exclude(state="ready").update(state="failed")
    again = factories.make_draft(world.open.lab, factories.small_document(seed=77))
    freeze.freeze(study=again, actor=world.owner)
    Explanation.objects.of_design(again.frozen).pending().update(state="failed", job=None)
    Job.objects.filter(study=again).delete()
    world.frozen = again


def waiting(world: World) -> None:
    """A study whose explanations no worker has begun."""
    world.frozen = factories.make_frozen(world.open.lab, factories.small_document(seed=78), explained=False)


def rehearsed(world: World) -> Report:
    stage = links.add_stage(study=world.open, kind=StageKind.REHEARSAL, capacity=8, actor="system")
    link = links.add_link(stage)
    for number in range(8):
        text = consent_texts.current_text(world.open)
        bot = enrol.enrol(
            link=link, arrival=enrol.Arrival("label", f"b{number}", {}), visitor="", consent_version=text.version
        )
        run_through(bot)
    reports.request_report(stage=stage, actor=world.owner)
    return Report.objects.get(stage=stage)


def main(study: Study) -> Stage:
    return factories.main_link(study).stage


# Action: (what has to be so before, the action, the verbs that it leaves).
nothing: Deed = lambda world: None  # noqa: E731
ONE_ENTRY_A_CHANGE: Mapping[str, tuple[Deed, Deed, list[str]]] = {
    "accounts.create_lab": (nothing, lambda w: accounts.create_lab(name="Other", owner=w.owner), ["created"]),
    "accounts.set_role": (
        nothing,
        lambda w: accounts.set_role(lab=w.open.lab, user=factories.make_user(), role=Role.VIEWER, actor=w.owner),
        ["set role"],
    ),
    "accounts.remove_member": (
        nothing,
        lambda w: accounts.remove_member(lab=w.open.lab, user=w.second, actor=w.owner),
        ["removed"],
    ),
    "arrival_keys.keep_panel_keys": (
        nothing,
        lambda w: arrival_keys.keep_panel_keys(lab=w.open.lab, text="", actor=w.owner),
        ["changed panel keys"],
    ),
    "arrival_keys.make_secret": (
        nothing,
        lambda w: arrival_keys.make_secret(lab=w.open.lab, actor=w.owner),
        ["made a link secret"],
    ),
    "consent_texts.amend_consent": (
        nothing,
        lambda w: amended(w),
        ["amended consent"],
    ),
    "consent_texts.consent_again": (
        lambda w: amended(w),
        lambda w: consent_texts.consent_again(enrolment_id=w.person.pk, version=2),
        ["consented again"],
    ),
    "enrol.enrol": (nothing, lambda w: arrive(w.open, "newcomer"), ["consented"]),
    "enrol.decline": (nothing, lambda w: enrol.decline(link=factories.main_link(w.open)), ["declined"]),
    "allocate.allocate": (
        lambda w: setattr(w, "person", arrive(w.open, "newcomer")),
        lambda w: walk_to_allocation(w.person),
        ["allocated"],
    ),
    "erasure.leave": (nothing, lambda w: erasure.leave(enrolment_id=w.person.pk), ["withdrawn"]),
    "erasure.erase_own": (
        nothing,
        lambda w: erasure.erase_own(enrolment_id=w.person.pk),
        ["withdrawn", "erased"],
    ),
    "explain.retry_failed": (
        failed,
        lambda w: explain.retry_failed(design=w.frozen.frozen, actor=w.owner),
        ["retried explanations"],
    ),
    "stopping.stop_explanations": (
        waiting,
        lambda w: stopping.stop_explanations(study=w.frozen, actor=w.owner),
        ["stopped explanations"],
    ),
    "stopping.resume_explanations": (
        lambda w: (waiting(w), stopping.stop_explanations(study=w.frozen, actor=w.owner)),
        lambda w: stopping.resume_explanations(study=w.frozen, actor=w.owner),
        ["resumed explanations"],
    ),
    "freeze.freeze": (nothing, lambda w: freeze.freeze(study=w.draft, actor=w.owner), ["froze"]),
    "freeze.compute_for_draft": (
        nothing,
        lambda w: freeze.compute_for_draft(study=w.draft, actor=w.owner),
        ["computed ahead"],
    ),
    "imports.take_in": (
        nothing,
        lambda w: imports.take_in(study=w.draft, content=file_for(w.draft), name="mine.jsonl", actor=w.owner),
        ["uploaded explanations"],
    ),
    "invitations.invite": (nothing, lambda w: invitation_of(w, factories.make_user()), ["invited"]),
    "invitations.accept_as": (
        lambda w: setattr(w, "token", invitation_of(w, newcomer(w))),
        lambda w: invitations.accept_as(token=w.token, user=newcomer(w)),  # type: ignore[attr-defined]
        ["set role", "accepted"],
    ),
    "lifecycle.open_study": (nothing, lambda w: lifecycle.open_study(study=w.frozen, actor=w.owner), ["opened"]),
    "lifecycle.pause_study": (nothing, lambda w: lifecycle.pause_study(study=w.open, actor=w.owner), ["paused"]),
    "lifecycle.close_study": (nothing, lambda w: lifecycle.close_study(study=w.open, actor=w.owner), ["closed"]),
    "links.create_link": (nothing, lambda w: linked(w), ["made link"]),
    "links.add_stage": (
        nothing,
        lambda w: links.add_stage(study=w.open, kind=StageKind.PILOT, capacity=4, actor=w.owner),
        ["added stage"],
    ),
    "payments.reveal_payments": (
        nothing,
        lambda w: payments.reveal_payments(study=w.open, actor=w.owner),
        ["revealed panel ids"],
    ),
    "payments.payment_done": (
        nothing,
        lambda w: payments.payment_done(study=w.closed, actor=w.owner),
        ["dropped panel ids"],
    ),
    "payments.keep_ids_until": (
        nothing,
        lambda w: payments.keep_ids_until(study=w.closed, until=date(2030, 1, 1), actor=w.owner),
        ["kept panel ids longer"],
    ),
    "power.request_power": (
        nothing,
        lambda w: power.request_power(study=w.open, assumed=ASSUMED, actor=w.owner),
        ["asked for the power"],
    ),
    "power.cancel_power": (
        lambda w: power.request_power(study=w.open, assumed=ASSUMED, actor=w.owner),
        lambda w: power.cancel_power(study=w.open, actor=w.owner),
        ["cancelled the power"],
    ),
    "quality.request_check": (
        nothing,
        lambda w: quality.request_check(stage=main(w.open), actor=w.owner),
        ["asked for flags"],
    ),
    "reconcile.reconcile": (
        nothing,
        lambda w: reconcile.reconcile(study=w.open, panel="prolific", submissions=[], actor=w.owner),
        ["reconciled with a panel"],
    ),
    "rehearsals.start_rehearsal": (
        nothing,
        lambda w: rehearsals.start_rehearsal(study=w.open, participants=2, gain=0, seed=1, actor=w.owner),
        ["added stage", "rehearsed"],
    ),
    "reports.request_report": (
        lambda w: factories.unblind(w.closed),
        lambda w: reports.request_report(stage=main(w.closed), actor=w.owner),
        ["asked for a report"],
    ),
    "reports.compute_report": (
        lambda w: setattr(w, "report", rehearsed(w)),
        lambda w: reports.compute_report(claim(w.report.job_id)),  # type: ignore[attr-defined, arg-type]
        ["computed a report"],
    ),
    "resealing.reseal": (nothing, lambda w: resealing.reseal(), ["resealed"]),
    "respond.withdraw": (nothing, lambda w: respond.withdraw(enrolment_id=w.person.pk), ["withdrawn"]),
    "respond.record_response": (nothing, lambda w: run_to_the_end(w.person), ["completed"]),
    "retention.act_on_study": (
        nothing,
        lambda w: retention.act_on_study(Study.objects.get(pk=w.closed.pk), date(2099, 1, 1)),
        ["dropped panel ids", "erased", "erased the data"],
    ),
    "studies.create_study": (
        nothing,
        lambda w: studies.create_study(lab=w.open.lab, document=factories.small_document(), actor=w.owner),
        ["created"],
    ),
    "studies.edit_draft": (
        nothing,
        lambda w: studies.edit_draft(study=w.draft, document=factories.small_document(seed=5), actor=w.owner),
        ["edited"],
    ),
    "studies.duplicate_study": (
        nothing,
        lambda w: studies.duplicate_study(study=w.closed, actor=w.owner),
        ["created"],
    ),
    "unblinding.request_unblinding": (nothing, ask, ["asked to unblind"]),
    "unblinding.confirm_unblinding": (
        ask,
        lambda w: unblinding.confirm_unblinding(study=w.closed, actor=w.second),
        ["unblinded"],
    ),
    "unblinding.refuse_unblinding": (
        ask,
        lambda w: unblinding.refuse_unblinding(study=w.closed, actor=w.second),
        ["declined to unblind"],
    ),
    "unblinding.unblind_alone": (
        lambda w: accounts.remove_member(lab=w.open.lab, user=w.second, actor=w.owner),
        lambda w: unblinding.unblind_alone(study=w.closed, actor=w.owner, reason="nobody else is in the lab"),
        ["unblinded alone"],
    ),
}

# What writes and leaves no entry of its own, and why.
PART, OWN_ROW, COUNTER, SESSION = (
    "a part of an action above, which leaves the entry",
    "its row is the record: who, what and when stand in it",
    "a counter that forgets",
    "signing in and out changes nothing of a study",
)
NO_ENTRY: Mapping[str, str] = {
    "accounts.make_sign_in_link": SESSION,
    "accounts.use_sign_in_link": SESSION,
    "consent_texts.add_first_text": PART,
    "consent_texts.give_consent": PART,
    "data_code.find_by_code": COUNTER,
    "erasure.ask_for_sweep": OWN_ROW,
    "erasure.erase": PART,
    "erasure.forget": PART,
    "erasure.renew_reports": PART,
    "erasure.sweep": "what is swept are dead rows; nothing that is there changes",
    "explain.compute_batch": OWN_ROW,
    "explain.mark_failed": OWN_ROW,
    "explain.queue_batches": PART,
    "explain.request_explanations": PART,
    "guessing.forget_old": COUNTER,
    "guessing.give_back": COUNTER,
    "guessing.take": COUNTER,
    "imports.fill": PART,
    "invitations.accept_as_new": "shown with the accounts; the same as accept_as, with the account's own entry",
    "invitations.revoke": "shown with the accounts",
    "links.add_link": PART,
    "mail.ask_for_reset": SESSION,
    "material.add_material": "shown by the whole path, which needs torch",
    "material.load_material": "shown by the whole path, which needs torch",
    "payments.drop_identities": PART,
    "power.compute_power": OWN_ROW,
    "quality.check_all": OWN_ROW,
    "quality.check_quality": OWN_ROW,
    "reports.fill_report": PART,
    "retention.act_on_dates": PART,
    "retention.ask_for_today": OWN_ROW,
    "sessions.alive": SESSION,
    "sessions.begin": SESSION,
    "sessions.browser_of": "it writes nothing: a version of a browser is cut out of a text",
    "sessions.end_session": SESSION,
    "sessions.end_sessions": SESSION,
}
WRITES = (".create(", ".save(", ".update(", ".delete(", "bulk_create(", "_or_create(", "enqueue(", "SELECT foretell_")


ASSUMED = power.Assumptions(
    people=(40,), effects=(0.1,), accuracy=0.6, practice=0.0, drop_out=0.0, sd_participants=0.5, sd_items=0.5,
    n_studies=100,
)  # fmt: skip


def amended(world: World) -> None:
    consent_texts.amend_consent(
        study=world.open, text="Another text.", reason="the board asked", approval_number="7", asks_again=True,
        actor=world.owner,
    )  # fmt: skip


def newcomer(world: World) -> User:
    user, _ = User.objects.get_or_create(email="newcomer@example.org")
    return user


def linked(world: World) -> None:
    parameters = inspect.signature(links.create_link).parameters
    options = {"stage": main(world.open), "label": "", "is_single_use": False, "expires_at": None, "actor": world.owner}
    extra = {name: "" for name, p in parameters.items() if p.default is p.empty and name not in options}
    links.create_link(**options, **extra)  # type: ignore[arg-type]


def run_to_the_end(enrolment: Enrolment) -> None:
    from studyapp.models.frozen import frozen_study, study_of
    from tests.studyapp.actions.test_whole_run import answer_for, submission

    study = frozen_study(study_of(enrolment).design_id)
    for step in study.steps(enrolment.order_seed)[enrolment.position :]:
        answer = answer_for(study, step)
        respond.record_response(enrolment_id=enrolment.pk, submission=submission(step.position, answer))


def writers() -> Iterator[str]:
    """Public functions of the actions whose own text writes, or that call one which does by name."""
    for module in pkgutil.iter_modules(actions.__path__):
        loaded = importlib.import_module(f"studyapp.actions.{module.name}")
        for name, function in inspect.getmembers(loaded, inspect.isfunction):
            is_public = function.__module__ == loaded.__name__ and not name.startswith("_") and module.name != "audit"
            if is_public and any(word in inspect.getsource(function) for word in (*WRITES, "audit.record(")):
                yield f"{module.name}.{name}"


def test_every_action_that_writes_is_in_one_of_the_lists() -> None:
    assert set(writers()) - set(ONE_ENTRY_A_CHANGE) - set(NO_ENTRY) == set()


def entries_left(world: World, action: str) -> list[str]:
    """The verbs that an action leaves; what it did is undone."""
    before, deed, _ = ONE_ENTRY_A_CHANGE[action]
    with transaction.atomic():
        before(world)
        last = AuditEntry.objects.order_by("pk").last()
        deed(world)
        left = list(AuditEntry.objects.filter(pk__gt=last.pk if last else 0).values_list("verb", flat=True))
        transaction.set_rollback(True)
    return left


@pytest.mark.promise(23)
def test_every_action_leaves_one_entry_a_change(world: World, reached: Reached) -> None:
    left = {action: entries_left(replace(world), action) for action in ONE_ENTRY_A_CHANGE}

    assert left == {action: expected for action, (_, _, expected) in ONE_ENTRY_A_CHANGE.items()}
    n = sum(len(verbs) for verbs in left.values())
    reached(f"{len(left)} actions, {n} changes, {n} entries; {len(NO_ENTRY)} others write none, each for a reason")


@pytest.mark.control(23, "a history kept by the signals of the ORM")
def test_a_history_by_signals_misses_what_update_changes(world: World, reached: Reached) -> None:
    seen: list[object] = []
    failed(world)
    changed = set(Explanation.objects.failed().values_list("pk", flat=True))
    listener = lambda sender, instance, **options: seen.append(instance)  # noqa: E731
    post_save.connect(listener, sender=Explanation)
    try:
        explain.retry_failed(design=world.frozen.frozen, actor=world.owner)
    finally:
        post_save.disconnect(listener, sender=Explanation)

    now = set(Explanation.objects.pending().values_list("pk", flat=True))
    assert (len(changed & now) > 0, seen) == (True, [])
    assert AuditEntry.objects.filter(verb="retried explanations").count() == 1
    reached(f"0 of {len(changed & now)} changed rows seen by signals; the trail has its entry")

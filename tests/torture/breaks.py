"""The negative controls: each breaks one rule on purpose, in the real process, and must turn its checker red.

A break is a patch at the start of a process (startup.py), a statement of the database's superuser, an option of the
connections, or several of these. Nothing of this is known to studyapp.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Break:
    """What is broken. The modules of studyapp are imported inside the patches: settings read this file too."""

    what: str
    patch: Callable[[], None] = _nothing
    sql: tuple[str, ...] = ()
    database_options: Mapping[str, str] = field(default_factory=dict)


def forget_the_key() -> None:
    """An answer is inserted wherever the person stands: nobody asks whether it came before."""
    from studyapp.actions import respond
    from studyapp.models import Response

    keep = respond._answer_again

    def insert_again(enrolment, submission):  # type: ignore[no-untyped-def]
        first = Response.objects.filter(key=submission.key).first()
        if first is None:
            keep(enrolment, submission)
            return
        first.pk = None
        first.save(force_insert=True)

    respond._answer_again = insert_again


def upsert_responses() -> None:
    """The last answer to a screen wins."""
    from studyapp.actions import respond
    from studyapp.models import Response

    def overwrite(enrolment, submission):  # type: ignore[no-untyped-def]
        Response.objects.filter(key=submission.key).update(
            answer=submission.answer, body_sha256=submission.sha256(), response_ms=submission.response_ms
        )

    respond._answer_again = overwrite


def count_the_arms() -> None:
    """The arm with the fewest people so far, counted before it is written."""
    from collections import Counter

    from studyapp.actions import audit, respond
    from studyapp.actions.allocate import stratum_key
    from studyapp.models import Assignment, Stratum

    def allocate(enrolment, design):  # type: ignore[no-untyped-def]
        given = Assignment.objects.filter(enrolment__stage=enrolment.stage)
        counts = Counter(given.values_list("arm", flat=True))
        total = given.count()
        time.sleep(random.uniform(0.02, 0.1))
        enrolment.arm = min((arm.key for arm in design.arms), key=lambda arm: counts[arm])
        stratum, _ = Stratum.objects.get_or_create(stage=enrolment.stage, key=stratum_key(enrolment, design))
        n_arms = len(design.arms)
        audit.record("allocated", f"enrolment {enrolment.code}", actor=audit.SYSTEM, study=enrolment.study)
        return Assignment.objects.create(
            enrolment=enrolment, stratum=stratum, sequence=random.randrange(10**9), arm=enrolment.arm,
            permuted_block=total // n_arms, block_size=n_arms, assigned_at=enrolment.enrolled_at,
        )  # fmt: skip

    respond.allocate = allocate


def read_then_insert() -> None:
    """Whether somebody is known is asked first; they are written down a moment later, whoever came meanwhile."""
    from studyapp.actions import enrol
    from studyapp.models import Participant

    def create_after_a_look(lab, pseudonym):  # type: ignore[no-untyped-def]
        found = Participant.objects.filter(lab=lab, pseudonym=pseudonym).first()
        time.sleep(0.3)
        return found or Participant.objects.create(lab=lab, pseudonym=pseudonym)

    assert callable(enrol._held_person)
    enrol._held_person = create_after_a_look


def code_in_template() -> None:
    """The completion code stands, hidden, on every page."""
    from django.utils.safestring import mark_safe

    from studyapp.models.frozen import study_of
    from studyapp.views import participant

    plain = participant._page

    def with_the_code(request, enrolment, study, notice=""):  # type: ignore[no-untyped-def]
        page = plain(request, enrolment, study, notice)
        code = study_of(enrolment).design.completion.code
        return _with_main(page, mark_safe(f"{page.main}<p hidden>{code}</p>")) if page.main else page

    participant._page = with_the_code


def answer_in_data_attribute() -> None:
    """The model's output stands on the page of a test trial, where only a script would look."""
    from django.utils.safestring import mark_safe

    from studyapp.models.frozen import truths
    from studyapp.views import participant

    plain = participant._page

    def with_the_answer(request, enrolment, study, notice=""):  # type: ignore[no-untyped-def]
        page = plain(request, enrolment, study, notice)
        steps = study.steps(enrolment.order_seed)
        if page.main is None or steps[enrolment.position].kind != "trial":
            return page
        truth = truths(study.design_id)[steps[enrolment.position].key]
        hidden = f'<main data-output="{truth.output}/{truth.perturbed_output}"'
        return _with_main(page, mark_safe(page.main.replace("<main", hidden, 1)))

    participant._page = with_the_answer


def _with_main(page, main):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(page, main=main)


def no_sweeper() -> None:
    """A doorbell rings once; a message that the broker forgot is never sent again."""
    from studyapp import queue
    from studyapp.models import Job

    queue.to_ring = lambda: list(Job.objects.filter(state="pending", rung_at=None).order_by("created_at"))


def no_takeover() -> None:
    """Only waiting jobs are due: what a dead worker held stays with it."""
    from studyapp.models.jobs import JobQuerySet, JobState

    JobQuerySet.due = lambda self, now: self.filter(state=JobState.PENDING)  # type: ignore[method-assign]


def attempts_uncounted() -> None:
    """A job is given back as often as its worker dies, as acks_late with reject_on_worker_lost would."""
    from django.conf import settings

    settings.JOB_MAX_ATTEMPTS = 1_000


def get_then_create_explanations() -> None:
    """Rows are made for those keys that were not there a moment ago."""
    from studyapp.models import Explanation

    manager = type(Explanation.objects)
    plain = manager.bulk_create

    def create_after_a_look(self, rows, **options):  # type: ignore[no-untyped-def]
        keys = [row.key for row in rows]
        there = set(Explanation.objects.filter(key__in=keys).values_list("key", flat=True))
        time.sleep(0.3)
        return plain(self, [row for row in rows if row.key not in there])

    manager.bulk_create = create_after_a_look


def publish_in_the_request() -> None:
    """The page that takes an answer rings the workers itself."""
    from studyapp.celery import app
    from studyapp.views import participant

    plain = participant.respond.record_response

    def ring_too(**what):  # type: ignore[no-untyped-def]
        enrolment = plain(**what)
        app.loader.import_default_modules()  # not sooner: this process's applications are still being loaded
        app.tasks["studyapp.run_job"].apply_async(args=[str(enrolment.public_id)], queue="explain")
        return enrolment

    participant.respond.record_response = ring_too


BREAKS: Mapping[str, Break] = {
    "synchronous_commit_off": Break(
        "a response is acknowledged before it is on the disk", database_options={"options": "-c synchronous_commit=off"}
    ),
    "no_unique_key": Break(
        "no unique constraint and no look at the key",
        forget_the_key,
        (
            "ALTER TABLE studyapp_response DROP CONSTRAINT one_response_per_trial",
            "ALTER TABLE studyapp_response DROP CONSTRAINT studyapp_response_key_key",
        ),
    ),
    "upsert_responses": Break(
        "upsert instead of insert",
        upsert_responses,
        (
            "ALTER TABLE studyapp_response DISABLE TRIGGER never_changed",
            "GRANT UPDATE ON studyapp_response TO PUBLIC",
        ),
    ),
    "count_the_arms": Break("arms are counted instead of drawn", count_the_arms),
    "read_then_insert": Break(
        "read, then insert, without constraints",
        read_then_insert,
        (
            "ALTER TABLE studyapp_participant DROP CONSTRAINT one_participant_per_pseudonym",
            "ALTER TABLE studyapp_enrolment DROP CONSTRAINT one_enrolment_per_study_and_participant",
        ),
    ),
    "code_in_template": Break("the completion code is in the template of every page", code_in_template),
    "answer_in_data_attribute": Break("the model's output is in a data attribute", answer_in_data_attribute),
    "no_sweeper": Break("a lost doorbell is never rung again", no_sweeper),
    "no_takeover": Break("a dead worker keeps its job", no_takeover),
    "attempts_uncounted": Break("a poison job is given back without end", attempts_uncounted),
    "get_then_create_explanations": Break(
        "get, then create, without the constraint",
        get_then_create_explanations,
        ("ALTER TABLE studyapp_explanation DROP CONSTRAINT studyapp_explanation_key_key",),
    ),
    "publish_in_the_request": Break("the broker is rung inside the request", publish_in_the_request),
}

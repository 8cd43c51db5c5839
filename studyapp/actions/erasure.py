"""Leaving a study, and being forgotten by it. What is erased is gone from the tables; a tombstone keeps the place.

The database does the erasing, in one function that is the only way (0005_rights): rows that nobody may change or delete
otherwise go there, with an entry in the trail that names nobody.
"""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta

from django.apps import apps
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext

from studyapp import queue
from studyapp.actions import audit
from studyapp.actions.reports import request_report
from studyapp.actions.respond import withdraw
from studyapp.errors import WrongState
from studyapp.exports.responses import analysed_with
from studyapp.models import Assignment, Enrolment, Job, Participant, Report, Stage, Study
from studyapp.models.frozen import study_of
from studyapp.models.jobs import JobState
from studyapp.models.participants import EnrolmentState
from studyapp.queue import Claim

SWEEP = "sweep_erased"
SMALL_BYTES = 64 * 1024 * 1024
PATIENCE_S, PAUSE_S = 30.0, 1.0
STILL_SEEN = re.compile(r"(\d+) dead row versions cannot be removed yet")  # by somebody whose snapshot is older
ENDED = {EnrolmentState.COMPLETED, EnrolmentState.SCREENED_OUT, EnrolmentState.NOT_ALLOCATED}


def deadline(enrolment: Enrolment) -> datetime | None:
    """Until when the person may withdraw; None while there is no such moment: under way, or withdrawn already."""
    if enrolment.state not in ENDED or enrolment.ended_at is None:
        return None
    return enrolment.ended_at + timedelta(days=study_of(enrolment).design.rights.until_days)


def may_leave(enrolment: Enrolment) -> bool:
    """Whether the person may still withdraw, or have everything erased."""
    until = deadline(enrolment)
    return enrolment.erased_at is None and (until is None or timezone.now() <= until)


@transaction.atomic
def leave(*, enrolment_id: int) -> bool:
    """Withdraw at the person's wish; whether that erased their data, as the study said at the consent.

    Raises WrongState after the date that the person was told.
    """
    enrolment = _own(enrolment_id)
    withdraw(enrolment_id=enrolment.pk)
    if study_of(enrolment).design.rights.withdrawal == "erase":
        erase(enrolment=enrolment, asked_by=audit.PARTICIPANT)
        return True
    renew_reports(enrolment.stage)
    return False


@transaction.atomic
def erase_own(*, enrolment_id: int) -> None:
    """Withdraw and erase at the person's wish; raises WrongState after the date that they were told."""
    enrolment = _own(enrolment_id)
    withdraw(enrolment_id=enrolment.pk)
    erase(enrolment=enrolment, asked_by=audit.PARTICIPANT)


def _own(enrolment_id: int) -> Enrolment:
    enrolment = (
        Enrolment.objects.select_for_update(of=("self",)).select_related("stage__study__frozen").get(pk=enrolment_id)
    )
    if not may_leave(enrolment):
        raise WrongState(gettext("The last day to withdraw has passed. Please write to the research team."))
    return enrolment


def erase(*, enrolment: Enrolment, asked_by: str) -> None:
    """Erase everything of somebody who withdrew, and renew what was computed with them. It cannot be undone."""
    forget(enrolment_id=enrolment.pk, asked_by=asked_by)
    renew_reports(enrolment.stage)
    ask_for_sweep(enrolment.stage.study)


def forget(*, enrolment_id: int, asked_by: str) -> None:
    """Erase the rows of somebody who withdrew, or of anybody once the study is closed; the database checks which."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT foretell_erase_enrolment(%s, %s)", [enrolment_id, asked_by])


def renew_reports(stage: Stage) -> None:
    """Mark what was computed with somebody who has left, and have it computed without them.

    A report that is being computed is locked too: it is kept before, and marked here, or notices after that its
    responses have changed.
    """
    stages = analysed_with(stage)
    current = Report.objects.select_for_update(of=("self",)).filter(stage__in=stages, outdated_at=None).order_by("pk")
    computed = {
        pk: stage_id for pk, stage_id, digest in current.values_list("pk", "stage_id", "responses_sha256") if digest
    }
    Report.objects.filter(pk__in=computed).update(outdated_at=timezone.now())
    for each in stages:
        if each.pk in computed.values():
            request_report(stage=each, actor=audit.SYSTEM)


def ask_for_sweep(study: Study) -> None:
    """Have what the deletion left in the tables' files swept; one waiting job is enough for many people."""
    if not Job.objects.filter(kind=SWEEP, state=JobState.PENDING).exists():
        queue.enqueue(SWEEP, queue=queue.ANALYSIS, args={}, study=study)


def sweep(claim: Claim) -> None:
    """Job: sweep the tables that a person's rows were in.

    A small table is written anew, so that its file forgets the bytes too; that takes its lock for a second at most. A
    large one, or one that stays busy, is vacuumed: its freed bytes are written over in time, and no query reaches them
    until then.
    """
    left = list(tables_of_people())
    until = time.monotonic() + PATIENCE_S
    while small := [table for table in left if _is_small(table)]:
        left = [table for table in left if table not in small or not _written_anew(table)]
        if time.monotonic() > until or not claim.renew():
            break
        time.sleep(PAUSE_S if left else 0)
    for table in left:
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM {connection.ops.quote_name(table)}")


def _is_small(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [table])
        size: int = cursor.fetchone()[0]
    return size <= SMALL_BYTES


def _written_anew(table: str) -> bool:
    """Whether nothing of the rows that went is left; False while somebody holds the table, or may still see them."""
    with connection.cursor() as cursor:
        connection.connection.notices.clear()
        cursor.execute("SET lock_timeout = '2s'")
        try:
            cursor.execute(f"VACUUM (FULL, VERBOSE) {connection.ops.quote_name(table)}")
        except OperationalError:  # somebody holds the table; participants come first
            return False
        finally:
            cursor.execute("RESET lock_timeout")
    kept = STILL_SEEN.search("".join(connection.connection.notices))
    return kept is None or kept[1] == "0"


def tables_of_people() -> tuple[str, ...]:
    """Every table with rows of a person: enrolments, participants, and what points to an enrolment."""
    pointing = {m for m in apps.get_models() if any(field.related_model is Enrolment for field in m._meta.fields)}
    people = (pointing - {Assignment}) | {Enrolment, Participant}
    return tuple(sorted(model._meta.db_table for model in people))

"""Dates after which data go by themselves: the design names the days, the close of the study starts them.

The relay asks once a day; a job does what is due and writes it into the trail. Run twice, it finds nothing left to do.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from studyapp import queue
from studyapp.actions import audit
from studyapp.actions.erasure import ask_for_sweep, forget
from studyapp.actions.payments import drop_identities, identities_of
from studyapp.models import AuditEntry, Enrolment, Job, Response, Study
from studyapp.models.frozen import frozen_study
from studyapp.models.studies import StudyState
from studyapp.queue import Claim

RETENTION = "retention"
DAYS = uuid.UUID("6d1f6f0a-5f0e-4d57-9d6b-3b0f0e2a9c11")  # names the job of a day, so that there is one


@dataclass(frozen=True)
class Dates:
    """When what goes; None for never, or while the study is not closed."""

    closed: date | None
    panel_ids: date | None
    trails: date | None
    data: date | None


def dates_of(study: Study) -> Dates:
    """The dates of a frozen study, by its design and its close."""
    rights = frozen_study(study.frozen.pk).design.rights
    closed = closed_at(study)
    if closed is None:
        return Dates(None, None, None, None)

    def after(days: int | None) -> date | None:
        return None if days is None else closed.date() + timedelta(days=days)

    paid = after(rights.panel_ids_days)
    assert paid is not None
    panel_ids = max(paid, study.payment_until) if study.payment_until else paid
    return Dates(closed.date(), panel_ids, after(rights.trail_days), after(rights.data_days))


def closed_at(study: Study) -> datetime | None:
    """When a study was closed, as the trail says; None while it is not."""
    if not study.is_closed:
        return None
    return AuditEntry.objects.filter(study=study, verb="closed").values_list("at", flat=True).last()


def ask_for_today() -> bool:
    """Queue the day's job, whichever relay asks first; False when it was queued already."""
    today = timezone.now().date()
    _, is_new = Job.objects.get_or_create(
        pk=uuid.uuid5(DAYS, today.isoformat()),
        defaults={"kind": RETENTION, "queue": queue.ANALYSIS, "args": {"day": today.isoformat()}},
    )
    if is_new:
        queue.announce()
    return is_new


def act_on_dates(claim: Claim) -> None:
    """Job: do for every closed study what is due by today."""
    over = Study.objects.filter(state__in=[StudyState.CLOSED, StudyState.UNBLINDED])
    for study in over.select_related("frozen", "lab").order_by("pk"):
        act_on_study(study, timezone.now().date(), claim.renew)


def act_on_study(study: Study, today: date, renew: Callable[[], bool] = lambda: True) -> None:
    """What is due for one study by a day. Each step is whole in itself; a stopped job goes on tomorrow."""
    dates = dates_of(study)
    if _is_due(dates.panel_ids, today):
        _drop_panel_ids(study)
    if _is_due(dates.trails, today):
        _empty_trails(study)
    if _is_due(dates.data, today):
        _erase_everybody(study, renew)


def _is_due(day: date | None, today: date) -> bool:
    return day is not None and day <= today


@transaction.atomic
def _drop_panel_ids(study: Study) -> None:
    rows = identities_of(study)
    if rows.exists():
        drop_identities(study=study, rows=rows, actor=audit.SYSTEM)


@transaction.atomic
def _empty_trails(study: Study) -> None:
    if not Response.objects.filter(enrolment__study=study).exclude(trail={}).exists():
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT foretell_empty_trails(%s)", [study.pk])
        (count,) = cursor.fetchone()
    audit.record("emptied trails", f"study {study.public_id}", actor=audit.SYSTEM, study=study, before=count, after=0)


def _erase_everybody(study: Study, renew: Callable[[], bool]) -> None:
    everybody = Enrolment.objects.real().erasable().filter(study=study)
    count = 0
    for enrolment_id in list(everybody.values_list("pk", flat=True)):
        if not renew():  # another worker has the job
            return
        forget(enrolment_id=enrolment_id, asked_by=audit.SYSTEM)
        count += 1
    if count:
        with transaction.atomic():
            audit.record("erased the data", f"study {study.public_id}", actor=audit.SYSTEM, study=study, before=count)
            ask_for_sweep(study)

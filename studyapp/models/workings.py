"""What an operator's monitor asks the database: counts and ages that name no study, no arm and no person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Min, Sum
from django.utils import timezone

from studyapp.models.explanations import Explanation
from studyapp.models.heartbeat import SILENT_AFTER_S, Heartbeat
from studyapp.models.jobs import Job
from studyapp.models.participants import Enrolment
from studyapp.models.studies import Stage, StageKind

# Of the counter that numbers the rows: exact counts of a large table take as long as reading it. A number that a
# rolled back attempt took is counted too.
NUMBERED = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM studyapp_response_id_seq"


@dataclass(frozen=True)
class Workings:
    """The state of the whole site at one time."""

    responses: int
    allocated: int
    enrolments: Mapping[str, int]  # by state, without simulated people
    jobs: Mapping[tuple[str, str], int]  # by queue and state
    waiting_s: Mapping[str, float]  # by queue: the age of the oldest job that is due
    explanations: Mapping[str, int]  # by state
    alive: Mapping[str, int]  # processes by kind, seen lately


def workings() -> Workings:
    """Count it now; every query reads an index or a small table."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(NUMBERED)
        (responses,) = cursor.fetchone()
    people = Stage.objects.exclude(kind=StageKind.REHEARSAL)
    jobs = Job.objects.values_list("queue", "state").annotate(n=Count("pk")).order_by()
    return Workings(
        responses=responses,
        allocated=people.aggregate(n=Sum("allocated"))["n"] or 0,
        enrolments=dict(Enrolment.objects.real().values_list("state").annotate(n=Count("pk")).order_by()),
        jobs={(queue, state): count for queue, state, count in jobs},
        waiting_s=oldest_due(now),
        explanations=dict(Explanation.objects.values_list("state").annotate(n=Count("pk")).order_by()),
        alive=_alive(now),
    )


def oldest_due(now: datetime) -> dict[str, float]:
    """For how many seconds the oldest due job of each queue has waited."""
    rows = Job.objects.due(now).values_list("queue").annotate(oldest=Min("created_at")).order_by()
    return {queue: (now - oldest).total_seconds() for queue, oldest in rows}


def _alive(now: datetime) -> dict[str, int]:
    counts: dict[str, int] = {}
    for kinds in Heartbeat.objects.filter(at__gte=now - timedelta(seconds=SILENT_AFTER_S)).values_list(
        "kind", flat=True
    ):
        for kind in kinds.split(","):
            counts[kind] = counts.get(kind, 0) + 1
    return counts

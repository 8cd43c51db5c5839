"""Numbers for Prometheus: what the processes counted, and what the database knows now. Blind to arms and people."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping

from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from studyapp import metrics as counted
from studyapp.actions.quality import ratio_alarms
from studyapp.checks import is_local, is_loopback
from studyapp.models import Stage
from studyapp.models.jobs import JobState
from studyapp.models.studies import StageKind, StudyState
from studyapp.models.upkeep import BACKED_UP, TRIED_RESTORE, age_of
from studyapp.models.workings import Workings, workings
from studyapp.queue import ANALYSIS, EXPLAIN
from studyapp.views.doors import Door, Guarded

KINDS = ("relay", EXPLAIN, ANALYSIS)


def enter(request: HttpRequest, kwargs: dict[str, object]) -> HttpResponseBase | None:
    """Who knows FORETELL_METRICS_TOKEN; without one, only this machine, where nobody else can reach the site.

    Behind a proxy everybody comes from this machine, so its address alone proves nothing on a public site.
    """
    token = settings.METRICS_TOKEN
    if token:
        given = request.headers.get("Authorization", "")
        allowed = secrets.compare_digest(given.encode(), f"Bearer {token}".encode())
    else:
        allowed = is_local() and is_loopback(request.META.get("REMOTE_ADDR", ""))
    if not allowed:
        raise Http404("no metrics here")
    return None


def _metrics(request: HttpRequest) -> HttpResponse:
    """All of it in Prometheus's text form."""
    response = HttpResponse(generate_latest(_registry()), content_type=CONTENT_TYPE_LATEST)
    response["Cache-Control"] = "no-store"
    return response


metrics = Guarded(Door("operator", ("GET",)), _metrics, enter)


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        for metric in (counted.REQUESTS, counted.REQUEST_SECONDS, counted.ALLOCATION_WAIT):
            registry.register(metric)
    registry.register(DatabaseCollector())
    return registry


class DatabaseCollector:
    """What is true for the whole site, whichever process is asked."""

    def collect(self) -> Iterator[Metric]:
        try:
            now = workings()
            backup, drill = age_of(BACKED_UP), age_of(TRIED_RESTORE)
            alarms = _ratio_alarms()
        except DatabaseError:
            yield GaugeMetricFamily("foretell_database_up", "Whether the database answers.", value=0)
            return
        yield GaugeMetricFamily("foretell_database_up", "Whether the database answers.", value=1)
        yield from _of_people(now)
        yield from _of_jobs(now)
        yield GaugeMetricFamily("foretell_sample_ratio_alarms", "Sample ratios that failed their check.", value=alarms)
        # Never is infinitely long ago: an alarm on "older than 8 days" then rings from the first day on.
        for name, age in (("backup", backup), ("drill", drill)):
            seconds = float("inf") if age is None else age.total_seconds()
            yield GaugeMetricFamily(f"foretell_{name}_age_seconds", f"Since the last {name}.", value=seconds)


def _ratio_alarms() -> int:
    """How many. Not the p-values: read after every arrival, they would tell how far the arms are from even."""
    running = Stage.objects.filter(study__state__in=[StudyState.OPEN, StudyState.PAUSED], allocated__gt=0)
    stages = running.exclude(kind=StageKind.REHEARSAL).select_related("study__frozen")
    return sum(len(ratio_alarms(stage)) for stage in stages)


def _of_people(now: Workings) -> Iterator[Metric]:
    yield CounterMetricFamily("foretell_responses", "Responses recorded.", value=now.responses)
    yield CounterMetricFamily("foretell_allocations", "People allocated.", value=now.allocated)
    yield _by("foretell_enrolments", "People by where they are.", "state", now.enrolments)


def _of_jobs(now: Workings) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("foretell_jobs", "Jobs by queue and state.", labels=["queue", "state"])
    for queue in (EXPLAIN, ANALYSIS):
        for state in JobState.values:
            jobs.add_metric([queue, state], now.jobs.get((queue, state), 0))
    yield jobs
    waiting = {queue: now.waiting_s.get(queue, 0) for queue in (EXPLAIN, ANALYSIS)}
    yield _by("foretell_queue_lag_seconds", "Age of the oldest job that waits, by queue.", "queue", waiting)
    oldest = max(waiting.values())
    yield GaugeMetricFamily("foretell_outbox_age_seconds", "Age of the oldest job that waits.", value=oldest)
    yield _by("foretell_explanations", "Explanations by state.", "state", now.explanations)
    yield _by("foretell_processes", "Processes seen lately.", "kind", {kind: now.alive.get(kind, 0) for kind in KINDS})


def _by(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in sorted(values.items()):
        family.add_metric([value], number)
    return family

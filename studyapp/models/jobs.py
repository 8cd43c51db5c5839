"""Background work: the row is the truth, the broker only rings."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q


class JobState(models.TextChoices):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (JobState.PENDING, JobState.RUNNING)


class JobQuerySet(models.QuerySet["Job"]):
    def due(self, now: datetime) -> JobQuerySet:
        """Waiting for a worker, or held by one that has gone silent."""
        return self.filter(Q(state=JobState.PENDING) | Q(state=JobState.RUNNING, lease_until__lt=now))

    def unfinished(self) -> JobQuerySet:
        return self.filter(state__in=UNFINISHED)


class Job(models.Model):
    """One piece of background work. `args` holds keys of rows, never objects."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=40)
    queue = models.CharField(max_length=20)
    args = models.JSONField(default=dict)
    study = models.ForeignKey("Study", on_delete=models.CASCADE, null=True, related_name="jobs")
    state = models.CharField(max_length=10, choices=JobState, default=JobState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    lease = models.UUIDField(null=True)  # of the attempt that holds the job; a late worker's no longer matches
    rung_at = models.DateTimeField(null=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["created_at"], condition=Q(state__in=["pending", "running"]), name="unfinished_jobs")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

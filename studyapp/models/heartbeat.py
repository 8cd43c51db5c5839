"""Signs of life of processes that serve no pages: the relay and the workers."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection, models
from django.utils import timezone

BEAT_S = 10
SILENT_AFTER_S = 60
FORGOTTEN_AFTER = timedelta(days=1)

BEAT = """
INSERT INTO studyapp_heartbeat (name, kind, at) VALUES (%s, %s, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET at = excluded.at
"""


class Heartbeat(models.Model):
    """When a process was last seen alive, by the database's clock. Nothing rests on it; doctor and metrics read it."""

    name = models.CharField(max_length=200, primary_key=True)  # "relay@host:42"
    kind = models.CharField(max_length=40)  # "relay", "explain", "analysis"
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


def beat(name: str, kind: str) -> None:
    """Say that this process lives, and forget those that have been silent for a day."""
    with connection.cursor() as cursor:
        cursor.execute(BEAT, [name[:200], kind[:40]])
    Heartbeat.objects.filter(at__lt=timezone.now() - FORGOTTEN_AFTER).delete()


def stop_beating(name: str) -> None:
    """A process that ends on purpose is not missed."""
    Heartbeat.objects.filter(pk=name[:200]).delete()

"""The Celery application. A message carries a job's id and nothing else; the job itself is a row."""

from __future__ import annotations

import os
import threading
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_init, worker_ready, worker_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studyapp.settings")

app = Celery("foretell")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["studyapp"], related_name="jobs")

_ended = threading.Event()


@setup_logging.connect  # type: ignore[untyped-decorator] # Celery ships no types
def keep_our_logging(**kwargs: object) -> None:
    """Celery leaves logging alone when somebody listens to this: its own would write down whole messages."""


@worker_init.connect  # type: ignore[untyped-decorator]
def refuse_unsafe_start(**kwargs: object) -> None:
    from studyapp.checks import refuse_unsafe_start as refuse

    refuse()


@worker_ready.connect  # type: ignore[untyped-decorator]
def start_beating(sender: Any, **kwargs: object) -> None:
    """Say every few seconds that this worker lives, from a thread of its own: the work may take long."""
    queues = ",".join(sorted(queue.name for queue in app.amqp.queues.consume_from.values()))
    _ended.clear()
    threading.Thread(target=_beat, args=(sender.hostname, queues), name="heartbeat", daemon=True).start()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def end_beating(**kwargs: object) -> None:
    _ended.set()


def _beat(name: str, queues: str) -> None:
    from django.db import DatabaseError, connection

    from studyapp.models.heartbeat import BEAT_S, beat

    while True:
        try:
            beat(name, queues)
        except DatabaseError:
            pass  # the work itself will say so
        finally:
            connection.close()  # so that a child forked meanwhile shares no open one
        if _ended.wait(BEAT_S):
            return

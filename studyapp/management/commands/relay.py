"""`manage.py relay`: rings the workers' doorbell for jobs that wait, and again when a bell was lost."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
import time
from datetime import date

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from studyapp import queue
from studyapp.actions import guessing
from studyapp.actions.looks import ask_for_due_looks
from studyapp.actions.measures import ask_for_measures
from studyapp.actions.retention import ask_for_today
from studyapp.celery import app
from studyapp.checks import refuse_unsafe_start
from studyapp.models.heartbeat import BEAT_S, beat, stop_beating

log = logging.getLogger(__name__)


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # `refuse_unsafe_start` says them as the other processes do
    help = "Rings workers for pending jobs, and sweeps up those whose worker has gone silent. Run one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sweep", type=float, default=2.0, help="seconds between looks without a notification")

    def handle(self, *, sweep: float, **options: object) -> None:
        refuse_unsafe_start()
        self.running = True
        self.name = f"relay@{socket.gethostname()}:{os.getpid()}"
        self.beat_at = 0.0
        self.asked_for: date | None = None
        app.loader.import_default_modules()  # fills the task table; this process is no worker
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        while self.running:
            try:
                self.listen(sweep)
            except (DatabaseError, InterfaceError) as error:
                if not is_away(error):
                    raise
                log.warning("the database is away (%s); trying again", error)
                connection.close()
                time.sleep(1)
        with contextlib.suppress(DatabaseError):
            stop_beating(self.name)

    def stop(self, *_: object) -> None:
        self.running = False

    def listen(self, sweep: float) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {queue.CHANNEL}")
        while self.running:
            self.beat()
            self.ask_for_today()
            ring_all()
            readable, _, _ = select.select([connection.connection], [], [], min(sweep, settings.JOB_SWEEP_S))
            if readable:
                with connection.wrap_database_errors:  # poll is psycopg2's own, and so are its errors
                    connection.connection.poll()
                connection.connection.notifies.clear()

    def ask_for_today(self) -> None:
        today = timezone.now().date()
        if today != self.asked_for:
            ask_for_today()
            self.asked_for = today

    def beat(self) -> None:
        if time.monotonic() >= self.beat_at:
            beat(self.name, "relay")
            guessing.forget_old()
            ask_for_due_looks()
            ask_for_measures()
            self.beat_at = time.monotonic() + BEAT_S


def is_away(error: Exception) -> bool:
    """Whether the database went; of a server that dies within a statement psycopg2 tells by a plain DatabaseError."""
    if isinstance(error, OperationalError | InterfaceError):
        return True
    return connection.connection is None or bool(connection.connection.closed)


def ring_all() -> int:
    """Ring for every job whose bell is due; a broker that is away only delays. Returns how many rang."""
    count = 0
    for job in queue.to_ring():
        try:
            # Through the task table: `send_task` would ignore eager mode.
            app.tasks["studyapp.run_job"].apply_async(args=[str(job.pk)], queue=job.queue, retry=False)
        except (BrokerError, OSError) as error:
            log.warning("the broker is away (%s); the jobs wait in the database", error)
            break
        queue.rung(job)
        count += 1
    return count

"""`manage.py relay`: rings the workers' doorbell for jobs that wait, and again when a bell was lost."""

from __future__ import annotations

import logging
import select
import signal
import time

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, connection
from kombu.exceptions import OperationalError as BrokerError

from studyapp import queue
from studyapp.celery import app

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Rings workers for pending jobs, and sweeps up those whose worker has gone silent. Run one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sweep", type=float, default=2.0, help="seconds between looks without a notification")

    def handle(self, *, sweep: float, **options: object) -> None:
        self.running = True
        app.loader.import_default_modules()  # fills the task table; this process is no worker
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        while self.running:
            try:
                self.listen(sweep)
            except OperationalError as error:
                log.warning("the database is away (%s); trying again", error)
                connection.close()
                time.sleep(1)

    def stop(self, *_: object) -> None:
        self.running = False

    def listen(self, sweep: float) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {queue.CHANNEL}")
        while self.running:
            ring_all()
            readable, _, _ = select.select([connection.connection], [], [], min(sweep, settings.JOB_SWEEP_S))
            if readable:
                connection.connection.poll()
                connection.connection.notifies.clear()


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

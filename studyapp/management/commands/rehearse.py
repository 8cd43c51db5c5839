"""`manage.py rehearse STUDY`: simulated people take a frozen study through its real pages; then its report."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analysis.report import report_from_json
from analysis.text import report_text
from studyapp.actions import audit
from studyapp.actions.rehearsals import start_rehearsal
from studyapp.errors import StudyError
from studyapp.models import Job, Report, Study
from studyapp.models.jobs import JobState
from studyapp.rehearsal.run import rehearse_now

LOOK_S = 0.5
PATIENCE_S = 30  # without a worker taking the job


class Command(BaseCommand):
    help = "Sends simulated participants with a planted gain through a frozen study's pages and prints the report."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", help="the study's id, or a part of its title that no other study has")
        parser.add_argument("--participants", type=int, default=200)
        parser.add_argument("--gain", type=float, default=0.15, help="planted effect of each explained arm (0.15)")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--here", action="store_true", help="in this process; else a worker does it")

    def handle(self, *, study: str, participants: int, gain: float, seed: int, here: bool, **options: object) -> None:
        found = self.find(study)
        self.stdout.write(f"Rehearsing {found.title!r} with {participants} simulated participants")
        tell = self.told(participants)
        try:
            if here:
                report = rehearse_now(
                    study=found, participants=participants, gain=gain, seed=seed, actor=audit.SYSTEM, progress=tell
                )
            else:
                job = start_rehearsal(study=found, participants=participants, gain=gain, seed=seed, actor=audit.SYSTEM)
                report = self.by_worker(job, tell)
        except StudyError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("")
        self.stdout.write(report_text(report_from_json(json.dumps(report.document))))
        self.stdout.write(f"Planted: {100 * gain:+.1f} percentage points in every explained arm, 0 in the others.")

    def find(self, name: str) -> Study:
        studies = Study.objects.all()
        try:
            found = list(studies.filter(public_id=uuid.UUID(name)))
        except ValueError:
            found = list(studies.filter(title__icontains=name))
        if len(found) != 1:
            titles = "\n".join(f"  {study.public_id}  {study.title}" for study in (found or studies)[:20])
            raise CommandError(f"{name!r} names {len(found)} studies; give the id of one of these:\n{titles}")
        return found[0]

    def by_worker(self, job: Job, tell: Callable[[int], None]) -> Report:
        """Wait while a worker sends the people through and another job analyses what they answered."""
        self.follow(job, tell)
        report = Report.objects.filter(stage=job.args["stage"]).select_related("job").latest("created_at")
        if report.job is not None:
            self.stdout.write("Analysing …")
            self.follow(report.job, lambda done: None)
        report.refresh_from_db()
        return report

    def follow(self, job: Job, tell: Callable[[int], None]) -> None:
        patience = time.monotonic() + PATIENCE_S
        while job.state in {JobState.PENDING, JobState.RUNNING}:
            if job.attempts == 0 and time.monotonic() > patience:
                raise CommandError("No worker takes the job. Start relay and worker (make demo), or use --here.")
            time.sleep(LOOK_S)
            job.refresh_from_db()
            tell(job.done)
        if job.state != JobState.DONE:
            raise CommandError(job.error or "The rehearsal was cancelled.")

    def told(self, participants: int) -> Callable[[int], None]:
        last = -1

        def tell(done: int) -> None:
            nonlocal last
            tenth = 10 * done // participants
            if tenth != last:
                last = tenth
                self.stdout.write(f"  {done} of {participants} are through")
                self.stdout.flush()

        return tell

"""`manage.py demo`: three studies on real data, one of them rehearsed and analysed, then the console in the browser."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import F, Sum
from django.urls import reverse

from analysis.api import report_from_json
from analysis.report import SCHEMA_VERSION
from analysis.report import Report as Result
from studyapp.actions.accounts import create_lab, make_sign_in_link
from studyapp.actions.freeze import freeze
from studyapp.actions.lifecycle import open_study
from studyapp.actions.links import link_address
from studyapp.actions.rehearsals import planted_gain, start_rehearsal
from studyapp.actions.reports import request_report
from studyapp.actions.studies import create_study
from studyapp.design.schema import parse_design
from studyapp.design.templates import TEMPLATES
from studyapp.embedded import EmbeddedError
from studyapp.embedded.supervise import Supervisor
from studyapp.errors import StudyError
from studyapp.exports.archive import write_archive
from studyapp.management.station import station
from studyapp.models import Item, Job, Lab, Link, Predictor, Report, Stage, Study, User
from studyapp.models.jobs import JobState
from studyapp.models.progress import Progress, explanation_progress
from studyapp.models.studies import StageKind, StudyState
from studyapp.rehearsal.planted import planted_table

DATASETS = ("adult", "movies", "digits")
OWNER = "you@foretell.invalid"
PARTICIPANTS, GAIN, SEED = 200, 0.15, 1
BAR = 40


class Command(BaseCommand):
    help = "Runs a real study from design to result on this machine, then serves the console until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="exit when the report is there")
        parser.add_argument("--participants", type=int, default=PARTICIPANTS)

    def handle(self, *, once: bool, participants: int, **options: object) -> None:
        started = time.monotonic()
        try:
            self.run(once=once, participants=participants, started=started)
        except KeyboardInterrupt:
            self.say(
                "\nStopped: the web server, the relay, the workers, Postgres and Valkey. Your data stays in "
                f"{settings.DATA_DIR}."
            )
        except (EmbeddedError, StudyError) as error:
            raise CommandError(str(error)) from error

    def run(self, *, once: bool, participants: int, started: float) -> None:
        self.say("Tables: bringing the database up to date")
        call_command("migrate", verbosity=0, interactive=False)
        self.prepare_material()
        with station() as supervisor:
            studies = [self.study_on(dataset) for dataset in DATASETS]
            self.wait_for_explanations(supervisor, studies)
            stage = self.rehearse(supervisor, studies[0], participants)
            self.show(stage)
            folder = self.leave_files(stage)
            for study in studies:
                if study.state == StudyState.FROZEN:
                    open_study(study=study, actor=owner())
            self.say(f"\nReport, data and exports: {folder}")
            self.say(f"Done in {time.monotonic() - started:.0f} s.")
            if not once:
                self.invite(studies)
                supervisor.serve()

    def prepare_material(self) -> None:
        """Train what is not trained and take it in; both are skipped when they are there."""
        self.say("Predictors: two for each of Adult income, movie reviews and handwritten digits")
        self.child("-m", "explainers", "train", *asked_about(), "--seed", "0")
        known = dict(Predictor.objects.filter(is_current=True).values_list("key", "weights_sha256"))
        if known != trained() or not Item.objects.exists():
            self.say("Items: held-out inputs, small changes of them, and what the predictors answer")
            self.child("manage.py", "load_material")

    def child(self, *arguments: str) -> None:
        """A process of its own for what needs torch: this one, like the web server, never loads it."""
        done = subprocess.run([sys.executable, *arguments], cwd=settings.BASE_DIR, check=False)  # noqa: S603
        if done.returncode:
            raise CommandError(f"`{' '.join(arguments)}` failed, see above; mend it and start the demo again.")

    def study_on(self, dataset: str) -> Study:
        """The demo study on a data set, made and frozen unless an earlier start did."""
        user = owner()
        lab = Lab.objects.filter(memberships__user=user).first() or create_lab(name="Demo lab", owner=user)
        study = Study.objects.filter(lab=lab, draft__dataset=dataset).order_by("created_at").first()
        if study is None:
            study = create_study(lab=lab, document=TEMPLATES["forward"].make(dataset), actor=user)
        if study.is_draft:
            freeze(study=study, actor=user)
        study = Study.objects.select_related("frozen", "lab").get(pk=study.pk)
        self.say(f"Study: “{study.title}”, frozen as {study.frozen.sha256[:12]}")
        return study

    def wait_for_explanations(self, supervisor: Supervisor, studies: list[Study]) -> None:
        def progress() -> tuple[int, int]:
            parts = [explanation_progress(study.frozen) for study in studies]
            refuse_failed(parts)
            under_way = Job.objects.filter(study__in=studies, kind="explain", state=JobState.RUNNING)
            ready = sum(part.ready for part in parts) + (under_way.aggregate(n=Sum(F("done")))["n"] or 0)
            return ready, sum(part.total for part in parts)

        self.bar(supervisor, "Explanations, by the workers", progress)

    def rehearse(self, supervisor: Supervisor, study: Study, participants: int) -> Stage:
        """Invented people through the real pages, once; a later start finds them, or lets them finish."""
        report = (
            Report.objects.filter(stage__study=study, stage__kind=StageKind.REHEARSAL, document__isnull=False)
            .select_related("stage__study__frozen")
            .first()
        )
        if report:
            self.compute_again(supervisor, report.stage)
            return report.stage
        begun = Job.objects.filter(study=study, kind="rehearse").exclude(
            state__in=[JobState.FAILED, JobState.CANCELLED]
        )
        job = begun.last() or start_rehearsal(
            study=study, participants=participants, gain=GAIN, seed=SEED, actor=owner()
        )
        self.bar(supervisor, f"Rehearsal, {participants} simulated participants", lambda: of_job(job))
        stage = Stage.objects.select_related("study__frozen").get(pk=job.args["stage"])
        supervisor.wait_until(lambda: report_is_there(stage), what="the report", timeout_s=120)
        return stage

    def compute_again(self, supervisor: Supervisor, stage: Stage) -> None:
        """A report by another version of the analysis is not shown: the same data give a new one."""
        if not is_of_this_version(stage):
            self.say("Report: by another version of the analysis; computed again")
            request_report(stage=stage, actor=owner())
            supervisor.wait_until(lambda: is_of_this_version(stage), what="the report", timeout_s=120)

    def show(self, stage: Stage) -> None:
        self.say("")
        self.say(planted_table(result_of(report_of(stage)), planted_gain(stage) or 0.0))

    def leave_files(self, stage: Stage) -> Path:
        folder = settings.DATA_DIR / "demo"
        folder.mkdir(parents=True, exist_ok=True)
        report = report_of(stage)
        (folder / "report.json").write_text(result_of(report).to_json(), encoding="utf-8")
        with (folder / "exports.zip").open("wb") as file:
            write_archive(stage, file)
        for figure in report.figures or ():
            (folder / f"{figure['name']}.svg").write_text(figure["svg"], encoding="utf-8")
        return folder

    def invite(self, studies: list[Study]) -> None:
        token = make_sign_in_link(user=owner())
        self.say("\nConsole (this address signs you in once):")
        self.say(f"  {settings.BASE_URL}{reverse('sign_in_by_link', args=[token])}")
        self.say("Take part yourself:")
        for study in studies:
            link = Link.objects.filter(stage__study=study, stage__kind=StageKind.MAIN).earliest("pk")
            self.say(f"  {link_address(link)}  {study.title}")
        self.say("\nCtrl-C stops everything; `make demo` starts it again with your data.")

    def bar(self, supervisor: Supervisor, title: str, progress: Callable[[], tuple[int, int]]) -> None:
        """Show progress until all is done; fails at once when a process dies."""
        shown = -1
        while True:
            done, total = progress()
            # A terminal redraws one line; a log gets a line for every tenth.
            mark = done if self.stdout.isatty() else 10 * done // max(total, 1)
            if mark != shown:
                filled = BAR * done // max(total, 1)
                line = f"{title} [{'█' * filled}{'·' * (BAR - filled)}] {done} of {total}"
                ending = "\r" if self.stdout.isatty() and done < total else "\n"
                self.stdout.write(line, ending=ending)
                self.stdout.flush()
                shown = mark
            if done >= total:
                return
            supervisor.check()
            time.sleep(0.5)

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def owner() -> User:
    """Whom the demo's console belongs to."""
    user = User.objects.filter(email=OWNER).first()
    return user or User.objects.create_user(email=OWNER, name="You")


def asked_about() -> list[str]:
    """The predictors of the demo's studies, by name."""
    designs = [parse_design(TEMPLATES["forward"].make(dataset)) for dataset in DATASETS]
    return list(dict.fromkeys(arm.predictor for design in designs for arm in design.arms))


def trained() -> dict[str, str]:
    """Predictor keys and digests of the weights in the data folder."""
    cards = (settings.DATA_DIR / "predictors").glob("*/card.json")
    return {card["name"]: card["weights_sha256"] for card in (json.loads(path.read_text()) for path in cards)}


def refuse_failed(parts: list[Progress]) -> None:
    for part in parts:
        if part.failed:
            raise CommandError(f"{part.failed} explanations failed: {'; '.join(part.errors)}")


def of_job(job: Job) -> tuple[int, int]:
    job.refresh_from_db()
    if job.state in {JobState.FAILED, JobState.CANCELLED}:
        raise CommandError(f"The rehearsal failed: {job.error}")
    return (job.total, job.total) if job.state == JobState.DONE else (min(job.done, job.total - 1), job.total)


def report_of(stage: Stage) -> Report:
    """The newest computed report of a stage."""
    return Report.objects.filter(stage=stage, document__isnull=False).latest("created_at")


def result_of(report: Report) -> Result:
    """A stored report as the analysis knows it."""
    return report_from_json(json.dumps(report.document))


def is_of_this_version(stage: Stage) -> bool:
    """Whether this version of the analysis can read the newest report."""
    return (report_of(stage).document or {}).get("schema_version") == SCHEMA_VERSION


def report_is_there(stage: Stage) -> bool:
    failed = Job.objects.filter(reports__stage=stage, state=JobState.FAILED).first()
    if failed:
        raise CommandError(f"The report failed: {failed.error}")
    return Report.objects.filter(stage=stage, document__isnull=False).exists()

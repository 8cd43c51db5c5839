"""A rehearsal: many simulated people at once through the real pages, then the planned analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

from django.db import connection, transaction

from studyapp import queue
from studyapp.actions import audit, reports
from studyapp.actions.rehearsals import planned_rehearsal, start_rehearsal
from studyapp.errors import StudyError, WrongState
from studyapp.models import Job, Link, Report, Stage, Study, User
from studyapp.models.frozen import frozen_study, truths
from studyapp.queue import Claim
from studyapp.rehearsal.behaviours import BEHAVIOURS, Character
from studyapp.rehearsal.mixes import DEFAULT_MIX, cast, course_of, learners_gain
from studyapp.rehearsal.people import Setting, take_part

AT_ONCE = 8  # more than the web server's cores can serve anyway
LOOK_S = 5.0  # how often to renew the lease while nobody finishes

Progress = Callable[[int], bool]


class Interrupted(StudyError):
    """The rehearsal was cancelled, or another worker has it."""


def rehearse(claim: Claim) -> None:
    """Job: send the people of a rehearsal through the study, then ask for its report.

    A worker that takes over finds those who finished at their last page and lets the others go on where they were.
    """
    stage = _stage(claim)
    walk(claim, claim.renew)
    with transaction.atomic():
        if not claim.renew(claim.job.total):
            raise Interrupted("The rehearsal was cancelled.")
        reports.request_report(stage=stage, actor=audit.SYSTEM)


def rehearse_now(
    *,
    study: Study,
    participants: int,
    gain: float,
    seed: int,
    actor: User | str,
    mix: Mapping[str, float] | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Report:
    """The same in this process, without a worker: the people, then the report. The web server must be running."""
    with transaction.atomic():
        job = start_rehearsal(study=study, participants=participants, gain=gain, seed=seed, actor=actor, mix=mix)
        claim = _claim(job)

    def tell(done: int | None) -> bool:
        progress(done or 0)
        return claim.renew(done)

    with _ended(claim):
        walk(claim, tell)
    with transaction.atomic():
        report_claim = _claim(reports.request_report(stage=_stage(claim), actor=actor))
    with _ended(report_claim):
        reports.compute_report(report_claim)
    return Report.objects.get(job=report_claim.job)


def _claim(job: Job) -> Claim:
    """Take a job before its transaction ends, so that no worker ever sees it due."""
    claim = queue.claim(job.pk)
    if claim is None:
        raise WrongState("A worker has the rehearsal already.")
    return claim


@contextmanager
def _ended(claim: Claim) -> Iterator[None]:
    """Finish the job, or park it with the reason."""
    try:
        yield
    except BaseException as error:
        claim.fail(f"{type(error).__name__}: {error}", again=False)
        raise
    claim.finish()


def _stage(claim: Claim) -> Stage:
    return Stage.objects.select_related("study__frozen").get(pk=claim.job.args["stage"])


def walk(claim: Claim, renew: Progress) -> None:
    """Send everybody through, some at once; `renew` keeps the job and hears how many are through.

    Raises what the first person met who could not go on, with the title of the page, and Interrupted.
    """
    plan = planned_rehearsal(claim.job)
    link = Link.objects.select_related("stage__study__lab").get(pk=plan.link_id)
    study = frozen_study(link.stage.study.frozen.pk)
    course = course_of(study.steps(0), study.design.plan)
    people = cast(plan.mix or DEFAULT_MIX, plan.participants, plan.seed)
    gain = learners_gain(people, plan.gain, course, study.design.plan.missing)
    setting = Setting(link, study, truths(study.design_id), course)

    def one(number: int, name: str) -> None:
        try:
            take_part(setting, Character(plan.seed, number, gain), BEHAVIOURS[name])
        finally:
            connection.close()  # this thread's own

    pool = ThreadPoolExecutor(min(AT_ONCE, plan.participants), thread_name_prefix="simulated")
    try:
        _watch([pool.submit(one, number, name) for number, name in enumerate(people)], renew)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _watch(runs: list[Future[None]], renew: Progress) -> None:
    waiting = set(runs)
    while waiting:
        through, waiting = wait(waiting, timeout=LOOK_S, return_when=FIRST_COMPLETED)
        for run in through:
            run.result()
        if not renew(len(runs) - len(waiting)):
            raise Interrupted("The rehearsal was cancelled.")

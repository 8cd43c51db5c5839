"""Workers killed or told to stop, a broker that forgets, messages that come twice: every job is done, once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from explainers.types import ExplainerSpec, ItemRequest, input_from_json
from studyapp.actions import explain, studies
from studyapp.actions.freeze import freeze
from studyapp.actions.stopping import resume_explanations, stop_explanations
from studyapp.celery import app
from studyapp.embedded import Services, erase, start
from studyapp.models import Explanation, Job, Study
from studyapp.models.jobs import JobState
from studyapp.models.progress import explanation_progress
from tests import factories
from tests.journeys.processes import Processes
from tests.journeys.small_predictors import add_small_predictors

N_WANTED = 3 * 8  # three arms explain eight examples


@pytest.fixture
def frozen(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings, processes: Processes
) -> Study:  # type: ignore[no-untyped-def]
    """A study whose explanations wait for workers, in three jobs."""
    settings.DATA_DIR = tmp_path / "data"
    processes.environment = {**processes.environment, "FORETELL_DATA": str(tmp_path / "data")}
    document = add_small_predictors(monkeypatch.setitem)
    lab = factories.make_lab()
    study = studies.create_study(lab=lab, document=document, actor=factories.owner_of(lab))
    freeze(study=study, actor=factories.owner_of(lab))
    return Study.objects.get(pk=study.pk)


def jobs(study: Study) -> list[Job]:
    return list(Job.objects.filter(study=study, kind="explain").order_by("created_at"))


def everything_is_there_once(study: Study) -> None:
    """Every explanation is complete, each address has one row, and no job is left over."""
    rows = Explanation.objects.of_design(study.frozen)
    assert rows.ready().count() == rows.count() == N_WANTED
    assert len(set(rows.values_list("key", flat=True))) == N_WANTED
    assert {job.state for job in jobs(study)} == {JobState.DONE}
    assert {job.done for job in jobs(study)} == {8}


def all_ready(study: Study) -> bool:
    done = {job.state for job in jobs(study)} == {JobState.DONE}
    return done and explanation_progress(study.frozen).is_complete


def test_a_job_whose_worker_is_killed_is_finished_by_another(frozen: Study, processes: Processes) -> None:
    processes.relay()
    victim = processes.worker("explain")
    processes.wait_until(
        lambda: any(job.state == JobState.RUNNING for job in jobs(frozen)), what="a job to begin", seconds=60
    )
    victim.kill()
    struck = [job for job in jobs(frozen) if job.state == JobState.RUNNING]
    assert len(struck) == 1  # in the middle of it

    processes.worker("explain")
    processes.wait_until(lambda: all_ready(frozen), what="the other worker", seconds=90)

    everything_is_there_once(frozen)
    struck[0].refresh_from_db()
    assert struck[0].attempts == 2
    assert struck[0].error == ""


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Services]:
    """A Valkey of this test's own, which it may break."""
    data = tmp_path / "broker"
    data.mkdir()
    try:
        yield start(data)
    finally:
        erase(data)


def test_nothing_is_missing_after_valkey_was_flushed_and_restarted(
    frozen: Study, processes: Processes, own_broker: Services
) -> None:
    processes.environment = {**processes.environment, "REDIS_URL": own_broker.redis_url}
    processes.relay()
    processes.wait_until(lambda: all(job.rung_at for job in jobs(frozen)), what="the doorbell", seconds=60)
    broker = redis.Redis.from_url(own_broker.redis_url)
    assert broker.llen("explain") >= 3  # the messages are there, and then they are not
    broker.flushall()
    assert broker.llen("explain") == 0
    broker.shutdown(nosave=True)
    first_bell = {job.pk: job.rung_at for job in jobs(frozen)}

    again = start(own_broker.data)
    assert again.redis_url == own_broker.redis_url
    processes.worker("explain")
    processes.wait_until(lambda: all_ready(frozen), what="the lost jobs", seconds=90)

    everything_is_there_once(frozen)
    assert all(job.rung_at > first_bell[job.pk] for job in jobs(frozen))


def test_a_message_that_comes_five_times_to_two_workers_is_one_job(frozen: Study, processes: Processes) -> None:
    app.loader.import_default_modules()
    waiting = jobs(frozen)
    for _ in range(5):
        for job in waiting:
            app.tasks["studyapp.run_job"].apply_async(args=[str(job.pk)], queue="explain")
    processes.worker("explain")
    processes.worker("explain")
    processes.wait_until(lambda: all_ready(frozen), what="the jobs", seconds=90)
    with app.connection_for_read() as connection:
        processes.wait_until(lambda: not connection.default_channel.client.llen("explain"), what="the rest", seconds=30)

    everything_is_there_once(frozen)
    assert [job.attempts for job in jobs(frozen)] == [1, 1, 1]


def test_a_study_stopped_in_the_middle_of_a_batch_goes_on_to_the_same_bytes(
    frozen: Study, processes: Processes
) -> None:
    processes.relay()
    worker = processes.worker("explain")
    processes.wait_until(
        lambda: any(job.state == JobState.RUNNING for job in jobs(frozen)), what="a job to begin", seconds=60
    )
    worker.signal(signal.SIGSTOP)  # in the middle of it, whatever the machine's speed
    stop_explanations(study=frozen, actor="system")
    worker.signal(signal.SIGCONT)
    processes.wait_until(lambda: "was stopped" in worker.log.read_text(), what="the worker to notice", seconds=60)

    progress = explanation_progress(frozen.frozen)
    assert (progress.ready, progress.stopped, progress.under_way) == (0, N_WANTED, 0)
    assert [job.state for job in jobs(frozen)] == [JobState.CANCELLED] * 3

    resume_explanations(study=frozen, actor="system")
    processes.wait_until(lambda: explanation_progress(frozen.frozen).is_complete, what="the rest", seconds=90)

    rows = list(Explanation.objects.of_design(frozen.frozen).select_related("predictor", "item", "donor"))
    assert [[row.form, row.explained_class] for row in rows] == [computed_here(row) for row in rows]


def computed_here(row: Explanation) -> list[object]:
    """The explanation alone, in this process, without a job."""
    donor = input_from_json(row.donor.content) if row.donor else None
    request = ItemRequest(input_from_json(row.item.content), row.seed, donor)
    found = explain.explain_one(row.predictor.key, ExplainerSpec(row.explainer, row.params), request)
    return [found.form.to_json(), found.explained_class]

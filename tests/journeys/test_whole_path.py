"""From a design to a p-value through every real part: pages, workers, relay, database, export and command line."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from studyapp.actions import explain, measures, studies
from studyapp.actions.freeze import freeze
from studyapp.actions.rehearsals import rehearsal_of, start_rehearsal
from studyapp.exports.archive import write_archive
from studyapp.models import ArmExplanation, ArmMeasures, Enrolment, Explanation, Job, Report, Response, Stage, Study
from studyapp.models.jobs import JobState
from studyapp.models.monitoring import flow_of
from studyapp.models.progress import explanation_progress
from studyapp.views.console.measures import measures_of
from tests import factories
from tests.journeys.processes import ROOT, Processes
from tests.journeys.small_predictors import add_small_predictors

PEOPLE, GAIN = 40, 0.3
N_STEPS = 47  # 2 before allocation, 3 introductions, 16 + 8 + 16 trials, 2 ratings


@pytest.fixture
def frozen(transactional_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings) -> Study:  # type: ignore[no-untyped-def]
    """A study of two small predictors, frozen; its explanations wait for a worker."""
    settings.DATA_DIR = tmp_path / "data"
    document = add_small_predictors(monkeypatch.setitem)
    lab = factories.make_lab()
    study = studies.create_study(lab=lab, document=document, actor=factories.owner_of(lab))
    freeze(study=study, actor=factories.owner_of(lab))
    return Study.objects.get(pk=study.pk)


def finished(job: Job) -> bool:
    job.refresh_from_db()
    assert job.state not in {JobState.FAILED, JobState.CANCELLED}, job.error
    return job.state == JobState.DONE


def wrong_classes(study: Study) -> list[str]:
    """Explanations that explain another class than the predictor's own output on that item."""
    uses = ArmExplanation.objects.filter(design=study.frozen).select_related("explanation", "study_item")
    return [
        f"{use.arm} {use.study_item.key}" for use in uses if use.explanation.explained_class != use.study_item.output
    ]


def test_a_study_runs_from_its_design_to_a_report_that_finds_what_was_planted(
    frozen: Study, web: str, processes: Processes, tmp_path: Path
) -> None:
    processes.environment = {**processes.environment, "FORETELL_DATA": str(tmp_path / "data"), "FORETELL_BASE_URL": web}
    processes.relay()
    processes.worker()
    n_wanted = Explanation.objects.of_design(frozen.frozen).count()
    processes.wait_until(lambda: explanation_progress(frozen.frozen).is_complete, what="explanations", seconds=120)
    assert n_wanted == 3 * 8  # three arms explain eight examples
    assert wrong_classes(frozen) == []
    processes.wait_until(
        lambda: ArmMeasures.objects.filter(design=frozen.frozen).count() == 3, what="the metrics", seconds=120
    )
    every_arm_is_judged(frozen)

    job = start_rehearsal(study=frozen, participants=PEOPLE, gain=GAIN, seed=3, actor="system", mix={"learns": 1})
    processes.wait_until(lambda: finished(job), what="the rehearsal", seconds=240)
    stage = Stage.objects.get(pk=job.args["stage"])
    report = Report.objects.select_related("job").get(stage=stage)
    processes.wait_until(lambda: finished(report.job), what="the report", seconds=60)
    report.refresh_from_db()

    everything_is_counted(stage)
    assert rehearsal_of(stage).args["gain"] == GAIN
    the_planted_gain_is_found(report.document)
    the_export_repeats_the_report(stage, report, tmp_path / "export")


def every_arm_is_judged(study: Study) -> None:
    """The metrics that need no people, from the explanations that are shown; on the page beside each other."""
    kept = {row.arm: row.measurements for row in ArmMeasures.objects.filter(design=study.frozen)}
    found = {arm: {m["metric"]["name"]: m["summary"] for m in own} for arm, own in kept.items()}
    assert {tuple(own) for own in found.values()} == {measures.ALONE}
    assert found["lime"]["faithfulness_correlation"]["n_items"] == 8
    assert found["lime"]["max_sensitivity"]["n_items"] == measures.FEW_ITEMS
    assert found["lime"]["faithfulness_correlation"]["mean"] > found["placebo"]["faithfulness_correlation"]["mean"]
    table = measures_of(study.frozen)
    assert table is not None
    assert len(table.arms) == 3
    assert {"Faithfulness correlation", "Deletion area"} <= {row.title for row in table.rows}


def everything_is_counted(stage: Stage) -> None:
    flow = flow_of(stage)
    assert (flow.consented, flow.allocated, flow.completed, flow.active) == (PEOPLE, PEOPLE, PEOPLE, 0)
    answered = Response.objects.filter(enrolment__stage=stage).values("enrolment", "position").distinct().count()
    assert answered == PEOPLE * N_STEPS
    per_arm = [Enrolment.objects.filter(stage=stage, arm=arm).count() for arm in ("none", "placebo", "lime", "senn")]
    assert sum(per_arm) == PEOPLE
    assert max(per_arm) - min(per_arm) <= 2  # the last permuted block of 8 is cut


def the_planted_gain_is_found(document: dict) -> None:  # type: ignore[type-arg]
    """Each effect's interval, and the pooled arms, hold the planted gain.

    Intervals are taken twice as wide (four standard errors), so that chance fails this about once in 10,000 runs.
    """
    planted = {"lime": GAIN, "senn": GAIN, "placebo": 0.0}
    for estimate in document["estimates"]:
        first, second = estimate["contrast"]["arm"], estimate["contrast"]["minus"]
        expected = planted[first] - planted.get(second, 0.0)
        half = (estimate["interval"]["high"] - estimate["interval"]["low"]) / 2
        assert abs(estimate["value"] - expected) < 2 * half, (first, second, estimate["value"])
    means = {mean["arm"]: mean["value"] for mean in document["arm_means"]}
    pooled = (means["lime"] + means["senn"] - means["none"] - means["placebo"]) / 2
    # A gain over 16 items has a standard deviation of at most sqrt(2 / 4 / 16); 20 people against 20.
    standard_error = math.sqrt(2 / 4 / 16) * math.sqrt(2 / 20)
    assert abs(pooled - GAIN) < 4 * standard_error < GAIN  # so no gain at all would be seen


def the_export_repeats_the_report(stage: Stage, report: Report, folder: Path) -> None:
    folder.mkdir()
    archive = io.BytesIO()
    write_archive(stage, archive)
    zipfile.ZipFile(archive).extractall(folder)
    command = [sys.executable, "-m", "analysis", str(folder / "responses.csv"), str(folder / "design.json"), "--stage"]
    done = subprocess.run(
        [*command, "rehearsal", "--out", str(folder / "again")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    again = json.loads((folder / "again" / "report.json").read_text())
    assert list(differences(again, report.document)) == []


def differences(one: object, other: object, path: str = "report") -> Iterator[str]:
    """Where two JSON documents are not equal, numbers to 1e-9."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from differences(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{path}[{number}]")
    elif isinstance(one, float) and isinstance(other, int | float):
        if not math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9):
            yield f"{path}: {one} is not {other}"
    elif one != other:
        yield f"{path}: {one!r} is not {other!r}"


def test_an_explanation_of_another_class_than_the_output_is_seen(
    frozen: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studyapp import queue

    compute = explain._explain

    def of_the_other_class(rows, claim):  # type: ignore[no-untyped-def]
        return [replace(result, explained_class=1 - result.explained_class) for result in compute(rows, claim)]

    monkeypatch.setattr(explain, "_explain", of_the_other_class)
    job = Job.objects.filter(kind="explain", explanations__explainer="lime").distinct().first()
    explain.compute_batch(queue.claim(job.pk))
    assert len(wrong_classes(frozen)) == 3 * 8  # eight of the other class, the rest not yet computed

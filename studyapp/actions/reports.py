"""Reports: the planned analysis of a stage, computed by a worker from the very table that is downloaded."""

from __future__ import annotations

import hashlib
import json

from django.db import transaction
from django.utils.translation import gettext

from analysis.api import analyse, draw_figures, read_design, read_table
from analysis.errors import AnalysisError
from analysis.report import Report as Result
from studyapp import queue
from studyapp.actions import audit
from studyapp.actions.looks import found_looks
from studyapp.errors import StudyError, WrongState
from studyapp.exports.design import design_json
from studyapp.exports.responses import analysed_with, responses_csv
from studyapp.models import Job, Report, Stage, User
from studyapp.models.studies import StudyState
from studyapp.queue import Claim


def check_may_see_arms(stage: Stage) -> None:
    """Raise WrongState while the arms of real people are masked; a rehearsal has nothing to hide."""
    if not stage.is_simulated and stage.study.state != StudyState.UNBLINDED:
        raise WrongState(gettext("The arms are masked until the study is closed and unblinded."))


@transaction.atomic
def request_report(*, stage: Stage, actor: User | str) -> Job:
    """Queue the analysis of a stage; raises WrongState while its arms are masked."""
    check_may_see_arms(stage)
    report = Report.objects.create(stage=stage)
    job = queue.enqueue("report", queue=queue.ANALYSIS, args={"report": report.pk}, study=stage.study)
    report.job = job
    report.save(update_fields=["job"])
    audit.record("asked for a report", str(stage), actor=actor, study=stage.study, after=report.pk)
    return job


def compute_report(claim: Claim) -> None:
    """Job: analyse a stage as planned and keep the result with its charts."""
    report = fill_report(Report.objects.select_related("stage__study__frozen").get(pk=claim.job.args["report"]))
    _note(report)


@transaction.atomic
def _note(report: Report) -> None:
    stage, digest = report.stage, report.responses_sha256
    audit.record("computed a report", str(stage), actor=audit.SYSTEM, study=stage.study, after={"responses": digest})


def fill_report(report: Report) -> Report:
    """Compute a report now; raises StudyError when there is nothing to analyse."""
    while True:  # until nobody withdrew meanwhile
        text = responses_csv(analysed_with(report.stage))
        result = _analysed(report.stage, text)
        report.document = json.loads(result.to_json())
        report.figures = [
            {"name": f.key, "title": f.title, "caption": f.caption, "alt": f.alt, "svg": f.svg}
            for f in draw_figures(result)
        ]
        report.responses_sha256 = hashlib.sha256(text.encode("utf-8")).hexdigest()
        if _kept(report, text):
            return report


def _analysed(stage: Stage, text: str) -> Result:
    planned = stage.kind in stage.study.frozen.design.plan.stages
    try:
        table = read_table(text)
        design = read_design(design_json(stage.study.frozen))
        return analyse(table, design, stages=None if planned else (stage.kind,), looks=found_looks(stage.study))
    except AnalysisError as error:
        raise StudyError(str(error)) from error


@transaction.atomic
def _kept(report: Report, text: str) -> bool:
    """Save the report unless its responses changed since they were read; who erases waits, and then marks it."""
    Report.objects.select_for_update().get(pk=report.pk)
    if responses_csv(analysed_with(report.stage)) != text:
        return False
    report.save(update_fields=["document", "figures", "responses_sha256"])
    return True

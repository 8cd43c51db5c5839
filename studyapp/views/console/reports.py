"""Reports: the picture that answers the question, the table, the words."""

from __future__ import annotations

import json
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext

from analysis.errors import ReportError
from analysis.numbers import scale_of
from analysis.report import report_from_json
from analysis.words import methods_paragraph, results_paragraph
from studyapp.actions.rehearsals import planted_gain
from studyapp.actions.reports import request_report
from studyapp.forms.running import stage_title
from studyapp.models import Membership, Report, Role, Stage, Study
from studyapp.models.studies import StudyState
from studyapp.views.console import report_beside, report_tables
from studyapp.views.console.answers import attempt, study_page
from studyapp.views.doors import ResearcherRequest, member


def shows_arms(stage: Stage) -> bool:
    """Whether the arms of a stage may be seen: those of invented people always, of real people after unblinding."""
    return stage.is_simulated or stage.study.state == StudyState.UNBLINDED


def stage_of(study: Study, stage_id: int) -> Stage:
    """A stage of this study, or a 404."""
    stage: Stage = get_object_or_404(study.stages, pk=stage_id)
    stage.study = study
    return stage


@member(Role.VIEWER, "GET")
def reports(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Every stage with its latest report."""
    latest: dict[int, Report] = {}
    found = Report.objects.filter(stage__study=study, document__isnull=False).defer("document", "figures")
    for report in found.order_by("created_at"):
        latest[report.stage_id] = report
    rows = []
    for stage in study.stages.order_by("pk"):
        stage.study = study
        rows.append((stage, stage_title(stage), latest.get(stage.pk), shows_arms(stage)))
    return study_page(request, "reports.html", study=study, membership=membership, tab="reports", rows=rows)


@member(Role.ANALYST, "POST")
def run_report(request: ResearcherRequest, *, study: Study, membership: Membership, stage_id: int) -> HttpResponse:
    """Queue the planned analysis of a stage."""
    stage = stage_of(study, stage_id)
    answer = attempt(
        request,
        study,
        lambda: request_report(stage=stage, actor=request.user),
        gettext("The analysis is running."),
        to="reports",
    )
    if not shows_arms(stage):
        return answer
    return redirect("report", public_id=study.public_id, stage_id=stage.pk)


@member(Role.VIEWER, "GET")
def report(request: ResearcherRequest, *, study: Study, membership: Membership, stage_id: int) -> HttpResponse:
    """The latest report of a stage, or what has to happen first."""
    stage = stage_of(study, stage_id)
    shown = latest_report(stage) if shows_arms(stage) else None
    newest = Report.objects.filter(stage=stage).select_related("job").defer("document", "figures").first()
    context: dict[str, Any] = {
        "stage": stage,
        "stage_title": stage_title(stage),
        "is_masked": not shows_arms(stage),
        "newest": newest,
        "is_running": newest is not None and newest.job is not None and newest.job.state in {"pending", "running"},
    }
    if shown:
        try:
            context |= _contents(shown, stage)
        except ReportError:
            context["is_of_another_version"] = True
    return study_page(request, "report.html", study=study, membership=membership, tab="reports", **context)


def _contents(row: Report, stage: Stage) -> dict[str, Any]:
    report = report_from_json(json.dumps(row.document))
    gain = planted_gain(stage)
    figures = [{key: value for key, value in figure.items() if key != "svg"} for figure in row.figures or ()]
    return {
        "row": row,
        "report": report,
        "noun": scale_of(report.unit).noun,
        "headline": figures[:1],
        "figures": figures[1:],
        "gain": gain,
        "primary": report_tables.effect_rows(report, report.primary, gain),
        "secondary": report_tables.effect_rows(report, report.secondary, gain),
        "sensitivity": report_tables.effect_rows(report, report.sensitivity, gain),
        "weighed": report_tables.weighed_rows(report),
        "imputed": report_beside.imputed_rows(report),
        "nobody_lost": report_beside.nobody_lost(report),
        "protocol": report_beside.protocol_rows(report),
        "looks": report_beside.look_rows(report),
        "closed": report_beside.closed_tests(report),
        "items": report_tables.items_rows(report),
        "item_effects": report_tables.item_effects(report),
        "answer_reliabilities": report_tables.answer_reliability_rows(report),
        "rating_reliabilities": report_tables.rating_reliability_rows(report),
        "others": report_tables.effect_rows(report, report.others),
        "utility": report_tables.utility_tables(report),
        "conclusions": report_tables.conclusions(report),
        "accuracy": report_tables.accuracy_tables(report),
        "times": report_tables.time_rows(report),
        "losses": report_tables.loss_rows(report),
        "ratios": report_tables.ratio_rows(report),
        "flags": report_tables.flag_rows(report),
        "flow_rows": [(report.arm_title(arm.arm), arm) for arm in report.flow.arms],
        "level": f"{100 * (1 - report.plan.alpha):.4g} %",
        "methods": methods_paragraph(report),
        "results": results_paragraph(report),
    }


def latest_report(stage: Stage) -> Report | None:
    """The newest report of a stage that is ready."""
    return Report.objects.filter(stage=stage, document__isnull=False).first()


def _ready_report(study: Study, stage_id: int) -> Report:
    stage = stage_of(study, stage_id)
    found = latest_report(stage) if shows_arms(stage) else None
    if found is None:
        raise Http404("no report yet")
    return found


@member(Role.VIEWER, "GET")
def figure(
    request: ResearcherRequest, *, study: Study, membership: Membership, stage_id: int, name: str
) -> HttpResponse:
    """A chart of the latest report."""
    for chart in _ready_report(study, stage_id).figures or ():
        if chart["name"] == name:
            return HttpResponse(chart["svg"], content_type="image/svg+xml")
    raise Http404("no such chart")


@member(Role.VIEWER, "GET")
def report_file(request: ResearcherRequest, *, study: Study, membership: Membership, stage_id: int) -> HttpResponse:
    """report.json: every number with every digit."""
    found = _ready_report(study, stage_id)
    text = json.dumps(found.document, indent=1, ensure_ascii=False) + "\n"
    response = HttpResponse(text, content_type="application/json")
    response["Content-Disposition"] = 'attachment; filename="report.json"'
    return response

"""Addresses of the console. Those of a study carry its public id, those of a lab the lab's number."""

from __future__ import annotations

from django.urls import include, path

from studyapp.views.console import accounts, design, exports, monitor, preview, reports, studies

STUDY = [
    path("", studies.study, name="study"),
    path("design/", design.design, name="design"),
    path("design/json/", design.design_json, name="design_json"),
    path("design.json", design.design_file, name="design_file"),
    path("plan.json", design.plan_file, name="plan_file"),
    path("preview/", preview.preview, name="preview"),
    path("preview/screen/", preview.preview_screen, name="preview_screen"),
    path("map/", preview.study_map, name="study_map"),
    path("duplicate/", studies.duplicate, name="duplicate"),
    path("compute-ahead/", studies.compute_ahead, name="compute_ahead"),
    path("freeze/", studies.freeze_design, name="freeze"),
    path("open/", studies.open_for_people, name="open"),
    path("pause/", studies.pause, name="pause"),
    path("resume/", studies.resume, name="resume"),
    path("close/", studies.close, name="close"),
    path("unblind/", studies.unblind, name="unblind"),
    path("explanations/", monitor.explanations, name="explanations"),
    path("explanations/retry/", studies.retry_explanations, name="retry_explanations"),
    path("flow/", monitor.flow, name="flow"),
    path("rehearsals/", monitor.rehearsals, name="rehearsals"),
    path("rehearse/", monitor.rehearse, name="rehearse"),
    path("links/", monitor.new_link, name="new_link"),
    path("links/<int:link_id>/qr.svg", monitor.link_qr, name="link_qr"),
    path("stages/", monitor.new_stage, name="new_stage"),
    path("reports/", reports.reports, name="reports"),
    path("stages/<int:stage_id>/report/", reports.report, name="report"),
    path("stages/<int:stage_id>/report/run/", reports.run_report, name="run_report"),
    path("stages/<int:stage_id>/report/figures/<slug:name>.svg", reports.figure, name="report_figure"),
    path("stages/<int:stage_id>/report.json", reports.report_file, name="report_file"),
    path("stages/<int:stage_id>/data.zip", exports.archive, name="archive"),
    path("downloads/", exports.downloads, name="downloads"),
    path("audit/", exports.audit, name="audit"),
    path("audit.csv", exports.audit_csv, name="audit_csv"),
]

LAB = [
    path("studies/new/", design.choose_template, name="choose_template"),
    path("studies/new/<slug:template>/<slug:dataset>/", design.new_study, name="new_study"),
    path("members/", accounts.members, name="members"),
    path("members/<int:member_id>/", accounts.member_role, name="member_role"),
]

urlpatterns = [
    path("", accounts.home, name="home"),
    path("sign-in/", accounts.sign_in, name="sign_in"),
    path("sign-in/<str:token>/", accounts.sign_in_by_link, name="sign_in_by_link"),
    path("sign-out/", accounts.sign_out, name="sign_out"),
    path("studies/", studies.studies, name="studies"),
    path("schema/design.json", design.design_schema, name="design_schema"),
    path("studies/<uuid:public_id>/", include(STUDY)),
    path("labs/<int:lab_id>/", include(LAB)),
]

"""Addresses of the console. Those of a study carry its public id, those of a lab the lab's number."""

from __future__ import annotations

from django.urls import include, path

from studyapp.views.console import (
    accounts,
    design,
    exports,
    imports,
    members,
    monitor,
    power,
    preview,
    quality,
    reports,
    rights,
    studies,
    unblinding,
)

STUDY = [
    path("", studies.study, name="study"),
    path("design/", design.design, name="design"),
    path("design/json/", design.design_json, name="design_json"),
    path("design.json", design.design_file, name="design_file"),
    path("plan.json", design.plan_file, name="plan_file"),
    path("imported/", imports.imported, name="imported"),
    path("imported/items.jsonl", imports.imported_items, name="imported_items"),
    path("preview/", preview.preview, name="preview"),
    path("preview/screen/", preview.preview_screen, name="preview_screen"),
    path("map/", preview.study_map, name="study_map"),
    path("power/", power.power, name="power"),
    path("power/state/", power.power_state, name="power_state"),
    path("power/cancel/", power.cancel, name="cancel_power"),
    path("power/<int:run_id>/power.svg", power.figure, name="power_figure"),
    path("duplicate/", studies.duplicate, name="duplicate"),
    path("compute-ahead/", studies.compute_ahead, name="compute_ahead"),
    path("freeze/", studies.freeze_design, name="freeze"),
    path("open/", studies.open_for_people, name="open"),
    path("pause/", studies.pause, name="pause"),
    path("resume/", studies.resume, name="resume"),
    path("close/", studies.close, name="close"),
    path("unblind/", unblinding.unblind, name="unblind"),
    path("unblind/confirm/", unblinding.confirm, name="confirm_unblinding"),
    path("unblind/refuse/", unblinding.refuse, name="refuse_unblinding"),
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
    path("rights/", rights.rights, name="rights"),
    path("rights/consent/", rights.amend, name="amend_consent"),
    path("rights/payments.csv", rights.payments, name="payments"),
    path("rights/paid/", rights.paid, name="paid"),
    path("rights/keep-ids/", rights.keep_ids, name="keep_ids"),
    path("quality/", quality.quality, name="quality"),
    path("quality/reconcile/", quality.reconcile_panel, name="reconcile"),
    path("stages/<int:stage_id>/quality/", quality.check_quality, name="check_quality"),
    path("downloads/", exports.downloads, name="downloads"),
    path("audit/", exports.audit, name="audit"),
    path("audit.csv", exports.audit_csv, name="audit_csv"),
]

LAB = [
    path("studies/new/", design.choose_template, name="choose_template"),
    path("studies/new/<slug:template>/<slug:dataset>/", design.new_study, name="new_study"),
    path("signed-links/", quality.arrival_keys, name="arrival_keys"),
    path("signed-links/secret/", quality.new_secret, name="new_arrival_secret"),
    path("members/", members.members, name="members"),
    path("members/<int:member_id>/", members.member_role, name="member_role"),
    path("members/invitations/<int:invitation_id>/revoke/", members.revoke_invitation, name="revoke_invitation"),
]

# Where allauth looks for a page by a name of its own, the name is allauth's.
ACCOUNT = [
    path("", accounts.account, name="account"),
    path("", accounts.account, name="mfa_index"),
    path("confirm/", accounts.confirm_by_password, name="account_reauthenticate"),
    path("confirm/code/", accounts.confirm_by_code, name="mfa_reauthenticate"),
    path("password/", accounts.change_password, name="account_change_password"),
    path("password/first/", accounts.set_password, name="account_set_password"),
    path("second-factor/", accounts.turn_on_app, name="mfa_activate_totp"),
    path("second-factor/off/", accounts.turn_off_app, name="mfa_deactivate_totp"),
    path("recovery-codes/", accounts.recovery_codes, name="mfa_view_recovery_codes"),
    path("recovery-codes/new/", accounts.new_recovery_codes, name="mfa_generate_recovery_codes"),
    path("recovery-codes.txt", accounts.recovery_codes_file, name="mfa_download_recovery_codes"),
    path("sessions/end-others/", accounts.end_other_sessions, name="end_other_sessions"),
    path("sessions/<uuid:session_id>/end/", accounts.end_one_session, name="end_session"),
]

SIGN_IN = [
    path("sign-in/", accounts.sign_in, name="sign_in"),
    path("sign-in/", accounts.sign_in, name="account_login"),
    path("sign-in/<str:token>/", accounts.sign_in_by_link, name="sign_in_by_link"),
    path("second-factor/", accounts.second_factor, name="mfa_authenticate"),
    path("sign-out/", accounts.sign_out, name="sign_out"),
    path("forgotten/", accounts.forgotten_password, name="account_reset_password"),
    path("forgotten/sent/", accounts.reset_sent, name="account_reset_password_done"),
    path("forgotten/done/", accounts.reset_done, name="account_reset_password_from_key_done"),
    path("forgotten/<slug:uidb36>/<str:key>/", accounts.reset_password, name="account_reset_password_from_key"),
    path("invitations/<str:token>/", members.invitation, name="invitation"),
]

urlpatterns = [
    path("", accounts.home, name="home"),
    *SIGN_IN,
    path("account/", include(ACCOUNT)),
    path("studies/", studies.studies, name="studies"),
    path("schema/design.json", design.design_schema, name="design_schema"),
    path("studies/<uuid:public_id>/", include(STUDY)),
    path("labs/<int:lab_id>/", include(LAB)),
]

"""Data quality while the study is blind: ratio alarms, flags, arrivals, and the panel's list beside ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from studyapp.actions import quality as actions
from studyapp.actions.arrival_keys import KeySetRefused, keep_panel_keys, make_secret, names_of
from studyapp.actions.quality import Arrivals
from studyapp.actions.reconcile import MAX_LISTED, reconcile
from studyapp.forms.quality import PanelKeysForm, SubmissionsForm
from studyapp.forms.running import stage_title
from studyapp.models import ArrivalKeys, Lab, Membership, QualityCheck, Role, Stage, Study
from studyapp.models.jobs import JobState
from studyapp.models.studies import StageKind
from studyapp.views.console.answers import attempt, study_page
from studyapp.views.console.reports import stage_of
from studyapp.views.doors import ResearcherRequest, lab_member, member


@dataclass(frozen=True)
class StageQuality:
    """A stage with what is known of its data, over all arms."""

    stage: Stage
    title: str
    alarms: tuple[str, ...]
    arrivals: Arrivals
    check: QualityCheck | None  # the newest that is done
    is_running: bool


@member(Role.VIEWER, "GET")
def quality(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """What the frozen rules say, without a word of arms."""
    return _page(request, study, membership)


def _page(
    request: ResearcherRequest, study: Study, membership: Membership, status: int = 200, **context: object
) -> HttpResponse:
    context = {"form": SubmissionsForm(), "rows": _rows(study), "max_listed": MAX_LISTED, **context}
    return study_page(
        request, "quality.html", study=study, membership=membership, tab="quality", status=status, **context
    )


def _rows(study: Study) -> list[StageQuality]:
    stages = [] if study.is_draft else study.stages.exclude(kind=StageKind.REHEARSAL).order_by("pk")
    return [_row(study, stage) for stage in stages]


def _row(study: Study, stage: Stage) -> StageQuality:
    stage.study = study
    checks = QualityCheck.objects.filter(stage=stage).select_related("job")
    newest = checks.first()
    is_running = newest is not None and newest.job is not None and newest.job.state in UNDER_WAY
    return StageQuality(
        stage,
        stage_title(stage),
        alarm_titles(actions.ratio_alarms(stage)),
        actions.arrivals_of(stage),
        checks.filter(document__isnull=False).first(),
        is_running,
    )


UNDER_WAY = {JobState.PENDING, JobState.RUNNING}


def alarm_titles(alarms: tuple[str, ...]) -> tuple[str, ...]:
    """Where a ratio is broken, in words."""
    titles = {
        "allocated": gettext("people allocated"),
        "started": gettext("people who started"),
        "completed": gettext("people who completed"),
    }
    return tuple(titles[alarm] for alarm in alarms)


@member(Role.ANALYST, "POST")
def check_quality(request: ResearcherRequest, *, study: Study, membership: Membership, stage_id: int) -> HttpResponse:
    """Have the frozen rules applied to a stage."""
    stage = stage_of(study, stage_id)
    done = gettext("The rules are being applied; look again in a moment.")
    return attempt(request, study, lambda: actions.request_check(stage=stage, actor=request.user), done, to="quality")


@member(Role.DESIGNER, "GET", "POST")
def reconcile_panel(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """A panel's list beside our enrolments; the ids are shown to who brought them, and kept nowhere."""
    if request.method == "GET" or study.is_draft:
        return redirect("quality", public_id=study.public_id)
    form = SubmissionsForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, study, membership, status=422, form=form)
    compared = reconcile(
        study=study,
        panel=form.cleaned_data["panel"],
        submissions=form.cleaned_data["submissions"],
        actor=request.user,
    )
    return _page(request, study, membership, compared=compared)


# --- a lab's keys ---------------------------------------------------------------------------------------------------

# What `signatures.own_signature` does, for whoever signs outside.
RECIPE = """import hmac

def signature(secret, link, participant, expires):
    text = f"{link}\\n{participant}\\n{expires}"
    return hmac.new(bytes.fromhex(secret),
                    text.encode(), "sha256").hexdigest()"""


@lab_member(Role.OWNER, "GET", "POST", confirm="changes")
def arrival_keys(request: ResearcherRequest, *, lab: Lab, membership: Membership) -> HttpResponse:
    """The keys that signed links are checked with."""
    form = PanelKeysForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            keep_panel_keys(lab=lab, text=form.cleaned_data["keys"], actor=request.user)
        except KeySetRefused as error:
            form.add_error("keys", str(error))
        else:
            return redirect("arrival_keys", lab_id=lab.pk)
    return _keys_page(request, lab, form, status=422 if form.errors else 200)


@lab_member(Role.OWNER, "POST", confirm="changes")
def new_secret(request: ResearcherRequest, *, lab: Lab, membership: Membership) -> HttpResponse:
    """A new secret for the lab's own signed links; it is shown on this page alone."""
    return _keys_page(request, lab, PanelKeysForm(), secret=make_secret(lab=lab, actor=request.user))


def _keys_page(
    request: ResearcherRequest, lab: Lab, form: PanelKeysForm, status: int = 200, **extra: Any
) -> HttpResponse:
    row = ArrivalKeys.objects.filter(lab=lab).first()
    context = {
        "lab": lab,
        "form": form,
        "recipe": RECIPE,
        "names": names_of(row) if row else [],
        "has_secret": row is not None and row.sealed_secret is not None,
        **extra,
    }
    return render(request, "studyapp/console/arrival_keys.html", context, status=status)

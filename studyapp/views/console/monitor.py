"""Watching and running a frozen study: live parts, links, stages, rehearsals."""

from __future__ import annotations

import io

import segno
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext

from studyapp.actions.links import add_stage, create_link, link_address
from studyapp.actions.rehearsals import start_rehearsal
from studyapp.actions.stopping import resume_explanations, stop_explanations
from studyapp.errors import WrongState
from studyapp.forms.running import LinkForm, RehearsalForm, StageForm
from studyapp.models import Link, Membership, Role, Study
from studyapp.models.studies import StageKind
from studyapp.views.console.answers import attempt, may
from studyapp.views.console.explaining import explaining
from studyapp.views.console.overview import live_parts
from studyapp.views.doors import ResearcherRequest, member


@member(Role.VIEWER, "GET")
def explanations(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """How far the explanations are; the page asks again until it is over, then shows the next step."""
    if study.is_draft:
        return redirect("study", public_id=study.public_id)
    shown = explaining(study.frozen)
    context = {"study": study, "may_design": may(membership, Role.DESIGNER), "explaining": shown}
    response = render(request, "studyapp/console/_explanations.html", context)
    if not shown.progress.under_way:
        response["HX-Refresh"] = "true"
    return response


@member(Role.DESIGNER, "POST")
def stop_explaining(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Stop computing the study's explanations."""
    return attempt(
        request,
        study,
        lambda: stop_explanations(study=study, actor=request.user),
        gettext("Stopped. What is computed stays; the study opens when the rest is computed too."),
    )


@member(Role.DESIGNER, "POST")
def resume_explaining(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Go on with the explanations that were stopped."""
    return attempt(
        request,
        study,
        lambda: resume_explanations(study=study, actor=request.user),
        gettext("The rest of the explanations is being computed."),
    )


@member(Role.VIEWER, "GET")
def flow(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Where people are, without a word of arms."""
    return render(request, "studyapp/console/_flow.html", {"study": study, **live_parts(study)})


@member(Role.VIEWER, "GET")
def rehearsals(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """How far the rehearsals are."""
    parts = live_parts(study)
    response = render(request, "studyapp/console/_rehearsals.html", {"study": study, **parts})
    if not parts["is_rehearsing"]:
        response["HX-Refresh"] = "true"
    return response


@member(Role.DESIGNER, "POST")
def rehearse(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Send simulated people through the real pages."""
    form = RehearsalForm(request.POST)
    if not form.is_valid():
        return _refused(request, study, form)
    return attempt(
        request,
        study,
        lambda: start_rehearsal(study=study, actor=request.user, **form.cleaned_data),
        gettext("The rehearsal has started."),
    )


@member(Role.DESIGNER, "POST")
def new_link(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Make another way in."""
    form = LinkForm(request.POST, study=study)
    if not form.is_valid():
        return _refused(request, study, form)
    return attempt(
        request, study, lambda: create_link(actor=request.user, **form.cleaned_data), gettext("The link is made.")
    )


@member(Role.DESIGNER, "POST")
def new_stage(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Add a pilot or a top-up."""
    form = StageForm(request.POST)
    if not form.is_valid():
        return _refused(request, study, form)

    def act() -> None:
        if study.is_closed:
            raise WrongState(gettext("This study is closed; nobody new comes in."))
        stage = add_stage(study=study, actor=request.user, **form.cleaned_data)
        create_link(stage=stage, label="", is_single_use=False, expires_at=None, actor=request.user)

    return attempt(request, study, act, gettext("The stage is added, with a link of its own."))


@member(Role.DESIGNER, "GET")
def link_qr(request: ResearcherRequest, *, study: Study, membership: Membership, link_id: int) -> HttpResponse:
    """A link as a QR code."""
    links = Link.objects.filter(stage__study=study).exclude(stage__kind=StageKind.REHEARSAL)
    link = get_object_or_404(links, pk=link_id)
    buffer = io.BytesIO()
    segno.make(link_address(link), error="m").save(buffer, kind="svg", scale=6, border=4, light="white")
    return HttpResponse(buffer.getvalue(), content_type="image/svg+xml")


def _refused(request: HttpRequest, study: Study, form: Form) -> HttpResponse:
    for name, errors in form.errors.items():
        label = form[name].label if name in form.fields else gettext("The form")
        messages.error(request, f"{label}: {' '.join(map(str, errors))}")
    return redirect("study", public_id=study.public_id)

"""Revealing a closed study's arms: an owner asks, another person confirms."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext

from studyapp.actions.unblinding import (
    confirm_unblinding,
    may_confirm,
    other_owners,
    refuse_unblinding,
    request_unblinding,
    unblind_alone,
    waiting_request,
)
from studyapp.forms.unblinding import AloneForm, AskForm
from studyapp.models import Membership, Role, Study
from studyapp.models.studies import StudyState
from studyapp.views.console.answers import attempt, study_page
from studyapp.views.doors import ResearcherRequest, member


@member(Role.OWNER, "GET", "POST", confirm="changes")
def unblind(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Ask for a second person or, as the only owner, go on alone with a reason."""
    if request.method == "POST" and study.state != StudyState.CLOSED:  # the action says what is in the way
        return attempt(request, study, lambda: request_unblinding(study=study, actor=request.user), "")
    has_other_owners = other_owners(study, request.user).exists()
    is_alone = "alone" in request.POST
    alone = AloneForm(request.POST if is_alone else None)
    ask = AskForm(
        request.POST if request.method == "POST" and not is_alone else None,
        study=study,
        user=request.user,
        has_other_owners=has_other_owners,
    )
    if alone.is_valid():
        return attempt(
            request,
            study,
            lambda: unblind_alone(study=study, actor=request.user, **alone.cleaned_data),
            gettext("The study is unblinded. The report can be made now."),
        )
    if ask.is_valid():
        return attempt(
            request,
            study,
            lambda: request_unblinding(study=study, actor=request.user, **ask.cleaned_data),
            gettext("Asked. The arms stay masked until a second person confirms."),
        )
    return study_page(
        request,
        "unblind.html",
        study=study,
        membership=membership,
        tab="study",
        status=422 if request.method == "POST" else 200,
        is_closed=study.state == StudyState.CLOSED,
        waiting=waiting_request(study),
        other_owners=names(other_owners(study, request.user)),
        has_others=study.lab.memberships.exclude(user=request.user).exists(),
        ask=ask,
        alone=None if has_other_owners else alone,
    )


@member(Role.VIEWER, "GET", "POST", confirm="changes")
def confirm(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Confirm as the second person; the page says what is asked and by whom."""
    if request.method == "POST":
        return attempt(
            request,
            study,
            lambda: confirm_unblinding(study=study, actor=request.user),
            gettext("The study is unblinded. The report can be made now."),
        )
    asked = waiting_request(study)
    return study_page(
        request,
        "unblind_confirm.html",
        study=study,
        membership=membership,
        tab="study",
        asked=asked,
        may_confirm=asked is not None and may_confirm(asked, request.user),
    )


@member(Role.VIEWER, "POST")
def refuse(request: ResearcherRequest, *, study: Study, membership: Membership) -> HttpResponse:
    """Take the request back, or decline it."""
    return attempt(
        request,
        study,
        lambda: refuse_unblinding(study=study, actor=request.user),
        gettext("The request is ended. The arms stay masked."),
    )


def names(users) -> str:  # type: ignore[no-untyped-def]
    """People in a sentence."""
    return ", ".join(str(user) for user in users)

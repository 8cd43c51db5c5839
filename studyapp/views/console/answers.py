"""How the console answers: the frame of a study's pages, and what an action came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from studyapp.errors import DesignRefused, StudyError
from studyapp.models import Membership, Role, Study


@dataclass(frozen=True)
class Tab:
    """A page of a study, as its navigation names it."""

    name: str
    title: str | Promise
    role: Role


TABS = (
    Tab("study", _("Overview"), Role.VIEWER),
    Tab("design", _("Design"), Role.VIEWER),
    Tab("preview", _("Preview"), Role.VIEWER),
    Tab("study_map", _("Map"), Role.VIEWER),
    Tab("power", _("Power"), Role.VIEWER),
    Tab("quality", _("Data quality"), Role.VIEWER),
    Tab("reports", _("Reports"), Role.VIEWER),
    Tab("rights", _("People's data"), Role.VIEWER),
    Tab("downloads", _("Downloads"), Role.VIEWER),
    Tab("audit", _("Audit trail"), Role.VIEWER),
)


def may(membership: Membership, role: Role) -> bool:
    """Whether this member's role covers the one that is needed."""
    return Role(membership.role).covers(role)


def study_page(
    request: HttpRequest,
    template: str,
    *,
    study: Study,
    membership: Membership,
    tab: str,
    status: int = 200,
    **context: object,
) -> HttpResponse:
    """A page inside the frame of a study: title, state and tabs."""
    tabs = [
        (item.title, reverse(item.name, kwargs={"public_id": study.public_id}), item.name == tab)
        for item in TABS
        if may(membership, item.role)
    ]
    context |= {
        "study": study,
        "membership": membership,
        "tabs": tabs,
        "may_analyse": may(membership, Role.ANALYST),
        "may_design": may(membership, Role.DESIGNER),
        "may_own": may(membership, Role.OWNER),
    }
    return render(request, f"studyapp/console/{template}", context, status=status)


def attempt(
    request: HttpRequest, study: Study, action: Callable[[], object], done: str, *, to: str = "study"
) -> HttpResponse:
    """Run an action and say what came of it on one of the study's pages."""
    try:
        action()
    except DesignRefused as error:
        for problem in error.problems:
            messages.error(request, str(problem))
    except StudyError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return redirect(to, public_id=study.public_id)

"""Who belongs to a lab, and who is asked to."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from studyapp.actions import guessing
from studyapp.actions.accounts import remove_member, set_role
from studyapp.actions.invitations import (
    accept_as,
    accept_as_new,
    find_invitation,
    invitation_address,
    invite,
    is_for,
    revoke,
)
from studyapp.errors import NotEligible, StudyError, WrongState
from studyapp.forms.accounts import InviteForm, NewAccountForm, RoleForm
from studyapp.models import Invitation, Lab, Membership, Role, User
from studyapp.views.adapter import address_of
from studyapp.views.doors import ResearcherRequest, anyone, lab_member
from studyapp.views.sessions import sign_in_as

ROLES_IN_WORDS = (
    (Role.OWNER.label, _("opens, closes and unblinds studies; says who belongs to the lab")),
    (Role.DESIGNER.label, _("makes, edits, previews, freezes and rehearses studies; hands out links")),
    (Role.ANALYST.label, _("runs reports and downloads data")),
    (Role.VIEWER.label, _("sees designs, the flow of participants and reports")),
)


@lab_member(Role.OWNER, "GET", "POST", confirm="changes")
def members(request: ResearcherRequest, *, lab: Lab, membership: Membership) -> HttpResponse:
    """Who belongs to the lab; POST invites somebody, in the same words whether they have an account or not."""
    form = InviteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        email, role = form.cleaned_data["email"], form.cleaned_data["role"]
        try:
            invite(lab=lab, email=email, role=role, actor=request.user)
        except WrongState as error:
            form.add_error("email", str(error))
        else:
            messages.success(request, gettext("%(email)s is invited to %(lab)s.") % {"email": email, "lab": lab})
            return redirect("members", lab_id=lab.pk)
    rows = [
        (member, RoleForm(initial={"role": member.role}, auto_id=f"%s-{member.pk}"))
        for member in lab.memberships.select_related("user").order_by("user__email")
    ]
    # Without a mail server the owner hands over the link; with one, only who reads the letter box gets to see it.
    invited = [
        (invitation, "" if settings.SENDS_MAIL else invitation_address(invitation))
        for invitation in lab.invitations.order_by("email")
    ]
    context = {
        "lab": lab,
        "rows": rows,
        "invited": invited,
        "sends_mail": settings.SENDS_MAIL,
        "form": form,
        "roles": ROLES_IN_WORDS,
    }
    return render(request, "studyapp/console/members.html", context, status=422 if form.errors else 200)


@lab_member(Role.OWNER, "POST", confirm="changes")
def member_role(request: ResearcherRequest, *, lab: Lab, membership: Membership, member_id: int) -> HttpResponse:
    """Give a member another role, or none."""
    member = get_object_or_404(lab.memberships.select_related("user"), pk=member_id)
    form = RoleForm(request.POST)
    try:
        if "remove" in request.POST:
            remove_member(lab=lab, user=member.user, actor=request.user)
            done = gettext("%(person)s is no longer a member of %(lab)s.") % {"person": member.user.email, "lab": lab}
            messages.success(request, done)
        elif form.is_valid():
            set_role(lab=lab, user=member.user, role=Role(form.cleaned_data["role"]), actor=request.user)
            done = gettext("The role of %(person)s was changed.") % {"person": member.user.email}
            messages.success(request, done)
        else:
            messages.error(request, gettext("Choose one of the roles in the list."))
    except StudyError as error:
        messages.error(request, str(error))
    if member.user == request.user:  # who changed themselves may no longer see this page
        return redirect("studies")
    return redirect("members", lab_id=lab.pk)


@lab_member(Role.OWNER, "POST", confirm="changes")
def revoke_invitation(
    request: ResearcherRequest, *, lab: Lab, membership: Membership, invitation_id: int
) -> HttpResponse:
    revoke(invitation=get_object_or_404(lab.invitations, pk=invitation_id), actor=request.user)
    messages.success(request, gettext("The invitation is withdrawn; its link opens nothing any more."))
    return redirect("members", lab_id=lab.pk)


# --- at the other end ------------------------------------------------------------------------------------------------


@anyone("GET", "POST")
@never_cache
def invitation(request: HttpRequest, *, token: str) -> HttpResponse:
    """What a link of an invitation opens: looking spends nothing, the button does."""
    try:
        found = find_invitation(token)
        if isinstance(request.user, User):
            return _as_member(request, request.user, found, token)
        if User.objects.filter(email=found.email).exists():
            return _page(request, found, "sign in")
        return _as_new(request, found, token)
    except NotEligible as error:
        guessing.take(guessing.ADDRESS, address_of(request))
        return _page(request, None, "refused", status=410, refusal=error.reason)


def _as_member(request: HttpRequest, user: User, found: Invitation, token: str) -> HttpResponse:
    if not is_for(found, user):
        return _page(request, None, "another", status=403)
    if request.method == "POST":
        lab = accept_as(token=token, user=user).lab
        messages.success(request, gettext("You are now a member of %(lab)s.") % {"lab": lab})
        return redirect("studies")
    return _page(request, found, "accept")


def _as_new(request: HttpRequest, found: Invitation, token: str) -> HttpResponse:
    form = NewAccountForm(request.POST if request.method == "POST" else None, email=found.email)
    if form.is_valid():
        user = accept_as_new(token=token, name=form.cleaned_data["name"], password=form.cleaned_data["password"])
        return sign_in_as(request, user)
    return _page(request, found, "new", status=422 if form.errors else 200, form=form)


def _page(request: HttpRequest, found: Invitation | None, step: str, status: int = 200, **more: object) -> HttpResponse:
    context = {"invitation": found, "step": step, **more}
    return render(request, "studyapp/console/invitation.html", context, status=status)

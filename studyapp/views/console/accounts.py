"""Signing in and out, and the members of a lab."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from studyapp.actions.accounts import remove_member, set_role, use_sign_in_link
from studyapp.errors import NotEligible, StudyError
from studyapp.forms.accounts import AddMemberForm, RoleForm, SignInForm
from studyapp.models import Lab, Membership, Role
from studyapp.views.doors import ResearcherRequest, anyone, lab_member, signed_in

PASSWORD_BACKEND = "django.contrib.auth.backends.ModelBackend"  # noqa: S105 (the name of a class)


@signed_in("GET")
def home(request: ResearcherRequest) -> HttpResponse:
    """The root of the site is the researcher's; participants come by their links."""
    return redirect("studies")


sign_in = anyone("GET", "POST")(
    LoginView.as_view(
        template_name="studyapp/console/sign_in.html",
        authentication_form=SignInForm,
        redirect_authenticated_user=True,
    )
)


@anyone("GET", "POST")
def sign_in_by_link(request: HttpRequest, *, token: str) -> HttpResponse:
    """Ask before the link is spent: scanners of messages open links, they press no buttons."""
    refusal = ""
    if request.method == "POST":
        try:
            user = use_sign_in_link(token=token)
        except NotEligible as error:
            refusal = error.reason
        else:
            login(request, user, backend=PASSWORD_BACKEND)
            return redirect("studies")
    response = render(
        request, "studyapp/console/sign_in_link.html", {"refusal": refusal}, status=410 if refusal else 200
    )
    response["Cache-Control"] = "no-store"
    return response


@signed_in("POST")
def sign_out(request: ResearcherRequest) -> HttpResponse:
    logout(request)
    return redirect("sign_in")


@lab_member(Role.OWNER, "GET", "POST")
def members(request: ResearcherRequest, *, lab: Lab, membership: Membership) -> HttpResponse:
    """Who belongs to the lab; POST adds somebody who has an account."""
    form = AddMemberForm(request.POST if request.method == "POST" else None, lab=lab)
    if request.method == "POST" and form.is_valid():
        user = form.cleaned_data["email"]
        set_role(lab=lab, user=user, role=form.cleaned_data["role"], actor=request.user)
        done = gettext("%(person)s is now a member of %(lab)s.") % {"person": user.email, "lab": lab}
        messages.success(request, done)
        return redirect("members", lab_id=lab.pk)
    rows = [
        (member, RoleForm(initial={"role": member.role}, auto_id=f"%s-{member.pk}"))
        for member in lab.memberships.select_related("user").order_by("user__email")
    ]
    context = {"lab": lab, "rows": rows, "form": form, "roles": ROLES_IN_WORDS}
    return render(request, "studyapp/console/members.html", context, status=422 if form.errors else 200)


ROLES_IN_WORDS = (
    (Role.OWNER.label, _("opens, closes and unblinds studies; says who belongs to the lab")),
    (Role.DESIGNER.label, _("makes, edits, previews, freezes and rehearses studies; hands out links")),
    (Role.ANALYST.label, _("runs reports and downloads data")),
    (Role.VIEWER.label, _("sees designs, the flow of participants and reports")),
)


@lab_member(Role.OWNER, "POST")
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

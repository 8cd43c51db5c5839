"""A person's own data: to see, to take away, to withdraw, to have erased; in their browser, or later by their code."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from studyapp.actions import erasure
from studyapp.actions.consent_texts import consent_again
from studyapp.actions.data_code import data_code, find_by_code
from studyapp.actions.payments import identity_of
from studyapp.errors import TooManyGuesses, WrongState
from studyapp.exports.own_data import own_data_json
from studyapp.models import Consent, Enrolment, Response
from studyapp.models.frozen import study_of
from studyapp.models.participants import EnrolmentState
from studyapp.models.studies import StudyState
from studyapp.views import errors
from studyapp.views.adapter import address_of
from studyapp.views.doors import anyone, cookie_name, open_run
from studyapp.views.doors import participant as the_participant
from studyapp.views.participant_pages import Page, answer_with

ERASED_COOKIE = "erased"
BY_CODE_S = 30 * 60  # a browser opened by a code may be a library's


@anyone("GET", "POST")
def find(request: HttpRequest) -> HttpResponse:
    """Asks for the personal code; the right one opens the person's own pages in this browser for half an hour."""
    if request.method == "GET":
        return _find_page(request)
    try:
        found = find_by_code(typed=request.POST.get("code", "")[:100], source=address_of(request))
    except TooManyGuesses:
        return errors.too_many_requests(request)
    if found is None:
        return _find_page(request, is_wrong=True)
    response = HttpResponseRedirect(reverse("own_data", args=[found.study.public_id]), status=303)
    open_run(response, found)
    cookie = response.cookies[cookie_name(found.study.public_id)]
    cookie["max-age"], cookie["expires"] = BY_CODE_S, ""
    return response


def _find_page(request: HttpRequest, is_wrong: bool = False) -> HttpResponse:
    page = Page("studyapp/participant/find_data.html", gettext("Your data in a study"), {"is_wrong": is_wrong})
    return answer_with(request, page, 422 if is_wrong else 200)


@the_participant("GET")
def own_data(request: HttpRequest, enrolment: Enrolment) -> HttpResponse:
    """What is kept of the person, and what they can do about it."""
    study = study_of(enrolment)
    with translation.override(study.design.language):
        consent = Consent.objects.filter(enrolment=enrolment).select_related("text").last()
        shows_arm = enrolment.arm and enrolment.study.state == StudyState.UNBLINDED
        context = {
            "design": study.design,
            "consent": consent,
            "n_answers": Response.objects.filter(enrolment=enrolment).count(),
            "has_panel_id": identity_of(enrolment) is not None,
            "group": study.design.arm(enrolment.arm).title if shows_arm else "",
            **_ways(enrolment),
        }
        return answer_with(request, Page("studyapp/participant/own_data.html", gettext("Your data"), context))


def _ways(enrolment: Enrolment) -> dict[str, object]:
    """What the person may do now, and their code."""
    return {
        "code": data_code(enrolment),
        "deadline": erasure.deadline(enrolment),
        "may_leave": erasure.may_leave(enrolment),
        "has_withdrawn": enrolment.state == EnrolmentState.WITHDRAWN,
        "is_under_way": enrolment.state == EnrolmentState.ACTIVE and not enrolment.study.is_closed,
        "enrolment": enrolment,
        "contact": study_of(enrolment).design.texts.contact,
        "own_data": reverse("own_data", args=[enrolment.study.public_id]),
        "back": reverse("run", args=[enrolment.study.public_id]),
    }


@the_participant("GET")
def own_data_file(request: HttpRequest, enrolment: Enrolment) -> HttpResponse:
    """Everything kept of the person, to take away."""
    return _file(own_data_json(enrolment, identity_of(enrolment)), "my-data.json", "application/json")


@the_participant("GET")
def own_code(request: HttpRequest, enrolment: Enrolment) -> HttpResponse:
    """The personal code as a small text file."""
    with translation.override(study_of(enrolment).design.language):
        text = gettext(
            "Your personal code: %(code)s\n\nWith it you can see, download, withdraw or erase your data:\n%(address)s\n"
        )
        address = request.build_absolute_uri(reverse("find_data"))
        return _file(text % {"code": data_code(enrolment), "address": address}, "my-code.txt", "text/plain")


def _file(text: str, name: str, kind: str) -> HttpResponse:
    response = HttpResponse(text, content_type=f"{kind}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@the_participant("GET", "POST")
def withdraw(request: HttpRequest, enrolment: Enrolment) -> HttpResponse:
    """Asks first; then the person's answers are left out of everything, or erased, as the study said."""
    study = study_of(enrolment)
    back = reverse("run", args=[enrolment.study.public_id])
    with translation.override(study.design.language):
        if request.method == "POST":
            try:
                is_erased = erasure.leave(enrolment_id=enrolment.pk)
            except WrongState as error:
                return _too_late(request, error)
            return _forget_browser(enrolment) if is_erased else HttpResponseRedirect(back, status=303)
        if enrolment.state == EnrolmentState.WITHDRAWN:
            return HttpResponseRedirect(back, status=303)
        context = {"rights": study.design.rights, **_ways(enrolment)}
        return answer_with(request, Page("studyapp/participant/withdraw.html", gettext("Stop and withdraw?"), context))


@the_participant("GET", "POST")
def erase(request: HttpRequest, enrolment: Enrolment) -> HttpResponse:
    """Asks first; then everything of the person is erased."""
    with translation.override(study_of(enrolment).design.language):
        if request.method == "POST":
            try:
                erasure.erase_own(enrolment_id=enrolment.pk)
            except WrongState as error:
                return _too_late(request, error)
            return _forget_browser(enrolment)
        page = Page("studyapp/participant/erase.html", gettext("Erase your data?"), _ways(enrolment))
        return answer_with(request, page)


def _forget_browser(enrolment: Enrolment) -> HttpResponse:
    """The key to the run goes. Its number stays a minute, so that the page can delete what waits on the device."""
    response = HttpResponseRedirect(reverse("erased"), status=303)
    response.delete_cookie(cookie_name(enrolment.study.public_id))
    response.set_cookie(
        ERASED_COOKIE,
        enrolment.code,
        max_age=60,
        path=reverse("erased"),
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    return response


def _too_late(request: HttpRequest, error: WrongState) -> HttpResponse:
    return errors.error_page(
        request, 409, gettext("It is too late for that here"), str(error), gettext("Nothing was changed.")
    )


@anyone("GET")
def erased(request: HttpRequest) -> HttpResponse:
    """Says that it is done. It cannot say whose data it was: nobody knows any more."""
    number = request.COOKIES.get(ERASED_COOKIE, "")
    context = {"run": number if number.isascii() and number.isalnum() else ""}
    return answer_with(request, Page("studyapp/participant/erased.html", gettext("Your data are erased"), context))


@the_participant("POST")
def consent_anew(request: HttpRequest, enrolment: Enrolment) -> HttpResponse:
    """Agreement to an amended text, before the next screen."""
    version = request.POST.get("version", "")
    if version.isascii() and version.isdigit() and len(version) <= 5:
        consent_again(enrolment_id=enrolment.pk, version=int(version))
    return HttpResponseRedirect(reverse("run", args=[enrolment.study.public_id]), status=303)

"""The participant's side: from an invitation to the completion code. The server alone knows where a person is."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import replace

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext

from studyapp.actions import respond
from studyapp.actions.arrivals import proven
from studyapp.actions.consent_texts import current_text
from studyapp.actions.enrol import (
    Arrival,
    check_not_excluded,
    check_open,
    decline,
    enrol,
    find_enrolment,
    read_arrival,
)
from studyapp.errors import AnswerInvalid, ConsentChanged, KeyReused, MaterialMissing, NotEligible, TrialNotOpen
from studyapp.models import Enrolment, Link
from studyapp.models.frozen import FrozenStudy, frozen_by_study, study_of
from studyapp.models.participants import EnrolmentState
from studyapp.models.quality import Proof
from studyapp.models.runs import link_by_token
from studyapp.screens import parse_answer, screen_at
from studyapp.views import errors
from studyapp.views.doors import anyone, open_run
from studyapp.views.doors import participant as the_participant
from studyapp.views.participant_facts import read_response_ms, read_trail, server_interval_ms
from studyapp.views.participant_pages import Page, amended_page, answer_with, ended_page, place_of, screen_page
from studyapp.views.participant_stamp import (
    Stamp,
    StampInvalid,
    carried,
    carry,
    new_stamp,
    now_ms,
    read_stamp,
)

VISITOR_COOKIE = "visitor"
VISITOR = re.compile(r"[A-Za-z0-9_-]{32}")
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,43}")
ID_NAMES = ("PROLIFIC_PID", "workerId", "participant")


# --- the invitation ------------------------------------------------------------------------------------------


@anyone("GET", "POST")
def join(request: HttpRequest, token: str) -> HttpResponse:
    """The consent page. Looking at it writes nothing: link scanners and prefetching take no place."""
    link = _link(token)
    if link is None:
        return errors.page_not_found(request)
    with translation.override(_language(link)):
        try:
            response = _decide(request, link) if request.method == "POST" else _invite(request, link)
        except NotEligible as reason:
            response = _not_eligible(request, reason)
        except signing.BadSignature:
            response = errors.bad_request(request)
    add_never_cache_headers(response)
    # The panel's own address names the person: nothing that this page asks for may carry it on.
    response["Referrer-Policy"] = "strict-origin"
    return response


def _link(token: str) -> Link | None:
    return link_by_token(token) if TOKEN.fullmatch(token) else None


def _language(link: Link) -> str:
    study = link.stage.study
    return settings.LANGUAGE_CODE if study.is_draft else frozen_by_study(study.pk).design.language


def _invite(request: HttpRequest, link: Link) -> HttpResponse:
    arrival = proven(link, _arrival(request))
    visitor = _visitor(request)
    if not arrival.is_preview and (known := _known(link, arrival, visitor)):
        return _to_run(known)
    check_open(link)
    check_not_excluded(link, arrival, visitor)
    response = _consent_page(request, link, arrival)
    if not visitor:
        _remember_visitor(response, secrets.token_urlsafe(24))
    return response


def _decide(request: HttpRequest, link: Link) -> HttpResponse:
    brought = carried(request.POST.get("arrival", ""), link.token)
    arrival = replace(read_arrival(brought.parameters), proof=Proof(brought.proof))
    decision = request.POST.get("decision")
    if arrival.is_preview:
        return _consent_page(request, link, arrival)
    if decision == "decline":
        decline(link=link)
        return HttpResponseRedirect(reverse("declined"), status=303)
    if decision != "consent":
        return _consent_page(request, link, arrival, status=422)
    visitor = _visitor(request) or secrets.token_urlsafe(24)
    try:
        enrolment = enrol(link=link, arrival=arrival, visitor=visitor, consent_version=_version(request))
    except ConsentChanged:  # it was amended while this page was read
        return _consent_page(request, link, arrival, status=409)
    response = _to_run(enrolment)
    _remember_visitor(response, visitor)
    return response


def _arrival(request: HttpRequest) -> Arrival:
    """Who comes; the same id twice with different values is nobody."""
    if any(len(set(request.GET.getlist(name))) > 1 for name in ID_NAMES):
        raise NotEligible(gettext("This link names two different people. Open the study again from your invitation."))
    return read_arrival(request.GET.dict())


def _known(link: Link, arrival: Arrival, visitor: str) -> Enrolment | None:
    # Without any of the three there is nothing to know somebody by; an empty visitor must not be an identity.
    if not (arrival.panel_id or visitor or link.is_single_use):
        return None
    return find_enrolment(link, arrival, visitor)


def _visitor(request: HttpRequest) -> str:
    value = request.COOKIES.get(VISITOR_COOKIE, "")
    return value if VISITOR.fullmatch(value) else ""


def _remember_visitor(response: HttpResponse, visitor: str) -> None:
    response.set_cookie(
        VISITOR_COOKIE,
        visitor,
        max_age=365 * 24 * 3600,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def _to_run(enrolment: Enrolment) -> HttpResponse:
    # The address after this holds no panel id: nothing to leak by Referer, history or a shared screen.
    response = HttpResponseRedirect(reverse("run", args=[enrolment.study.public_id]), status=303)
    open_run(response, enrolment)
    return response


def _consent_page(request: HttpRequest, link: Link, arrival: Arrival, status: int = 200) -> HttpResponse:
    design = frozen_by_study(link.stage.study_id).design
    page = Page(
        "studyapp/participant/consent.html",
        gettext("Before you take part"),
        {
            "design": design,
            "text": current_text(link.stage.study),
            "until_days": design.rights.until_days,
            "arrival": carry(arrival.parameters, arrival.proof, link.token),
            "action": reverse("join", args=[link.token]),
            "is_preview": arrival.is_preview,
            "is_undecided": status == 422,
            "has_changed": status == 409,
        },
    )
    return answer_with(request, page, status)


def _version(request: HttpRequest) -> int:
    """The version of the consent text that the page showed; 0 is none."""
    version = request.POST.get("version", "")
    return int(version) if version.isascii() and version.isdigit() and len(version) <= 5 else 0


def _not_eligible(request: HttpRequest, reason: NotEligible) -> HttpResponse:
    page = Page("studyapp/participant/not_eligible.html", gettext("You cannot begin now"), {"reason": reason.reason})
    return answer_with(request, page, 403)


@anyone("GET")
def declined(request: HttpRequest) -> HttpResponse:
    """Thanks to somebody who said no."""
    return answer_with(request, Page("studyapp/participant/declined.html", gettext("Thank you"), {}))


# --- the run ---------------------------------------------------------------------------------------------------


@the_participant("GET", "POST")
def run(request: HttpRequest, enrolment: Enrolment) -> HttpResponse:
    """The screen where the person is, and the answer to it."""
    study = study_of(enrolment)
    with translation.override(study.design.language):
        try:
            if request.method == "POST":
                return _receive(request, enrolment, study)
            return answer_with(request, _page(request, enrolment, study))
        except MaterialMissing:
            return errors.not_ready(request)


def _receive(request: HttpRequest, enrolment: Enrolment, study: FrozenStudy) -> HttpResponse:
    try:
        stamp = read_stamp(request.POST.get("stamp", ""), enrolment)
    except StampInvalid:
        return errors.bad_request(request)
    is_here = (stamp.position, stamp.attempt) == (enrolment.position, enrolment.attempt)
    try:
        submission = _submission(request.POST, stamp, enrolment, study)
        moved = respond.record_response(enrolment_id=enrolment.pk, submission=submission)
    except AnswerInvalid as error:
        if is_here and respond.is_open(enrolment):
            return _ask_again(request, enrolment, study, stamp, error)
        return _go_on(request, enrolment, study)
    except TrialNotOpen:
        enrolment.refresh_from_db(fields=["position", "attempt", "state", "arm"])
        return _go_on(request, enrolment, study, notice=gettext("You answered that screen before. Go on from here."))
    except KeyReused:
        return errors.conflict(request)
    return _go_on(request, moved, study)


def _submission(data: Mapping[str, str], stamp: Stamp, enrolment: Enrolment, study: FrozenStudy) -> respond.Submission:
    step = study.steps(enrolment.order_seed)[stamp.position]
    return respond.Submission(
        key=stamp.key,
        position=stamp.position,
        attempt=stamp.attempt,
        answer=parse_answer(study, step, data),
        response_ms=read_response_ms(data),
        server_ms=server_interval_ms(stamp.served_at_ms, now_ms()),
        trail=read_trail(data, ahead=stamp.served_at_ms is None),
    )


def _go_on(request: HttpRequest, enrolment: Enrolment, study: FrozenStudy, notice: str = "") -> HttpResponse:
    """The next screen at once for our script, so that a page costs one request; a redirect for a plain form."""
    if request.headers.get("X-Requested-With") == "foretell":
        return answer_with(request, _page(request, enrolment, study, notice))
    return HttpResponseRedirect(reverse("run", args=[enrolment.study.public_id]), status=303)


def _ask_again(
    request: HttpRequest, enrolment: Enrolment, study: FrozenStudy, stamp: Stamp, error: AnswerInvalid
) -> HttpResponse:
    # The same stamp again: the interval counts from the first serving, and what was chosen stays chosen.
    screen = screen_at(study, place_of(enrolment))
    chosen = request.POST.dict()
    page = screen_page(request, screen, stamp=stamp.text, run=enrolment.code, chosen=chosen, error=error)
    return answer_with(request, page, 422)


def _page(request: HttpRequest, enrolment: Enrolment, study: FrozenStudy, notice: str = "") -> Page:
    if enrolment.state != EnrolmentState.ACTIVE or enrolment.study.is_closed:
        return ended_page(enrolment, study)
    if enrolment.must_consent_again:
        return amended_page(enrolment, study)
    screen = screen_at(study, place_of(enrolment))
    return screen_page(request, screen, stamp=new_stamp(enrolment).text, run=enrolment.code, notice=notice)

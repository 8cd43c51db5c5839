"""Calm pages for what goes wrong: what happened, that nothing is lost, and what to do next."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from urllib.parse import urlencode

from django.conf import settings
from django.core import signing
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.translation import gettext

from studyapp.views.participant_pages import Page, answer_with
from studyapp.views.participant_stamp import carried

# Addresses of participants: their way back is the invitation, not the console.
RUN_VIEWS = frozenset({"run", "withdraw", "ahead", "offline", "own_data", "erase", "consent_again"})


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: what came cannot be read."""
    return error_page(
        request,
        400,
        gettext("This page could not be read"),
        gettext("Something in the address or the form was not as expected. Nothing was changed."),
        gettext("Go back and try again, or open your link anew."),
    )


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: known, but not allowed."""
    return error_page(
        request,
        403,
        gettext("This is not open to you"),
        str(exception) if exception and exception.args else gettext("Your role does not allow this."),
        gettext("Ask the owner of the study if you need it."),
    )


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: no such page, or none that this person may know of."""
    match = request.resolver_match
    if match is not None and match.view_name in RUN_VIEWS:
        return no_run_here(request)
    return error_page(
        request,
        404,
        gettext("There is no page here"),
        gettext("The address may be incomplete, or what it named is gone."),
        gettext("Check the address, or open the link that you were given again."),
    )


def no_run_here(request: HttpRequest) -> HttpResponse:
    """404 at a run's address: this browser does not hold its key."""
    return error_page(
        request,
        404,
        gettext("We do not know this browser yet"),
        gettext("Your answers so far are kept. This browser just does not know whose they are."),
        gettext("Open your invitation link again, the one with which you began. You go on where you stopped."),
    )


def conflict(request: HttpRequest) -> HttpResponse:
    """409: an answer that differs from the one sent before under the same key."""
    return error_page(
        request,
        409,
        gettext("This answer was already sent"),
        gettext("A different answer to this screen arrived before. The first one is kept."),
        gettext("Go on with the study."),
        link=request.path,
    )


def not_allowed(request: HttpRequest, methods: Sequence[str]) -> HttpResponse:
    """405: an address that is not used in this way."""
    response = error_page(
        request,
        405,
        gettext("This page could not be read"),
        gettext("This address does not take what was sent. Nothing was changed."),
        gettext("Go back and use the buttons of the page."),
    )
    response["Allow"] = ", ".join(methods)
    return response


def too_large(request: HttpRequest) -> HttpResponse:
    """413: more than this address takes."""
    return error_page(
        request,
        413,
        gettext("That was too large"),
        gettext("More was sent than this page takes. Nothing was changed."),
        gettext("Go back and send less: a design is at most 1 MB."),
    )


def length_required(request: HttpRequest) -> HttpResponse:
    """411: a body whose end nobody knows. Browsers and proxies always say how long theirs is."""
    return error_page(
        request,
        411,
        gettext("This page could not be read"),
        gettext("What was sent does not say how long it is. Nothing was changed."),
        gettext("Go back and try again, or open your link anew."),
    )


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """429: slower, please."""
    response = error_page(
        request,
        429,
        gettext("That was a little too fast"),
        gettext("Too many attempts came from here in a short time."),
        gettext("Wait a minute and try again."),
    )
    response["Retry-After"] = "60"
    return response


def not_ready(request: HttpRequest) -> HttpResponse:
    """503: something the study needs is still being prepared."""
    response = error_page(
        request,
        503,
        gettext("The study is not quite ready"),
        gettext("Something it shows is still being prepared. Your answers so far are kept."),
        gettext("Open this page again in a few minutes."),
        link=request.path,
    )
    response["Retry-After"] = "60"
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """500, from a template that needs nothing: no database, no context; 503 while the database is away or too busy."""
    is_passing = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    response = HttpResponse(render_to_string("500.html"), status=503 if is_passing else 500)
    if is_passing:
        response["Retry-After"] = "10"
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form did not come from a page of ours, or cookies are switched off.

    Two tabs that open a link at the same moment give each other's first form a stale token: that one asks again.
    """
    again = _consent_again(request)
    if again is not None:
        return again
    return error_page(
        request,
        403,
        gettext("The form could not be accepted"),
        gettext("It was open for too long, or this browser does not keep cookies, which this site needs."),
        gettext("Allow cookies for this site, then open the page again. Answers that were saved are kept."),
    )


def _consent_again(request: HttpRequest) -> HttpResponse | None:
    match = request.resolver_match
    has_both = settings.CSRF_COOKIE_NAME in request.COOKIES and "csrfmiddlewaretoken" in request.POST
    if match is None or match.view_name != "join" or not has_both:
        return None
    try:
        parameters = carried(request.POST.get("arrival", ""), match.kwargs["token"]).parameters
    except signing.BadSignature:
        return None
    query = f"?{urlencode(parameters)}" if parameters else ""
    return HttpResponseRedirect(request.path + query, status=303)


def error_page(
    request: HttpRequest, status: int, heading: str, what: str, next_step: str, link: str = ""
) -> HttpResponse:
    """One look for all of them."""
    context = {"what": what, "next_step": next_step, "link": link}
    return answer_with(request, Page("studyapp/participant/error.html", heading, context), status)

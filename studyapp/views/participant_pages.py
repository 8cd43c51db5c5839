"""Which page stands for where a person is, and how a page is answered: whole, or its `<main>` for our script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from studyapp.actions.consent_texts import current_text
from studyapp.actions.data_code import data_code
from studyapp.actions.erasure import deadline
from studyapp.actions.respond import holds_every_response
from studyapp.errors import AnswerInvalid
from studyapp.models import Enrolment
from studyapp.models.frozen import FrozenStudy
from studyapp.models.participants import EnrolmentState
from studyapp.screens import Place, Screen
from studyapp.views.participant_screen import render_screen


@dataclass(frozen=True)
class Page:
    """A template that renders a `<main>`, its title and what it is made of; or the `<main>` itself."""

    template: str
    title: str
    context: Mapping[str, object] = field(default_factory=dict)
    main: SafeString | None = None


def answer_with(request: HttpRequest, page: Page, status: int = 200) -> HttpResponse:
    """Our script gets the `<main>` alone; it keeps the rest of the page as it is."""
    main = page.main
    if main is None:
        main = render_to_string(page.template, {"title": page.title, **page.context}, request)
    if request.headers.get("X-Requested-With") == "foretell":
        return HttpResponse(main, status=status)
    whole = render_to_string("studyapp/participant/page.html", {"title": page.title, "main": main}, request)
    return HttpResponse(whole, status=status)


def place_of(enrolment: Enrolment) -> Place:
    """Where an enrolment stands, as `screens` wants to know it."""
    return Place(enrolment.order_seed, enrolment.position, enrolment.attempt, enrolment.arm)


def screen_page(
    request: HttpRequest,
    screen: Screen,
    *,
    stamp: str,
    run: str,
    chosen: Mapping[str, str] | None = None,
    error: AnswerInvalid | None = None,
    notice: str = "",
) -> Page:
    """The page of a screen that waits for an answer."""
    main = render_screen(request, screen, stamp=stamp, run=run, chosen=chosen, error=error, notice=notice)
    return Page(screen.template, screen.content.heading, main=main)


def amended_page(enrolment: Enrolment, study: FrozenStudy) -> Page:
    """An amended consent text, in the place of the next screen."""
    context = {
        "run": enrolment.code,
        "design": study.design,
        "text": current_text(enrolment.study),
        "action": reverse("consent_again", args=[enrolment.study.public_id]),
        "withdraw": reverse("withdraw", args=[enrolment.study.public_id]),
    }
    return Page("studyapp/participant/amended.html", gettext("The information about this study has changed"), context)


def ended_page(enrolment: Enrolment, study: FrozenStudy) -> Page:
    """The page of somebody for whom there is nothing left to answer."""
    match enrolment.state:
        case EnrolmentState.COMPLETED:
            return _debrief(enrolment, study)
        case EnrolmentState.SCREENED_OUT:
            return _ended(
                enrolment,
                study,
                gettext("You cannot go on with this study"),
                gettext(
                    "The questions about the instructions were not answered as this study needs. Thank you for trying."
                ),
            )
        case EnrolmentState.NOT_ALLOCATED:
            return _ended(
                enrolment,
                study,
                gettext("The study is full"),
                gettext("The last place was taken while you were reading the instructions. We are sorry."),
            )
        case EnrolmentState.WITHDRAWN:
            return _ended(
                enrolment,
                study,
                gettext("You have withdrawn"),
                gettext("You stopped the study. Your answers will not be used. Thank you for your time."),
                is_late=True,
            )
    return _ended(
        enrolment,
        study,
        gettext("The study has ended"),
        gettext("It closed before your last answer. What you answered until then is kept. Thank you."),
        is_late=True,
    )


def _ended(enrolment: Enrolment, study: FrozenStudy, heading: str, what: str, *, is_late: bool = False) -> Page:
    # Late: what a browser may still hold back is not taken any more, and it is told so.
    contact = study.design.texts.contact
    context = {"run": enrolment.code, "what": what, "contact": contact, "is_late": is_late, **_own(enrolment)}
    return Page("studyapp/participant/ended.html", heading, context)


def _own(enrolment: Enrolment) -> dict[str, object]:
    """How the person comes back to their data."""
    return {
        "enrolment": enrolment,
        "data_code": data_code(enrolment),
        "deadline": deadline(enrolment),
        "own_data": reverse("own_data", args=[enrolment.study.public_id]),
    }


def _debrief(enrolment: Enrolment, study: FrozenStudy) -> Page:
    # The code is put on the page only when the database holds an answer to every screen.
    completion = study.design.completion if holds_every_response(enrolment, study) else None
    context = {"design": study.design, "completion": completion, "code": enrolment.code, **_own(enrolment)}
    return Page("studyapp/participant/debrief.html", gettext("Thank you, you are done"), context)

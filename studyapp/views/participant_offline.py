"""What lets a browser go on without a network: screens ahead of their turn, a page to wait on, and its worker.

A screen goes ahead only when it tells no answer and depends on none (`screens.stretch`); its stamp opens nothing, for
answers count in the order of the screens alone.
"""

from __future__ import annotations

import uuid
from functools import lru_cache
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from studyapp.actions.respond import is_open
from studyapp.models import Enrolment
from studyapp.models.frozen import FrozenStudy, study_of
from studyapp.screens import Place, screen_at, stretch
from studyapp.views.doors import anyone
from studyapp.views.doors import participant as the_participant
from studyapp.views.participant_pages import Page, answer_with
from studyapp.views.participant_screen import render_screen
from studyapp.views.participant_stamp import stamp_ahead

# What a phone can take at once; the browser asks again before it runs out.
MOST_SCREENS = 48
MOST_CHARACTERS = 1_500_000

WORKER = Path(__file__).resolve().parent.parent / "static" / "studyapp" / "js" / "worker.js"


@the_participant("GET")
def ahead(request: HttpRequest, enrolment: Enrolment) -> HttpResponse:
    """The screens of the stretch in which the person is, from this one on: each a `<main>` with its own stamp."""
    if not (enrolment.arm and is_open(enrolment)) or enrolment.must_consent_again:
        return HttpResponse()
    study = study_of(enrolment)
    with translation.override(study.design.language):
        return HttpResponse("\n".join(_screens(request, enrolment, study)))


def _screens(request: HttpRequest, enrolment: Enrolment, study: FrozenStudy) -> list[SafeString]:
    steps = study.steps(enrolment.order_seed)
    screens: list[SafeString] = []
    for step in stretch(study, steps[enrolment.position :])[:MOST_SCREENS]:
        screen = screen_at(study, Place(enrolment.order_seed, step.position, 1, enrolment.arm))
        stamp = stamp_ahead(enrolment, step.position).text
        screens.append(render_screen(request, screen, stamp=stamp, run=enrolment.code))
        if sum(map(len, screens)) > MOST_CHARACTERS:
            break
    return screens


@the_participant("GET")
def offline(request: HttpRequest, enrolment: Enrolment) -> HttpResponse:
    """The page that the worker keeps for a reload without network. It names nobody and shows nothing of the study."""
    with translation.override(study_of(enrolment).design.language):
        return answer_with(request, Page("studyapp/participant/offline.html", gettext("Waiting for the connection")))


@anyone("GET")
def worker(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The service worker of a run, under the run's own address, so that it can reach nothing else."""
    response = HttpResponse(_worker_script(), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response


@lru_cache(maxsize=1)
def _worker_script() -> str:
    return WORKER.read_text("utf-8")

"""Addresses as no site of ours has them: a run is named by its panel id. For the control of promise 33 alone."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from studyapp.actions.payments import identity_of
from studyapp.models import Enrolment
from studyapp.views import participant
from studyapp.views.doors import participant as the_participant

plain = participant._to_run


def to_named_run(enrolment: Enrolment) -> HttpResponse:
    response = plain(enrolment)
    response["Location"] += identity_of(enrolment)["parameters"]["PROLIFIC_PID"] + "/"
    return response


participant._to_run = to_named_run


@the_participant("GET", "POST")
def named_run(request: HttpRequest, enrolment: Enrolment, pid: str) -> HttpResponse:
    return participant.run._view(request, enrolment=enrolment)


urlpatterns = [path("run/<uuid:public_id>/<str:pid>/", named_run), path("", include("studyapp.urls"))]

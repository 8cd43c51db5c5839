"""Promise 7: looking at a link allocates nothing, whoever looks, however, and however often."""

from __future__ import annotations

import itertools

import pytest
from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.test import Client

from studyapp.actions.enrol import enrol, read_arrival
from studyapp.models import Link
from studyapp.views import participant
from tests import factories
from tests.promises.ledger import Reached, scale

pytestmark = pytest.mark.django_db

# Who opens links without being anybody: previews of messengers, scanners of mail, browsers that guess ahead.
LOOKERS = (
    {"HTTP_USER_AGENT": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
    {"HTTP_USER_AGENT": "facebookexternalhit/1.1"},
    {"HTTP_USER_AGENT": "WhatsApp/2.23.20.0"},
    {"HTTP_USER_AGENT": "Mozilla/5.0 (compatible; Barracuda Sentinel)"},
    {"HTTP_PURPOSE": "prefetch"},
    {"HTTP_SEC_PURPOSE": "prefetch;prerender"},
    {"HTTP_X_MOZ": "prefetch"},
    {"HTTP_CACHE_CONTROL": "no-cache"},
    {},
)
QUERIES = ("", "?PROLIFIC_PID=5f1e&STUDY_ID=st&SESSION_ID=se", "?workerId=A1&assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE")


def rows() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in apps.get_app_config("studyapp").get_models()}


def what_looking_writes(link: Link, times: int) -> dict[str, int]:
    """Rows that are there after that many looks and were not before."""
    before = rows()
    reloading = Client()
    looks = itertools.cycle(itertools.product(("get", "head", "options"), LOOKERS, QUERIES))
    for number, (method, headers, query) in zip(range(times), looks, strict=False):
        client = reloading if number % 2 else Client()
        reply = getattr(client, method)(f"/join/{link.token}/{query}", **headers)
        assert reply.status_code in {200, 303, 405}
    return {name: count - before[name] for name, count in rows().items() if count != before[name]}


@pytest.mark.promise(7)
def test_a_thousand_looks_at_a_link_write_nothing(reached: Reached) -> None:
    link = factories.main_link(factories.make_open())
    times = scale(full=1_000, quick=200)

    assert what_looking_writes(link, times) == {}
    link.stage.refresh_from_db()
    assert link.stage.allocated == 0
    reached(f"{times:,} looks: 0 rows of any kind, 0 places used")


@pytest.mark.control(7, "the link enrols on GET")
def test_a_link_that_enrols_whoever_looks_is_seen(monkeypatch: pytest.MonkeyPatch, reached: Reached) -> None:
    invite = participant._invite

    def eager(request: HttpRequest, link: Link) -> HttpResponse:
        visitor = request.COOKIES.get("visitor", "someone")
        enrol(link=link, arrival=read_arrival({}), visitor=visitor, consent_version=1)
        return invite(request, link)

    monkeypatch.setattr(participant, "_invite", eager)
    written = what_looking_writes(factories.main_link(factories.make_open()), 20)
    assert written["Enrolment"] > 0
    reached(f"{written['Enrolment']} people enrolled by 20 looks")

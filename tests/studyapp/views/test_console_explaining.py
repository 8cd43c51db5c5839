"""The card of a frozen study's explanations: how far each arm is, in words, and the buttons that stop and go on."""

from __future__ import annotations

import html
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from studyapp.models import Explanation, Job, Role, Study, User
from studyapp.models.jobs import JobState
from studyapp.queue import claim
from tests.factories import add_member, make_explanations_ready, make_frozen, owner_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(db: None) -> Study:
    """Three arms with four examples each, which no worker has begun."""
    return make_frozen(explained=False)


def page(name: str, study: Study) -> str:
    return reverse(name, kwargs={"public_id": study.public_id})


def signed_in(user: User, *, checks_csrf: bool = False) -> Client:
    client = Client(enforce_csrf_checks=checks_csrf)
    client.force_login(user)
    return client


def shown(study: Study, role: Role = Role.OWNER, name: str = "study") -> str:
    user = owner_of(study.lab) if role == Role.OWNER else add_member(study.lab, role)
    return html.unescape(signed_in(user).get(page(name, study)).content.decode())


def arms(text: str) -> list[str]:
    """The rows of the table, as they are read."""
    table = re.search(r'aria-label="Explanations by arm".*?<tbody>(.*?)</tbody>', text, re.DOTALL)
    assert table is not None
    rows = table.group(1).split("</tr>")[:-1]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


def press(study: Study, name: str) -> str:
    return html.unescape(signed_in(owner_of(study.lab)).post(page(name, study), follow=True).content.decode())


def test_every_arm_says_how_many_items_are_there_and_what_becomes_of_the_rest(study: Study) -> None:
    ready, computing, _ = Job.objects.filter(study=study).order_by("created_at")
    Explanation.objects.filter(job=ready).update(state="failed", error="the weights are gone")
    claim(ready.pk).finish()
    claim(computing.pk)

    text = shown(study)

    assert sorted(row.split(" 0 of 4 ")[1] for row in arms(text)) == ["4 failed", "computing", "waiting for a worker"]
    assert text.count("</strong> the weights are gone") == 1


def test_stopping_and_going_on_by_the_buttons(study: Study) -> None:
    waiting = shown(study)
    stopped = press(study, "stop_explanations")
    assert {row.split(" 0 of 4 ")[1] for row in arms(stopped)} == {"stopped"}
    going_on = press(study, "resume_explanations")

    assert (page("stop_explanations", study) in waiting, page("resume_explanations", study) in waiting) == (True, False)
    assert (page("stop_explanations", study) in stopped, page("resume_explanations", study) in stopped) == (False, True)
    assert "Stopped. What is computed stays" in stopped
    assert "It was stopped; press “Go on” to compute the others." in stopped
    assert {row.split(" 0 of 4 ")[1] for row in arms(going_on)} == {"waiting for a worker"}


def test_a_rehearsal_can_begin_when_every_explanation_is_there(study: Study) -> None:
    possible = "<button>Start a rehearsal</button>"
    assert possible not in shown(study)

    make_explanations_ready(study)
    assert possible in shown(study)


def test_a_stopped_study_is_not_asked_after_and_one_under_way_is(study: Study) -> None:
    client = signed_in(owner_of(study.lab))
    asking = client.get(page("explanations", study))
    press(study, "stop_explanations")
    over = client.get(page("explanations", study))

    assert ("hx-trigger" in asking.content.decode(), "HX-Refresh" in asking) == (True, False)
    assert ("hx-trigger" in over.content.decode(), over["HX-Refresh"]) == (False, "true")


def test_who_may_not_design_sees_how_far_it_is_and_no_button(study: Study) -> None:
    for name in ("study", "explanations"):
        read = shown(study, Role.ANALYST, name)
        assert len(arms(read)) == 3
        assert page("stop_explanations", study) not in read
    assert page("stop_explanations", study) in shown(study, Role.DESIGNER, "explanations")


def test_a_press_without_the_forms_own_token_changes_nothing(study: Study) -> None:
    client = signed_in(owner_of(study.lab), checks_csrf=True)

    assert client.post(page("stop_explanations", study)).status_code == 403
    assert Job.objects.unfinished().filter(study=study).count() == 3


def test_a_press_that_comes_too_late_says_so(study: Study) -> None:
    Job.objects.update(state=JobState.DONE)
    Explanation.objects.update(state="failed", error="no")

    assert "Nothing is being computed." in press(study, "stop_explanations")
    assert "Nothing was stopped" in press(study, "resume_explanations")


def test_the_card_costs_as_many_queries_however_many_arms_have_failed(study: Study) -> None:
    client = signed_in(owner_of(study.lab))

    def n_queries() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(page("explanations", study))
        return len(queries)

    waiting = n_queries()
    Explanation.objects.update(state="failed", error="no")

    assert n_queries() == waiting + 2  # the reasons, of the whole and of the arms

"""Dates that act: by a moved clock, what is due goes, once, with an entry in the trail."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from studyapp.actions.lifecycle import close_study
from studyapp.actions.payments import held_ids, keep_ids_until, payment_done, reveal_payments
from studyapp.actions.retention import act_on_study, ask_for_today, closed_at, dates_of
from studyapp.errors import WrongState
from studyapp.models import Assignment, AuditEntry, Enrolment, Job, PanelIdentity, Response, Study
from tests import factories
from tests.studyapp.actions.test_whole_run import arrive, run_through

pytestmark = pytest.mark.django_db

RIGHTS = {"panel_ids_days": 30, "trail_days": 90, "data_days": 365}


@pytest.fixture
def closed(db) -> Study:
    study = factories.make_open(document=factories.small_document(rights=RIGHTS))
    for number in range(2):
        run_through(arrive(study, f"pid-{number}"))
    close_study(study=study, actor=factories.owner_of(study.lab))
    return Study.objects.get(pk=study.pk)


def after(study: Study, days: int) -> None:
    """What the job does so many days after the close; an open study never closed, so its days count from now."""
    act_on_study(study, (closed_at(study) or timezone.now()).date() + timedelta(days=days))


def verbs(study: Study) -> list[str]:
    done = {"dropped panel ids", "emptied trails", "erased", "erased the data"}
    return list(AuditEntry.objects.filter(study=study, actor="system", verb__in=done).values_list("verb", flat=True))


def test_the_dates_count_from_the_close(closed):
    at = AuditEntry.objects.get(study=closed, verb="closed").at.date()
    dates = dates_of(closed)
    assert (dates.closed, dates.panel_ids) == (at, at + timedelta(days=30))
    assert (dates.trails, dates.data) == (at + timedelta(days=90), at + timedelta(days=365))


def test_before_its_day_nothing_goes(closed):
    after(closed, 29)
    assert (held_ids(closed), verbs(closed)) == (2, [])


def test_panel_ids_go_on_their_day_and_the_answers_stay(closed):
    n = Response.objects.count()
    after(closed, 30)
    assert (PanelIdentity.objects.count(), Response.objects.count(), verbs(closed)) == (0, n, ["dropped panel ids"])


def test_an_owner_can_keep_panel_ids_longer(closed):
    until = dates_of(closed).closed + timedelta(days=45)
    keep_ids_until(study=closed, until=until, actor=factories.owner_of(closed.lab))
    closed.refresh_from_db()
    after(closed, 44)
    assert held_ids(closed) == 2
    after(closed, 45)
    assert held_ids(closed) == 0


def test_trails_are_emptied_on_their_day_and_nothing_else_of_the_answers(closed):
    before = list(Response.objects.order_by("pk").values_list("answer", "response_ms", "body_sha256"))
    after(closed, 90)
    assert set(map(str, Response.objects.values_list("trail", flat=True))) == {"{}"}
    assert list(Response.objects.order_by("pk").values_list("answer", "response_ms", "body_sha256")) == before
    assert "emptied trails" in verbs(closed)


def test_everybodys_data_go_on_their_day_and_the_allocation_stays(closed):
    after(closed, 365)
    assert (Response.objects.count(), Assignment.objects.count()) == (0, 2)
    assert set(Enrolment.objects.values_list("state", "participant")) == {("completed", None)}
    assert verbs(closed)[-1] == "erased the data"


def test_a_second_run_finds_nothing_to_do(closed):
    after(closed, 365)
    once = verbs(closed)
    after(closed, 366)
    assert verbs(closed) == once


def test_a_study_that_is_open_has_no_dates_and_loses_nothing(db):
    study = factories.make_open()
    run_through(arrive(study))
    after(study, 10_000)
    assert (dates_of(study).closed, held_ids(study)) == (None, 1)


def test_a_day_has_one_job_whoever_asks(db, monkeypatch):
    assert (ask_for_today(), ask_for_today()) == (True, False)
    tomorrow = timezone.now() + timedelta(days=1)
    monkeypatch.setattr(timezone, "now", lambda: tomorrow)
    assert ask_for_today() is True
    assert Job.objects.filter(kind="retention").count() == 2


def test_the_payment_list_says_who_completed_and_no_subject_id_and_the_trail_who_looked(closed):
    owner = factories.owner_of(closed.lab)
    rows = reveal_payments(study=closed, actor=owner)
    assert [(row.panel, row.panel_id, row.state) for row in rows] == [
        ("prolific", "pid-0", "completed"),
        ("prolific", "pid-1", "completed"),
    ]
    assert not set(Enrolment.objects.values_list("code", flat=True)) & set(str(rows).split("'"))
    entry = AuditEntry.objects.get(verb="revealed panel ids")
    assert (entry.actor, entry.after) == (f"user:{owner.pk}", 2)
    assert "pid-0" not in str(AuditEntry.objects.values_list("before", "after", "what"))


def test_payment_done_drops_those_who_have_ended_and_keeps_who_is_under_way(db):
    study = factories.make_open()
    run_through(arrive(study, "done"))
    arrive(study, "under way")
    owner = factories.owner_of(study.lab)
    assert payment_done(study=study, actor=owner) == 1
    assert [row.panel_id for row in reveal_payments(study=study, actor=owner)] == ["under way"]
    with pytest.raises(WrongState, match="No panel id"):
        payment_done(study=study, actor=owner)

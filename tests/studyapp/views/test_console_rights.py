"""The console's page of people's rights: amending, paying, and the words for what goes when."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from studyapp.actions.erasure import leave
from studyapp.actions.lifecycle import close_study
from studyapp.actions.reports import fill_report
from studyapp.models import AuditEntry, ConsentText, Membership, PanelIdentity, Report, Role, Study
from tests import factories
from tests.studyapp.actions.test_whole_run import arrive, run_through

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(db) -> Study:
    study = factories.make_open()
    run_through(arrive(study, "=pid-1"))
    return study


@pytest.fixture
def owner(study) -> Client:
    client = Client()
    client.force_login(factories.owner_of(study.lab))
    return client


def page(study: Study, name: str = "") -> str:
    return f"/studies/{study.public_id}/rights/{name}"


def test_a_draft_says_that_it_has_no_participants(db):
    study = factories.make_draft()
    client = Client()
    client.force_login(factories.owner_of(study.lab))
    assert "A draft has no participants" in client.get(page(study)).content.decode()


def test_the_page_shows_each_version_and_how_many_agreed(study, owner):
    text = owner.get(page(study)).content.decode()
    assert ("the frozen design" in text, "1 panel id is kept" in text) == (True, True)
    assert "30 days after closing" in text


def test_an_amendment_needs_a_reason_and_an_approval(study, owner):
    refused = owner.post(page(study, "consent/"), {"text": "Other."})
    assert (refused.status_code, ConsentText.objects.count()) == (422, 1)

    sent = {"text": "Other.", "reason": "Better words.", "approval_number": "EB 7a", "asks_again": "on"}
    assert owner.post(page(study, "consent/"), sent).status_code == 302

    made = ConsentText.objects.get(version=2)
    assert (made.text, made.reason, made.asks_again) == ("Other.", "Better words.", True)
    assert "Better words." in owner.get(page(study)).content.decode()


def test_the_payment_list_is_a_file_without_formulas_and_leaves_an_entry(study, owner):
    reply = owner.post(page(study, "payments.csv"))
    assert reply["Content-Disposition"].endswith('-payments.csv"')
    assert reply.content.decode().splitlines() == [
        "panel,panel_id,state,other_parameters",
        "prolific,'=pid-1,completed,",
    ]
    assert AuditEntry.objects.filter(verb="revealed panel ids").count() == 1


def test_looking_never_reveals_and_a_designer_sees_no_list(study, owner):
    assert owner.get(page(study, "payments.csv")).status_code == 405
    designer = Client()
    designer.force_login(factories.add_member(study.lab, Role.DESIGNER))
    assert designer.post(page(study, "payments.csv")).status_code == 403
    assert "Download the list" not in designer.get(page(study)).content.decode()


def test_payment_done_asks_first_and_then_drops(study, owner):
    asked = owner.get(page(study, "paid/")).content.decode()
    assert ("Payment is done?" in asked, PanelIdentity.objects.count()) == (True, 1)
    done = owner.post(page(study, "paid/"), follow=True).content.decode()
    assert ("1 panel id is deleted" in done, PanelIdentity.objects.count()) == (True, 0)
    assert "No panel id is kept" in owner.post(page(study, "paid/"), follow=True).content.decode()


def test_panel_ids_can_be_kept_until_a_day_within_a_year(study, owner):
    today = timezone.now().date()
    for wrong in ("", "yesterday", "2020-01-01", f"{today.year + 3}-01-01"):
        owner.post(page(study, "keep-ids/"), {"until": wrong})
    assert Study.objects.get(pk=study.pk).payment_until is None
    owner.post(page(study, "keep-ids/"), {"until": today.isoformat()})
    assert Study.objects.get(pk=study.pk).payment_until == today


def test_a_report_that_counted_somebody_who_left_says_so_and_is_computed_again(study, owner):
    plan = {**factories.small_document()["plan"], "draws": 199, "bootstrap_draws": 199}
    study = factories.make_open(study.lab, factories.small_document(plan=plan))
    people = [run_through(arrive(study, f"p{n}")) for n in range(8)]
    close_study(study=study, actor=Membership.objects.filter(lab=study.lab).first().user)
    study = factories.unblind(Study.objects.get(pk=study.pk))
    stage = factories.main_link(study).stage
    first = fill_report(Report.objects.create(stage=stage))

    leave(enrolment_id=people[0].pk)

    first.refresh_from_db()
    assert first.outdated_at is not None
    waiting = Report.objects.get(document__isnull=True)
    assert (waiting.stage, waiting.job.kind) == (stage, "report")
    shown = owner.get(f"/studies/{study.public_id}/stages/{stage.pk}/report/").content.decode()
    assert "somebody who is counted here withdrew" in shown

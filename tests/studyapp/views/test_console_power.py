"""The page of power, as researchers see it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from studyapp import queue
from studyapp.actions.power import compute_power
from studyapp.models import PowerRun, Role
from tests import factories

pytestmark = pytest.mark.django_db

FILLED = {
    "people": "80, 40", "effects": "10 20", "accuracy": "60", "practice": "2", "drop_out": "5",
    "sd_participants": "0.76", "sd_items": "0.5", "n_studies": "100", "pay": "2.50",
}  # fmt: skip


@pytest.fixture
def study():
    return factories.make_draft()


def signed_in(study, role: Role = Role.OWNER) -> Client:
    client = Client()
    client.force_login(factories.owner_of(study.lab) if role == Role.OWNER else factories.add_member(study.lab, role))
    return client


def address(study, name: str = "power", *more: int) -> str:
    return reverse(name, args=[study.public_id, *more])


def test_the_form_suggests_what_the_design_plans(study):
    page = signed_in(study).get(address(study)).content.decode()

    capacity = study.draft["allocation"]["capacity"]
    assert f" {capacity} " in page
    assert 'value="5 10 15"' in page  # around the smallest effect of interest


def test_a_grid_is_asked_for_computed_and_read(study):
    client = signed_in(study)

    assert client.post(address(study), FILLED).status_code == 302
    waiting = client.get(address(study)).content.decode()
    assert "0 of 400 studies are simulated." in waiting
    assert 'hx-trigger="every 2s"' in waiting
    run = PowerRun.objects.get()
    claim = queue.claim(run.job_id)
    compute_power(claim)
    claim.finish()

    assert client.get(address(study, "power_state"))["HX-Refresh"] == "true"
    page = client.get(address(study)).content.decode()
    assert '<th scope="row">40</th>' in page
    assert page.index(">40<") < page.index(">80<")
    assert '<td class="num">200</td>' in page  # 80 people at 2.50
    assert "Every study could be analysed." in page
    curve = client.get(address(study, "power_figure", run.pk))
    assert curve["Content-Type"] == "image/svg+xml"
    assert curve.content.startswith(b"<svg ")


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("people", "forty", "Numbers with spaces between them, please."),
        ("people", "1e9", "Each from 4 to 100000, please."),
        ("effects", "nan", "Each from 0.1 to 60, please."),
        ("effects", "", "This field is required."),
        ("accuracy", "inf", "Enter a number."),
        ("n_studies", "7", "greater than or equal to 100"),
    ],
)
def test_what_cannot_be_read_is_said_at_its_field_and_nothing_is_queued(study, field, value, says):
    answer = signed_in(study).post(address(study), {**FILLED, field: value})

    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not PowerRun.objects.exists()


def test_an_effect_beyond_every_proportion_is_refused_in_words(study):
    answer = signed_in(study).post(address(study), {**FILLED, "effects": "50"}, follow=True)

    assert "proportions between 0.01 and 0.99" in answer.content.decode()
    assert not PowerRun.objects.exists()


def test_a_viewer_reads_and_asks_for_nothing(study):
    client = signed_in(study, Role.VIEWER)

    assert client.get(address(study)).status_code == 200
    assert client.post(address(study), FILLED).status_code == 403
    assert not PowerRun.objects.exists()


def test_a_curve_of_another_study_is_not_there(study):
    run = PowerRun.objects.create(study=study, assumptions={}, planned=1, plans=[], figure={"svg": "<svg/>"})
    other = factories.make_draft(lab=study.lab)

    assert signed_in(study).get(address(other, "power_figure", run.pk)).status_code == 404


def test_a_draft_that_is_no_design_yet_has_a_page(study):
    study.draft = {**study.draft, "arms": []}
    study.save(update_fields=["draft"])
    client = signed_in(study)

    assert client.get(address(study)).status_code == 200
    assert client.post(address(study), FILLED).status_code in {302, 422}
    assert not PowerRun.objects.exists()


def test_a_plan_with_looks_is_simulated_with_them(db):
    plan = {**factories.small_document()["plan"], "looks": {"times": [0.5, 1.0], "spending": "pocock"}}
    study = factories.make_draft(document=factories.small_document(plan=plan))
    client = signed_in(study)
    assert client.post(address(study), {**FILLED, "people": "80", "effects": "20"}).status_code == 302
    run = PowerRun.objects.get()
    claim = queue.claim(run.job_id)
    compute_power(claim)
    claim.finish()

    assert run.plans[0]["looks"] == [0.5, 1.0]
    assert "looks at 50 % of the people" in client.get(address(study)).content.decode()

"""The page of data quality, the panel's list, and a lab's keys, as researchers see them."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from studyapp.actions.enrol import enrol, read_arrival
from studyapp.models import ArrivalKeys, Link, QualityCheck, Role, Stage
from tests import factories
from tests.studyapp.actions.signing import key_set

pytestmark = pytest.mark.django_db

XSS = "<script>alert(1)</script>"


@pytest.fixture
def study():
    study = factories.make_open()
    arrival = read_arrival({"PROLIFIC_PID": "a" * 24})
    enrol(link=factories.main_link(study), arrival=arrival, visitor="v", consent_version=1)
    return study


def signed_in(study, role: Role = Role.OWNER) -> Client:
    client = Client()
    client.force_login(factories.owner_of(study.lab) if role == Role.OWNER else factories.add_member(study.lab, role))
    return client


def page(client: Client, study, name: str = "quality") -> str:
    return client.get(reverse(name, args=[study.public_id])).content.decode()


def test_the_page_says_how_people_came_and_that_the_ratio_is_as_planned(study):
    text = page(signed_in(study, Role.VIEWER), study)

    assert "Sample ratio: as planned" in text
    assert "<dt>Not verified</dt><dd>1</dd>" in text
    assert "no payment is refused on a flag alone" in text
    assert "Apply the rules now" not in text  # for analysts


def test_flags_are_listed_without_a_word_of_arms(study):
    stage = Stage.objects.get(study=study)
    rules = [{"rule": "pastes", "title": "Pasted", "meaning": XSS, "flagged": 3}]
    QualityCheck.objects.create(stage=stage, document={"allocated": 40, "flagged": 3, "rules": rules})

    text = page(signed_in(study), study)

    assert "3 of 40 allocated are flagged" in text
    assert XSS not in text
    assert not [arm.title for arm in study.frozen.design.arms if f">{arm.title}<" in text]


def test_an_analyst_has_the_rules_applied(study):
    stage = Stage.objects.get(study=study)
    reply = signed_in(study, Role.ANALYST).post(reverse("check_quality", args=[study.public_id, stage.pk]), follow=True)

    assert "The rules are being applied" in reply.content.decode()
    assert QualityCheck.objects.get().job.kind == "quality"


def test_a_draft_has_the_page_and_nobody_on_it():
    draft = factories.make_draft()

    assert "Nobody has come yet" in page(signed_in(draft), draft)


@pytest.mark.parametrize("as_file", [False, True])
def test_a_panels_list_is_compared_and_shown_escaped(study, as_file):
    text = f"Participant id,Status\n{'a' * 24},APPROVED\nx{XSS},{XSS}\n"
    data = {"panel": "prolific", "text": "" if as_file else text}
    if as_file:
        data["file"] = SimpleUploadedFile("list.csv", b"\xef\xbb\xbf" + text.encode())

    shown = signed_in(study, Role.DESIGNER).post(reverse("reconcile", args=[study.public_id]), data).content.decode()

    assert "1 in both, 0 only with us, 1 only at the panel" in shown
    assert XSS not in shown
    assert "&lt;script&gt;" in shown


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"panel": "prolific", "text": ""}, "Expected 1 to 20000 lines"),
        ({"panel": "nobody", "text": "x"}, "Select a valid choice"),
        ({"panel": "prolific", "file": SimpleUploadedFile("list.csv", b"\xff\xfe\x00")}, "not text in UTF-8"),
        ({"panel": "prolific", "file": SimpleUploadedFile("list.csv", b"x" * 1_000_001)}, "larger than 1 MB"),
    ],
)
def test_what_is_no_list_is_refused_at_its_field(study, data, said):
    reply = signed_in(study, Role.DESIGNER).post(reverse("reconcile", args=[study.public_id]), data)

    assert (reply.status_code, said in reply.content.decode()) == (422, True)


def test_an_owner_keeps_and_removes_the_panels_keys(study):
    client, address = signed_in(study), reverse("arrival_keys", args=[study.lab.pk])

    refused = client.post(address, {"keys": '{"keys": []}'})
    assert (refused.status_code, "1 to 20 keys" in refused.content.decode()) == (422, True)
    client.post(address, {"keys": json.dumps(key_set())})
    assert "Kept are the keys r1, e1." in client.get(address).content.decode()
    client.post(address, {"keys": ""})
    assert ArrivalKeys.objects.get(lab=study.lab).panel_keys == {}


def test_a_secret_is_shown_once_and_kept_sealed(study):
    client = signed_in(study)
    shown = client.post(reverse("new_arrival_secret", args=[study.lab.pk])).content.decode()
    secret = shown.split('<code class="hash">')[1].split("<")[0]

    assert len(bytes.fromhex(secret)) == 32
    assert secret not in client.get(reverse("arrival_keys", args=[study.lab.pk])).content.decode()
    assert secret.encode() not in bytes(ArrivalKeys.objects.get().sealed_secret)
    assert bytes.fromhex(secret) not in bytes(ArrivalKeys.objects.get().sealed_secret)


def test_a_link_can_ask_for_signatures(study):
    stage = Stage.objects.get(study=study)
    form = {"stage": stage.pk, "label": "panel", "must_be_signed": "on", "panel_study": "64aa"}

    text = signed_in(study).post(reverse("new_link", args=[study.public_id]), form, follow=True).content.decode()

    made = Link.objects.get(label="panel")
    assert (made.must_be_signed, made.panel_study) == (True, "64aa")
    assert "signed only" in text

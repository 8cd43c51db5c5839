"""Arriving: what a link does when it is looked at, answered, odd, spent or closed."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone

from studyapp.models import Consent, Decline, Enrolment, Link, PanelIdentity, Response
from tests.studyapp.views.participant_study import consent, fields_of, make_study, set_state, step, walk

pytestmark = pytest.mark.django_db

PROLIFIC = "?PROLIFIC_PID=5f1e&STUDY_ID=st&SESSION_ID=se"


def rows() -> dict[str, int]:
    """How many rows every table of ours holds."""
    return {model.__name__: model.objects.count() for model in apps.get_app_config("studyapp").get_models()}


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("headers", [{}, {"HTTP_PURPOSE": "prefetch"}, {"HTTP_SEC_PURPOSE": "prefetch;prerender"}])
@pytest.mark.parametrize("query", ["", PROLIFIC])
def test_looking_at_a_link_writes_nothing(client: Client, method: str, headers: dict[str, str], query: str) -> None:
    made = make_study()
    before = rows()

    response = getattr(client, method)(made.join + query, **headers)

    assert response.status_code == 200
    assert rows() == before


def test_consenting_writes_one_enrolment_with_its_consent(client: Client) -> None:
    made = make_study()

    enrolment = consent(client, made, PROLIFIC)

    assert Enrolment.objects.filter(study=made.study).count() == 1
    assert Consent.objects.filter(enrolment=enrolment).count() == 1


def test_the_address_after_consent_names_no_panel_id(client: Client) -> None:
    made = make_study()
    page = client.get(made.join + PROLIFIC)

    response = client.post(made.join, {**fields_of(page), "decision": "consent"})

    assert response["Location"] == made.run
    assert "5f1e" not in client.get(made.run).content.decode()


def test_every_parameter_of_the_address_is_kept_sealed(client: Client) -> None:
    from studyapp.actions.sealing import unseal

    made = make_study()
    enrolment = consent(client, made, PROLIFIC + "&wave=2")

    sealed = PanelIdentity.objects.get(enrolment=enrolment).encrypted
    text = unseal(bytes(sealed), "panel identity").decode()

    assert b"5f1e" not in bytes(sealed)
    for part in ("5f1e", '"wave":"2"', '"SESSION_ID":"se"'):
        assert part in text.replace('": "', '":"')


def test_declining_counts_one_no_and_enrols_nobody(client: Client) -> None:
    made = make_study()
    page = client.get(made.join)

    response = client.post(made.join, {**fields_of(page), "decision": "decline"}, follow=True)

    assert response.status_code == 200
    assert Decline.objects.filter(stage=made.link.stage).count() == 1
    assert not Enrolment.objects.filter(study=made.study).exists()


def test_a_consent_form_without_a_decision_asks_again(client: Client) -> None:
    made = make_study()
    page = client.get(made.join)

    response = client.post(made.join, fields_of(page))

    assert response.status_code == 422
    assert not Enrolment.objects.filter(study=made.study).exists()


@pytest.mark.parametrize("query", [PROLIFIC, "?workerId=W1&assignmentId=A1&hitId=H1", "?participant=seat-7"])
def test_the_same_id_on_a_second_device_goes_on_where_the_first_stopped(client: Client, query: str) -> None:
    made = make_study()
    enrolment = consent(client, made, query)
    walk(client, made, until=3)
    second = Client()

    response = second.get(made.join + query)

    assert (response.status_code, response["Location"]) == (303, made.run)
    assert step(second, made).status_code == 303
    enrolment.refresh_from_db()
    assert enrolment.position == 4
    assert Enrolment.objects.filter(study=made.study).count() == 1


def test_the_same_browser_goes_on_without_any_id(client: Client) -> None:
    made = make_study()
    consent(client, made)

    response = client.get(made.join)

    assert (response.status_code, response["Location"]) == (303, made.run)


def test_two_browsers_without_an_id_are_two_people(client: Client) -> None:
    made = make_study()
    consent(client, made)
    consent(Client(), made)

    assert Enrolment.objects.filter(study=made.study).count() == 2


def test_a_browser_without_a_visitor_cookie_is_never_known_as_another_without_one(client: Client) -> None:
    made = make_study()
    for browser in (Client(), Client()):
        page = browser.get(made.join)
        del browser.cookies["visitor"]
        browser.post(made.join, {**fields_of(page), "decision": "consent"})

    assert Enrolment.objects.filter(study=made.study).count() == 2


def test_a_single_use_link_lets_one_person_in(client: Client) -> None:
    made = make_study()
    link = Link.objects.create(stage=made.link.stage, token="single", is_single_use=True)
    page = client.get("/join/single/")
    client.post("/join/single/", {**fields_of(page), "decision": "consent"})

    response = Client().get("/join/single/")

    assert (response.status_code, response["Location"]) == (303, made.run)
    assert Enrolment.objects.filter(link=link).count() == 1


def test_the_preview_of_mturk_shows_the_consent_and_takes_no_answer(client: Client) -> None:
    made = make_study()

    page = client.get(made.join + "?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=H&workerId=W")

    assert page.status_code == 200
    assert "<form" not in page.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "?PROLIFIC_PID=",
        "?PROLIFIC_PID=%20%20",
        "?PROLIFIC_PID={{%25PROLIFIC_PID%25}}",
        "?PROLIFIC_PID=a&PROLIFIC_PID=b",
        "?PROLIFIC_PID=" + "x" * 10_000,
        "?PROLIFIC_PID=a%0d%0ab",
        "?workerId=",
    ],
)
def test_an_id_that_is_none_gets_a_calm_page(client: Client, query: str) -> None:
    made = make_study()
    before = rows()

    response = client.get(made.join + query)

    assert response.status_code == 403
    assert "<h1>" in response.content.decode()
    assert rows() == before


@pytest.mark.parametrize("path", ["?PROLIFIC_PID=a%00b", "?participant=%00", "../a%00b/"])
def test_an_address_with_a_null_byte_is_refused_before_anybody_reads_it(client: Client, path: str) -> None:
    made = make_study()
    before = rows()

    response = client.get(made.join + path)

    assert response.status_code == 400
    assert "<h1>" in response.content.decode()
    assert rows() == before


@pytest.mark.parametrize("pid", ["../../etc", "'; DROP TABLE x; --", "ＡＢＣ", "<script>alert(1)</script>", "ä" * 50])
def test_an_odd_id_is_only_an_id(client: Client, pid: str) -> None:
    made = make_study()
    page = client.get(made.join, {"PROLIFIC_PID": pid})

    response = client.post(made.join, {**fields_of(page), "decision": "consent"})

    assert response.status_code == 303
    assert "<script>alert" not in page.content.decode()


def test_the_same_id_in_another_normal_form_is_the_same_person(client: Client) -> None:
    made = make_study()
    for pid in ("Ame\u0301lie", "Am\u00e9lie", " Am\u00e9lie "):
        page = Client().get(made.join, {"PROLIFIC_PID": pid})
        if page.status_code == 200:
            Client().post(made.join, {**fields_of(page), "decision": "consent"})

    assert Enrolment.objects.filter(study=made.study).count() == 1


@pytest.mark.parametrize("token", ["nope", "x" * 400, "%F0%9F%98%80", "..%2f"])
def test_an_unknown_link_is_not_found(client: Client, token: str) -> None:
    assert client.get(f"/join/{token}/").status_code == 404


def test_an_arrival_that_we_did_not_sign_is_refused(client: Client) -> None:
    made, other = make_study(), make_study()
    foreign = fields_of(client.get(other.join + PROLIFIC))["arrival"]

    for arrival in ("", "forged", foreign):
        response = client.post(made.join, {"arrival": arrival, "version": "1", "decision": "consent"})
        assert response.status_code == 400
    assert not Enrolment.objects.exists()


def test_an_expired_link_lets_nobody_new_in(client: Client) -> None:
    made = make_study()
    page = client.get(made.join)
    Link.objects.filter(pk=made.link.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    assert client.get(made.join).status_code == 403
    response = client.post(made.join, {**fields_of(page), "decision": "consent"})
    assert response.status_code == 403
    assert "expired" in response.content.decode()
    assert not Enrolment.objects.filter(study=made.study).exists()


def test_who_began_before_the_link_expired_comes_back_in(client: Client) -> None:
    made = make_study()
    consent(client, made, PROLIFIC)
    Link.objects.filter(pk=made.link.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    assert Client().get(made.join + PROLIFIC)["Location"] == made.run


@pytest.mark.parametrize(("states", "words"), [(["paused"], "break"), (["closed"], "ended")])
def test_a_study_that_is_not_open_says_so(client: Client, states: list[str], words: str) -> None:
    made = make_study()
    for state in states:
        set_state(made.study, state)

    response = client.get(made.join)

    assert response.status_code == 403
    assert words in response.content.decode()


def test_a_full_study_says_so_and_takes_nobody(client: Client) -> None:
    made = make_study(capacity=2)
    for _ in range(2):
        browser = Client()
        consent(browser, made)
        walk(browser, made, until=4)

    response = client.get(made.join)

    assert response.status_code == 403
    assert "full" in response.content.decode()


def test_a_place_that_is_taken_during_the_instructions_ends_calmly(client: Client) -> None:
    made = make_study(capacity=2)
    late = consent(client, made)
    for _ in range(2):
        browser = Client()
        consent(browser, made)
        for _ in range(3):
            step(browser, made)
    for _ in range(3):
        step(client, made)

    page = client.get(made.run)

    late.refresh_from_db()
    assert (late.state, late.arm) == ("not_allocated", "")
    assert "DONE42" not in page.content.decode()
    assert "study@example.org" in page.content.decode()


def test_nothing_is_answered_before_consent(client: Client) -> None:
    made = make_study()

    assert client.get(made.run).status_code == 404
    assert client.post(made.run, {"answer": "0"}).status_code == 404
    assert not Response.objects.exists()


def test_a_form_without_a_csrf_token_is_refused_calmly() -> None:
    browser = Client(enforce_csrf_checks=True)
    made = make_study()
    page = browser.get(made.join)

    response = browser.post(made.join, {**fields_of(page), "decision": "consent"})

    assert response.status_code == 403
    assert "cookies" in response.content.decode()


def with_token(page) -> dict[str, str]:  # type: ignore[no-untyped-def]
    """The form's fields with its CSRF token."""
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    assert token
    return {**fields_of(page), "csrfmiddlewaretoken": token[1]}


def test_a_second_tab_whose_token_went_stale_is_asked_again_and_keeps_who_it_is() -> None:
    """Two tabs that open a link at the same moment overwrite each other's CSRF cookie."""
    made = make_study()
    browser = Client(enforce_csrf_checks=True)
    first_tab = with_token(browser.get(made.join + PROLIFIC))
    browser.cookies.pop("csrftoken")
    browser.get(made.join + PROLIFIC)

    stale = browser.post(made.join, {**first_tab, "decision": "consent"})
    again = with_token(browser.get(stale["Location"]))
    consented = browser.post(made.join, {**again, "decision": "consent"})

    assert (stale.status_code, consented.status_code) == (303, 303)
    assert "PROLIFIC_PID=5f1e" in stale["Location"]
    assert Enrolment.objects.count() == 1


def test_a_forged_form_is_refused_and_enrols_nobody() -> None:
    made = make_study()
    browser = Client(enforce_csrf_checks=True)
    browser.get(made.join)

    response = browser.post(made.join, {"arrival": "forged", "decision": "consent"})

    assert response.status_code == 403
    assert not Enrolment.objects.exists()

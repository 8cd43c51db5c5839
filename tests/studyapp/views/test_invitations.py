"""Invitations into a lab: for one address, once, for a time; nothing tells who has an account."""

from __future__ import annotations

import html
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp import jobs, queue
from studyapp.actions.invitations import invitation_address, invite
from studyapp.models import AuditEntry, Invitation, Job, Lab, Membership, Role, User
from tests.factories import add_member, make_lab, make_user, owner_of

pytestmark = pytest.mark.django_db

NEW_ACCOUNT = {"name": "Grace", "password": "correct horse battery"}


def invited(lab: Lab, email: str = "grace@example.org", role: Role = Role.ANALYST) -> str:
    invitation = invite(lab=lab, email=email, role=role, actor=owner_of(lab))
    return "/invitations/" + invitation_address(invitation).rpartition("/invitations/")[2]


def as_user(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def role_of(lab: Lab, email: str = "grace@example.org") -> str | None:
    return Membership.objects.filter(lab=lab, user__email=email).values_list("role", flat=True).first()


def words(response: object) -> str:
    return html.unescape(response.content.decode())  # type: ignore[attr-defined]


def test_an_owner_invites_in_the_same_words_whoever_it_is() -> None:
    lab = make_lab()
    make_user("known@example.org")
    owner = as_user(owner_of(lab))

    def said(email: str) -> str:
        owner.post(reverse("members", args=[lab.pk]), {"email": email, "role": "viewer"})
        page = words(owner.get(reverse("members", args=[lab.pk])))
        return page[page.index('<ul class="notes"') : page.index("</ul>")].replace(email, "")

    assert said("known@example.org") == said("unknown@example.org")
    assert lab.invitations.count() == 2


def test_the_invitation_is_mailed_by_a_worker(settings) -> None:  # type: ignore[no-untyped-def]
    lab = make_lab(name="Vision")
    address = invited(lab, "Grace@Example.org")
    job = Job.objects.get(kind="mail_invitation")
    claim = queue.claim(job.pk)
    assert claim is not None
    jobs.JOBS[job.kind](claim)

    [message] = mail.outbox
    assert message.to == ["grace@example.org"]
    assert settings.BASE_URL + address in message.body
    assert "Vision" in message.subject


def test_who_has_no_account_makes_one_and_is_in_the_lab() -> None:
    lab, client = make_lab(), Client()
    address = invited(lab)

    looked = [client.get(address).status_code for _ in range(3)]
    joined = client.post(address, NEW_ACCOUNT)

    assert looked == [200, 200, 200]
    assert joined["Location"] == reverse("studies")
    assert role_of(lab) == "analyst"
    assert client.get(reverse("studies")).status_code == 200
    assert (
        Client()
        .post(reverse("sign_in"), {"login": "grace@example.org", "password": NEW_ACCOUNT["password"]})
        .status_code
        == 302
    )


def test_who_has_an_account_signs_in_and_accepts() -> None:
    lab = make_lab()
    grace = make_user("grace@example.org")
    address = invited(lab, "GRACE@example.org")

    asked = Client().get(address)
    taken = Client().post(address, NEW_ACCOUNT)
    accepted = as_user(grace).post(address)

    assert f"{reverse('sign_in')}?next={address}" in words(asked)
    assert (taken.status_code, User.objects.filter(email="grace@example.org").count()) == (200, 1)
    assert accepted["Location"] == reverse("studies")
    assert role_of(lab) == "analyst"


def test_an_invitation_opens_for_its_own_address_only() -> None:
    lab = make_lab()
    address = invited(lab)
    other = as_user(make_user("other@example.org"))

    answers = other.get(address), other.post(address)

    assert [answer.status_code for answer in answers] == [403, 403]
    assert "grace@example.org" not in words(answers[0])
    assert role_of(lab, "other@example.org") is None
    assert Invitation.objects.count() == 1  # not used up


@pytest.mark.parametrize("what", ["used", "expired", "revoked", "replaced", "unknown"])
def test_an_invitation_that_is_over_is_answered_calmly_and_alike(what: str) -> None:
    lab = make_lab()
    address = invited(lab)
    match what:
        case "used":
            Client().post(address, NEW_ACCOUNT)
        case "expired":
            Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        case "revoked":
            revoke = reverse("revoke_invitation", args=[lab.pk, Invitation.objects.get().pk])
            as_user(owner_of(lab)).post(revoke)
        case "replaced":
            invited(lab)
        case "unknown":
            address = address[:-2] + "x/"
    members = Membership.objects.count()

    looked, tried = Client().get(address), Client().post(address, NEW_ACCOUNT | {"name": "Mallory"})

    assert (looked.status_code, tried.status_code) == (410, 410)
    assert "was used before, was withdrawn or has expired" in words(looked)
    assert "no-store" in looked["Cache-Control"]
    assert Membership.objects.count() == members


def test_a_weak_password_is_asked_for_again() -> None:
    answer = Client().post(invited(make_lab()), {"name": "Grace", "password": "password1234"})

    assert answer.status_code == 422
    assert "too common" in words(answer)
    assert Invitation.objects.count() == 1


def test_a_member_is_not_invited_again() -> None:
    lab = make_lab()
    add_member(lab, Role.VIEWER, make_user("vera@example.org"))

    answer = as_user(owner_of(lab)).post(
        reverse("members", args=[lab.pk]), {"email": "Vera@example.org", "role": "viewer"}
    )

    assert answer.status_code == 422
    assert "a member already" in words(answer)


def test_with_a_mail_server_only_the_letter_box_gets_to_see_the_link(settings) -> None:  # type: ignore[no-untyped-def]
    lab = make_lab()
    address = invited(lab)
    page = reverse("members", args=[lab.pk])

    without = words(as_user(owner_of(lab)).get(page))
    settings.SENDS_MAIL = True
    with_one = words(as_user(owner_of(lab)).get(page))

    assert (address in without, address in with_one) == (True, False)


def test_each_step_of_an_invitation_leaves_a_row_in_the_trail_that_names_no_address() -> None:
    lab = make_lab()
    Client().post(invited(lab), NEW_ACCOUNT)
    again = invited(lab, "second@example.org")
    as_user(owner_of(lab)).post(reverse("revoke_invitation", args=[lab.pk, Invitation.objects.get().pk]))
    rows = list(AuditEntry.objects.filter(lab=lab).values_list("verb", "what"))

    verbs = [verb for verb, _ in rows]
    assert verbs == ["created", "invited", "created", "set role", "accepted", "invited", "revoked"]
    assert "example.org" not in str(rows)
    assert Client().get(again).status_code == 410


def test_the_table_keeps_no_token() -> None:
    token = invited(make_lab()).split("/")[2]

    assert len(token) == 64  # 256 bits
    assert token not in str(Invitation.objects.values().get())

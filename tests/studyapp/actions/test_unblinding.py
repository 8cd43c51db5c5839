"""Two people unblind a study; the only owner of a lab says why it is alone. The database holds everybody to it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp.actions import lifecycle
from studyapp.actions.unblinding import (
    confirm_unblinding,
    refuse_unblinding,
    request_unblinding,
    revealed_key,
    unblind_alone,
)
from studyapp.errors import WrongState
from studyapp.models import AuditEntry, Role, Study, UnblindingAnswer, UnblindingRequest, User
from tests import factories
from tests.promises.ledger import Reached

pytestmark = pytest.mark.django_db

REASON = "the second owner has left the university"


@pytest.fixture
def study(db: None) -> Study:
    made = factories.make_open()
    return lifecycle.close_study(study=made, actor=factories.owner_of(made.lab))


@pytest.fixture
def owner(study: Study) -> User:
    return factories.owner_of(study.lab)


@pytest.fixture
def second(study: Study, owner: User) -> User:
    return factories.add_member(study.lab, Role.OWNER)


def test_a_second_owner_confirms_and_the_trail_has_both_names(study: Study, owner: User, second: User) -> None:
    request_unblinding(study=study, actor=owner, reason="all people are through")
    assert revealed_key(Study.objects.get(pk=study.pk)) is None

    opened = confirm_unblinding(study=study, actor=second)

    entry = AuditEntry.objects.get(study=study, verb="unblinded")
    assert opened.state == "unblinded"
    assert (entry.actor, entry.after["asked_by"], entry.after["confirmed_by"]) == (
        f"user:{second.pk}",
        f"user:{owner.pk}",
        f"user:{second.pk}",
    )
    assert len(revealed_key(opened) or b"") == 32


def test_nobody_confirms_their_own_request_nor_a_member_who_was_not_named(
    study: Study, owner: User, second: User
) -> None:
    analyst = factories.add_member(study.lab, Role.ANALYST)
    request_unblinding(study=study, actor=owner)
    for somebody in (owner, analyst, factories.make_user()):
        with pytest.raises(WrongState, match="Somebody else"):
            confirm_unblinding(study=study, actor=somebody)
    assert Study.objects.get(pk=study.pk).state == "closed"


def test_a_named_member_confirms_where_there_is_one_owner(study: Study, owner: User) -> None:
    viewer = factories.add_member(study.lab, Role.VIEWER)
    with pytest.raises(WrongState, match="Name another member"):
        request_unblinding(study=study, actor=owner)
    request_unblinding(study=study, actor=owner, second=viewer)
    assert confirm_unblinding(study=study, actor=viewer).state == "unblinded"


def test_a_request_that_is_declined_or_taken_back_opens_nothing_and_another_may_follow(
    study: Study, owner: User, second: User
) -> None:
    for who in (second, owner):
        request_unblinding(study=study, actor=owner)
        with pytest.raises(WrongState, match="already"):
            request_unblinding(study=study, actor=second)
        refuse_unblinding(study=study, actor=who)
        with pytest.raises(WrongState, match="Nobody asks"):
            confirm_unblinding(study=study, actor=second)
    verbs = AuditEntry.objects.filter(study=study, verb__contains="unblind").values_list("verb", flat=True)
    assert list(verbs)[1::2] == ["declined to unblind", "took back the request to unblind"]


def test_after_the_time_limit_nobody_confirms(study: Study, owner: User, second: User) -> None:
    then = timezone.now() - timedelta(hours=73)
    late = UnblindingRequest.objects.create(
        study=study, asked_by=owner, asked_at=then, expires_at=then + timedelta(hours=72)
    )
    with pytest.raises(WrongState, match="the time to confirm is over"):
        confirm_unblinding(study=study, actor=second)
    with pytest.raises(IntegrityError, match="in time"), transaction.atomic():
        UnblindingAnswer.objects.create(request=late, by=second, at=timezone.now(), is_confirmed=True)


def test_the_only_owner_goes_on_alone_with_a_reason_that_is_shown(study: Study, owner: User) -> None:
    with pytest.raises(WrongState, match="Say why"):
        unblind_alone(study=study, actor=owner, reason="  ")
    assert unblind_alone(study=study, actor=owner, reason=REASON).state == "unblinded"

    client = Client()
    client.force_login(owner)
    assert REASON in client.get(reverse("study", args=[study.public_id])).content.decode()
    assert AuditEntry.objects.get(study=study, verb="unblinded alone").after["reason"] == REASON


def test_nobody_goes_on_alone_beside_another_owner(study: Study, owner: User, second: User) -> None:
    with pytest.raises(WrongState, match="another owner"):
        unblind_alone(study=study, actor=owner, reason=REASON)


@pytest.mark.promise(37)
def test_the_database_itself_wants_two_people(study: Study, owner: User, second: User, reached: Reached) -> None:
    now, later = timezone.now(), timezone.now() + timedelta(hours=1)
    viewer = factories.add_member(study.lab, Role.VIEWER)
    stranger = factories.make_user()
    rows = {"study": study, "asked_at": now, "expires_at": later}

    def state() -> None:
        Study.objects.filter(pk=study.pk).update(state="unblinded")

    def answered(by: User, **request: object) -> None:
        made = UnblindingRequest.objects.create(**{**rows, "asked_by": owner, **request})  # type: ignore[arg-type]
        UnblindingAnswer.objects.create(request=made, by=by, at=now, is_confirmed=True)

    def declined() -> None:
        made = UnblindingRequest.objects.create(**rows, asked_by=owner)
        UnblindingAnswer.objects.create(request=made, by=second, at=now, is_confirmed=False)
        state()

    def asked_only() -> None:
        UnblindingRequest.objects.create(**rows, asked_by=owner)
        state()

    ways = {
        "state alone": state,
        "a request without an answer": asked_only,
        "a request that was declined": declined,
        "one person as both": lambda: answered(owner),
        "a viewer who was not named": lambda: answered(viewer),
        "somebody of no lab": lambda: answered(stranger),
        "a second who is of no lab": lambda: answered(stranger, second=stranger),
        "asked by a viewer": lambda: answered(second, asked_by=viewer),
        "too late": lambda: answered(second, expires_at=now - timedelta(seconds=1)),
        "alone beside another owner": lambda: UnblindingRequest.objects.create(
            **rows, asked_by=owner, is_alone=True, reason=REASON
        ),
        "alone without a reason": lambda: UnblindingRequest.objects.create(**rows, asked_by=owner, is_alone=True),
        "a study that is open": lambda: UnblindingRequest.objects.create(
            **{**rows, "study": factories.make_open(study.lab)}, asked_by=owner
        ),
    }

    went = []
    for name, way in ways.items():
        try:
            with transaction.atomic():
                way()
                went.append(name)
                transaction.set_rollback(True)
        except IntegrityError:
            pass

    assert went == []
    reached(f"{len(ways)} of {len(ways)} ways with fewer than two people refused by the database")


def test_the_pages_say_what_is_asked_and_who_may_do_what(study: Study, owner: User, second: User) -> None:
    pages = {name: reverse(name, args=[study.public_id]) for name in ("study", "unblind", "confirm_unblinding")}
    clients = {}
    for name, user in (("owner", owner), ("second", second), ("viewer", factories.add_member(study.lab, Role.VIEWER))):
        clients[name] = Client()
        clients[name].force_login(user)

    clients["owner"].post(pages["unblind"], {"reason": "please look"})
    texts = {name: client.get(pages["confirm_unblinding"]).content.decode() for name, client in clients.items()}

    assert "Confirm: reveal the arms" in texts["second"]
    assert "Take it back" in texts["owner"]
    assert "Another owner, or the member who was named" in texts["viewer"]
    assert all("please look" in text for text in texts.values())
    assert "asks to unblind this study" in clients["viewer"].get(pages["study"]).content.decode()
    clients["second"].post(pages["confirm_unblinding"])
    assert "Confirmed by" in clients["viewer"].get(pages["study"]).content.decode()

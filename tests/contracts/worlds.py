"""Two labs that are each other's mirror, everybody who might knock, and words that only some of them may read."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.auth.tokens import default_token_generator
from django.http import HttpResponse
from django.test import Client
from django.utils.http import int_to_base36

from studyapp.actions.accounts import make_sign_in_link, remove_member
from studyapp.actions.enrol import enrol, read_arrival
from studyapp.actions.invitations import invitation_address, invite
from studyapp.actions.links import add_link, add_stage
from studyapp.models import (
    ExplanationUpload,
    Invitation,
    Job,
    Lab,
    Link,
    Membership,
    PowerRun,
    Predictor,
    Report,
    Role,
    Stage,
    Study,
    User,
)
from studyapp.models.studies import StageKind
from studyapp.views.adapter import SecondFactorAdapter
from studyapp.views.doors import open_run
from tests.factories import add_member, main_link, make_lab, make_open, make_user, small_document

# Texts of a design that participants read, and those that only the lab may.
TOLD = frozenset({"title", "consent", "instructions", "debrief", "contact", "intro", "question", "low", "high", "code"})
NOT_TOLD = frozenset({"arms"})
ROLES = (Role.VIEWER, Role.ANALYST, Role.DESIGNER, Role.OWNER)
SECRET = "JBSWY3DPEHPK3PXP"


@dataclass(frozen=True)
class Side:
    """A lab with an open study and a thing of every kind.

    `told` stands in what participants read, `called` in the names of members, `inner` in everything else.
    """

    number: int
    lab: Lab
    study: Study
    stage: Stage  # of a rehearsal with a report
    bare_stage: Stage
    link: Link
    members: Mapping[str, User]
    invitation: Invitation
    sign_in_token: str

    @property
    def told(self) -> str:
        return told(self.number)

    @property
    def inner(self) -> str:
        return inner(self.number)

    @property
    def called(self) -> str:
        return called(self.number)

    @property
    def owner(self) -> User:
        return self.members["owner"]

    def keys(self) -> dict[str, object]:
        """What stands in an address for each kind of key. A new kind of key is added here."""
        return {
            "public_id": self.study.public_id,
            "lab_id": self.lab.pk,
            "stage_id": self.stage.pk,
            "link_id": self.link.pk,
            "run_id": PowerRun.objects.get(study=self.study).pk,
            "member_id": Membership.objects.get(lab=self.lab, user=self.members["viewer"]).pk,
            "invitation_id": self.invitation.pk,
            "session_id": session_id(self.owner),
            "template": "forward",
            "dataset": "adult",
            "name": "effect",
            "uidb36": int_to_base36(self.owner.pk),
            "key": default_token_generator.make_token(self.owner),
            "token": self.sign_in_token,
        }

    def key_of(self, name: str) -> dict[str, object]:
        """The keys of one address, where they differ from those of the others."""
        match name:
            case "archive":
                return {"stage_id": self.bare_stage.pk}
            case "join":
                return {"token": self.link.token}
            case "invitation":
                return {"token": invitation_address(self.invitation).split("/")[-2]}
        return {}


def told(number: int) -> str:
    return f"kanarie-told-{number}-q"


def inner(number: int) -> str:
    return f"kanarie-inner-{number}-q"


def called(number: int) -> str:
    return f"kanarie-called-{number}-q"


def person(name: str) -> str:
    return f"kanarie-person-{name}-q"


@dataclass(frozen=True)
class World:
    ours: Side
    theirs: Side
    clients: Mapping[str, Client]
    roles: Mapping[str, Role]


def make_world() -> World:
    """Everybody is signed in, has a second factor, and has just shown who they are."""
    ours, theirs = make_side(1), make_side(2)
    removed = add_member(ours.lab, Role.DESIGNER, make_user("removed@example.org"))
    people = {f"lab {role}": ours.members[role] for role in ROLES}
    people |= {"foreign owner": theirs.owner, "removed member": removed, "staff": make_user("staff@example.org")}
    clients = {"anonymous": visitor()} | {name: visitor(user) for name, user in people.items()}
    remove_member(lab=ours.lab, user=removed, actor=ours.owner)
    clients |= {f"participant {name}": participant(ours.link, name) for name in ("a", "b")}
    clients["foreign participant"] = participant(theirs.link, "foreign")
    return World(ours, theirs, clients, {f"lab {role}": role for role in ROLES})


def make_side(number: int) -> Side:
    users = {
        str(role): User.objects.create_user(
            email=f"{role}-{called(number)}@example.org", name=f"{role} {called(number)}"
        )
        for role in ROLES
    }
    lab = make_lab(users["owner"], name=f"Lab {inner(number)}")
    for role in ROLES[:-1]:
        add_member(lab, role, users[role])
    study = make_open(lab, planted(small_document(), number))
    stage, bare = (add_stage(study=study, kind=StageKind.REHEARSAL, capacity=4, actor="system") for _ in range(2))
    report(stage, inner(number))
    Job.objects.create(kind="rehearse", queue="analysis", study=study, state="failed", error=inner(number))
    power(study, inner(number))
    upload(study, inner(number), users["owner"])
    add_link(main_link(study).stage, label=inner(number))
    link = Link.objects.filter(stage__study=study, stage__kind=StageKind.MAIN).order_by("pk")[0]
    invited = invite(lab=lab, email=f"guest-{inner(number)}@example.org", role=Role.VIEWER, actor=users["owner"])
    return Side(number, lab, study, stage, bare, link, users, invited, make_sign_in_link(user=users["owner"]))


def planted(document: dict[str, Any], number: int) -> dict[str, Any]:
    """The design with a canary at the end of each of its texts."""

    def grow(value: Any, key: str, word: str) -> Any:
        if isinstance(value, dict):
            return {k: grow(v, k, inner(number) if k in NOT_TOLD else word) for k, v in value.items()}
        if isinstance(value, list):
            return [grow(entry, key, word) for entry in value]
        joined = f"{value}-{word}" if key == "code" else f"{value} {word}"
        return joined if isinstance(value, str) and key in TOLD else value

    grown: dict[str, Any] = grow(document, "", told(number))
    return grown


def power(study: Study, word: str) -> None:
    assumed = {"people": [40], "effects": [0.1]} | dict.fromkeys(
        ("accuracy", "practice", "drop_out", "sd_participants", "sd_items", "pay"), 0.5
    )
    figure = {key: word for key in ("title", "caption", "alt")} | {"svg": f"<svg>{word}</svg>"}
    PowerRun.objects.create(study=study, assumptions={**assumed, "n_studies": 100}, planned=40, plans=[], figure=figure)


def upload(study: Study, word: str, owner: User) -> None:
    predictor = Predictor.objects.get(key="adult-mlp")
    ExplanationUpload.objects.create(
        lab=study.lab,
        predictor=predictor,
        sha256=f"{study.pk:064x}",
        name=word,
        method=word,
        form="feature_weights",
        is_signed=True,
        uploaded_by=owner,
    )


def report(stage: Stage, word: str) -> None:
    figure = {key: word for key in ("title", "caption", "alt")} | {"name": "effect", "svg": f"<svg>{word}</svg>"}
    Report.objects.create(stage=stage, document={"title": word}, figures=[figure])


def visitor(user: User | None = None) -> Client:
    client = Client(raise_request_exception=False)
    if user:
        client.force_login(user)
        Authenticator.objects.create(user=user, type="totp", data={"secret": SecondFactorAdapter().encrypt(SECRET)})
        Authenticator.objects.create(
            user=user, type="recovery_codes", data={"seed": SecondFactorAdapter().encrypt("seed"), "used_mask": 0}
        )
        session = client.session
        session["account_authentication_methods"] = [{"method": "mfa", "at": time.time(), "reauthenticated": True}]
        session["account_authentication_methods_user"] = str(user.pk)
        session.save()
    return client


def participant(link: Link, name: str) -> Client:
    enrolment = enrol(
        link=link, arrival=read_arrival({"PROLIFIC_PID": person(name)}), visitor=uuid.uuid4().hex, consent_version=1
    )
    response = HttpResponse()
    open_run(response, enrolment)
    client = visitor()
    client.cookies.update(response.cookies)
    return client


def session_id(user: User) -> uuid.UUID:
    session = user.console_sessions.first()
    return session.public_id if session else uuid.uuid4()

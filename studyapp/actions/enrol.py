"""Arrival: from a link to an enrolment. Looking at a link writes nothing; consent does, once a person."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from studyapp.actions import audit
from studyapp.actions.sealing import seal
from studyapp.design.canonical import canonical_bytes
from studyapp.errors import NotEligible
from studyapp.models import Consent, Decline, Enrolment, Link, PanelIdentity, Participant
from studyapp.models.studies import StudyState

# No 0, O, 1, I: people read these codes to each other.
CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
MAX_PANEL_ID = 200
# MTurk shows a task before it is accepted: something to look at, nothing to store.
MTURK_PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"


@dataclass(frozen=True)
class Arrival:
    """Who comes, as the address says: the panel, its id for the person, and every other parameter."""

    panel: str
    panel_id: str
    parameters: Mapping[str, str]

    @property
    def is_preview(self) -> bool:
        return self.parameters.get("assignmentId") == MTURK_PREVIEW


def read_arrival(query: Mapping[str, str]) -> Arrival:
    """Read the conventions of Prolific and MTurk, else `participant`; raises NotEligible for an id that is none."""
    for panel, name in (("prolific", "PROLIFIC_PID"), ("mturk", "workerId"), ("label", "participant")):
        if name in query:
            return Arrival(panel, _clean_id(query[name], name), dict(query))
    return Arrival("", "", dict(query))


def _clean_id(value: str, name: str) -> str:
    cleaned = unicodedata.normalize("NFC", value).strip()
    template = cleaned.startswith("{{") or not cleaned
    if template or len(cleaned) > MAX_PANEL_ID or not cleaned.isprintable():
        raise NotEligible(
            gettext("This link does not carry a usable %(name)s. Open the study again from the page that invited you.")
            % {"name": name}
        )
    return cleaned


def consent_sha256(consent_text: str) -> str:
    """The hash under which a consent text is recorded."""
    return hashlib.sha256(consent_text.encode("utf-8")).hexdigest()


def check_open(link: Link) -> None:
    """Raise NotEligible with the reason when the link lets nobody new in."""
    study = link.stage.study
    if link.expires_at and link.expires_at <= timezone.now():
        raise NotEligible(gettext("This link has expired."))
    if link.stage.is_simulated:
        if study.is_draft or study.is_closed:
            raise NotEligible(gettext("This study cannot be rehearsed now."))
    elif study.state == StudyState.PAUSED:
        raise NotEligible(gettext("This study takes a break. Please try again later."))
    elif study.is_closed:
        raise NotEligible(gettext("This study has ended. Thank you for your interest."))
    elif study.state != StudyState.OPEN:
        raise NotEligible(gettext("This study has not started yet."))
    if link.stage.allocated >= link.stage.capacity:
        raise NotEligible(gettext("This study is full. Thank you for your interest."))


def find_enrolment(link: Link, arrival: Arrival, visitor: str) -> Enrolment | None:
    """The enrolment of somebody who comes again, by the same id, the same browser or the same single-use link."""
    pseudonym = pseudonym_of(link, arrival, visitor)
    return Enrolment.objects.filter(
        study=link.stage.study, participant__lab=link.stage.study.lab, participant__pseudonym=pseudonym
    ).first()


def pseudonym_of(link: Link, arrival: Arrival, visitor: str) -> str:
    """A keyed digest that stands for the person in this lab; a single-use link is itself the identity."""
    if link.is_single_use:
        identity = f"link:{link.token}"
    elif arrival.panel_id:
        identity = f"{arrival.panel}:{arrival.panel_id}"
    else:
        identity = f"visitor:{visitor}"
    if link.stage.is_simulated:  # never the same as a person's
        identity = f"stage:{link.stage_id}:{identity}"
    key = bytes(link.stage.study.lab.pseudonym_key)
    return hmac.new(key, identity.encode("utf-8"), "sha256").hexdigest()


@transaction.atomic
def enrol(*, link: Link, arrival: Arrival, visitor: str, consent_text: str) -> Enrolment:
    """Record consent and begin an enrolment; who comes again gets the one they have.

    Raises NotEligible when the link lets nobody new in.
    """
    known = find_enrolment(link, arrival, visitor)
    if known:
        return known
    check_open(link)
    now = timezone.now()
    participant, _ = Participant.objects.get_or_create(
        lab=link.stage.study.lab, pseudonym=pseudonym_of(link, arrival, visitor)
    )
    enrolment, is_new = Enrolment.objects.get_or_create(
        study=link.stage.study,
        participant=participant,
        defaults={
            "stage": link.stage,
            "link": link,
            "code": "".join(secrets.choice(CODE_ALPHABET) for _ in range(10)),
            "order_seed": secrets.randbits(53),
            "enrolled_at": now,
        },
    )
    if is_new:
        language = link.stage.study.frozen.document["language"]
        Consent.objects.create(
            enrolment=enrolment, text_sha256=consent_sha256(consent_text), language=language, consented_at=now
        )
        if arrival.parameters:
            identity = canonical_bytes({"panel": arrival.panel, "parameters": dict(arrival.parameters)})
            PanelIdentity.objects.create(enrolment=enrolment, encrypted=seal(identity, "panel identity"))
        audit.record(
            "consented", f"enrolment {enrolment.code}", actor=audit.PARTICIPANT, study=link.stage.study, after="active"
        )
    return enrolment


@transaction.atomic
def decline(*, link: Link) -> None:
    """Count a no, keeping nothing else of who said it."""
    check_open(link)
    Decline.objects.create(stage=link.stage)

"""Arrival: from a link to an enrolment. Looking at a link writes nothing; consent does, once a person."""

from __future__ import annotations

import hmac
import secrets
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from studyapp.actions import audit
from studyapp.actions.consent_texts import current_text, give_consent
from studyapp.actions.data_code import new_code_sha256
from studyapp.actions.sealing import seal
from studyapp.design.canonical import canonical_bytes
from studyapp.errors import ConsentChanged, NotEligible
from studyapp.models import Decline, Enrolment, Evidence, Lab, Link, PanelIdentity, Participant
from studyapp.models.frozen import frozen_by_study
from studyapp.models.quality import Proof
from studyapp.models.studies import StudyState

# No 0, O, 1, I: people read these codes to each other.
CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
MAX_PANEL_ID = 200
# MTurk shows a task before it is accepted: something to look at, nothing to store.
MTURK_PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"


@dataclass(frozen=True)
class Arrival:
    """Who comes, as the address says: the panel, its id for the person, every other parameter, and what proves it."""

    panel: str
    panel_id: str
    parameters: Mapping[str, str]
    proof: Proof = Proof.UNVERIFIED

    @property
    def is_preview(self) -> bool:
        return self.parameters.get("assignmentId") == MTURK_PREVIEW


def read_arrival(query: Mapping[str, str]) -> Arrival:
    """Read the conventions of Prolific and MTurk, else `participant`; raises NotEligible for an id that is none."""
    for panel, name in (("prolific", "PROLIFIC_PID"), ("mturk", "workerId"), ("label", "participant")):
        if name in query:
            return Arrival(panel, clean_id(panel, query[name], name), dict(query))
    return Arrival("", "", dict(query))


def clean_id(panel: str, value: str, name: str) -> str:
    """One spelling of an id, so that its variants are one person; raises NotEligible for what is no id.

    Invisible characters go, and composed and decomposed letters are one. Capitals count in a lab's own labels, which
    may be random letters; the ids of Prolific (small hex digits) and MTurk (capitals) have one spelling.
    """
    seen = "".join(character for character in value if unicodedata.category(character) != "Cf")
    cleaned = unicodedata.normalize("NFC" if panel == "label" else "NFKC", seen).strip()
    cleaned = {"prolific": cleaned.lower(), "mturk": cleaned.upper()}.get(panel, cleaned)
    template = cleaned.startswith("{{") or not cleaned
    if template or len(cleaned) > MAX_PANEL_ID or not cleaned.isprintable():
        raise NotEligible(
            gettext("This link does not carry a usable %(name)s. Open the study again from the page that invited you.")
            % {"name": name}
        )
    return cleaned


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


def check_not_excluded(link: Link, arrival: Arrival, visitor: str) -> None:
    """Raise NotEligible for somebody known from a study whose people the frozen design keeps out."""
    study = link.stage.study
    excluded = frozen_by_study(study.pk).design.recruiting.exclude
    if not excluded or link.stage.is_simulated:
        return
    earlier = Enrolment.objects.filter(study__lab=study.lab, study__public_id__in=excluded)
    if earlier.filter(participant__pseudonym=pseudonym_of(link, arrival, visitor)).exists():
        raise NotEligible(gettext("This study is for people who were not in an earlier one of ours. Thank you."))


def find_enrolment(link: Link, arrival: Arrival, visitor: str) -> Enrolment | None:
    """The enrolment of somebody who comes again, by the same id, the same browser or the same single-use link.

    Raises NotEligible when they came with a signature and this arrival has none: an id alone can be typed by anybody.
    """
    study, pseudonym = link.stage.study, pseudonym_of(link, arrival, visitor)
    people = Enrolment.objects.filter(study=study, participant__lab=study.lab)
    return _proven(people.filter(participant__pseudonym=pseudonym).first(), arrival)


def _proven(known: Enrolment | None, arrival: Arrival) -> Enrolment | None:
    is_proven = arrival.proof == Proof.SIGNED
    if known and not is_proven and Evidence.objects.filter(enrolment=known, proof=Proof.SIGNED).exists():
        raise NotEligible(gettext("To go on with your run, open the study from the page that invited you."))
    return known


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
def enrol(*, link: Link, arrival: Arrival, visitor: str, consent_version: int) -> Enrolment:
    """Record consent to a version of the text and begin an enrolment; who comes again gets the one they have.

    Raises NotEligible when the link lets nobody new in, and ConsentChanged when that version is not in force.
    """
    study = link.stage.study
    person = _held_person(study.lab, pseudonym_of(link, arrival, visitor))
    known = _proven(Enrolment.objects.filter(study=study, participant=person).first(), arrival)
    if known:
        return known
    check_open(link)
    check_not_excluded(link, arrival, visitor)
    text = current_text(study)
    if text.version != consent_version:
        raise ConsentChanged(f"Version {text.version} of the consent text is in force; {consent_version} came.")
    enrolment = _new_enrolment(link, person)
    give_consent(enrolment, text)
    _keep_evidence(enrolment, arrival, visitor)
    if arrival.parameters:
        identity = canonical_bytes({"panel": arrival.panel, "parameters": dict(arrival.parameters)})
        PanelIdentity.objects.create(enrolment=enrolment, encrypted=seal(identity, "panel identity"))
    audit.record("consented", enrolment.trail_name, actor=audit.PARTICIPANT, study=study, after=text.version)
    return enrolment


def _held_person(lab: Lab, pseudonym: str) -> Participant:
    """The person, made where they are new, and held until the transaction ends: their tabs follow one another."""
    [person] = Participant.objects.bulk_create(
        [Participant(lab=lab, pseudonym=pseudonym)],
        update_conflicts=True,
        unique_fields=["lab", "pseudonym"],
        update_fields=["pseudonym"],  # to itself: the update is what holds the row
    )
    return person


def _new_enrolment(link: Link, person: Participant) -> Enrolment:
    public_id = uuid.uuid4()
    return Enrolment.objects.create(
        public_id=public_id,
        study=link.stage.study,
        participant=person,
        data_code_sha256=new_code_sha256(public_id),
        stage=link.stage,
        link=link,
        code="".join(secrets.choice(CODE_ALPHABET) for _ in range(10)),
        order_seed=secrets.randbits(53),
        enrolled_at=timezone.now(),
    )


def _keep_evidence(enrolment: Enrolment, arrival: Arrival, visitor: str) -> None:
    """Keep how they came. The browser is known by a digest that means nothing in another study."""
    earlier = Enrolment.objects.filter(participant=enrolment.participant).exclude(study=enrolment.study)
    key = bytes(enrolment.study.lab.pseudonym_key)
    browser = f"browser:{enrolment.stage_id if enrolment.stage.is_simulated else ''}:{enrolment.study_id}:{visitor}"
    Evidence.objects.create(
        enrolment=enrolment,
        proof=arrival.proof,
        panel=arrival.panel,
        seen_before=earlier.count(),
        browser=hmac.new(key, browser.encode("utf-8"), "sha256").hexdigest() if visitor else "",
    )


@transaction.atomic
def decline(*, link: Link) -> None:
    """Count a no, keeping nothing else of who said it."""
    check_open(link)
    Decline.objects.create(stage=link.stage)
    audit.record("declined", str(link.stage), actor=audit.PARTICIPANT, study=link.stage.study)

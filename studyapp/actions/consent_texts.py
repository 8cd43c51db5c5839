"""What people agree to: versions of a study's consent text, appended and never edited."""

from __future__ import annotations

import hashlib

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from studyapp.actions import audit
from studyapp.actions.studies import locked_study
from studyapp.errors import WrongState
from studyapp.models import Consent, ConsentText, Enrolment, FrozenDesign, Study, User
from studyapp.models.participants import EnrolmentState


def consent_sha256(text: str) -> str:
    """The hash under which a consent text is recorded."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def add_first_text(frozen: FrozenDesign) -> ConsentText:
    """Version 1 is the text of the frozen design. Call it in the transaction that freezes."""
    design = frozen.design
    return ConsentText.objects.create(
        study=frozen.study,
        version=1,
        language=design.language,
        text=design.texts.consent,
        sha256=consent_sha256(design.texts.consent),
        approval_number=design.rights.approval,
        created_at=timezone.now(),
        created_by=frozen.frozen_by,
    )


def current_text(study: Study) -> ConsentText:
    """What people who come now are asked to agree to."""
    return ConsentText.objects.filter(study=study).latest("version")


@transaction.atomic
def amend_consent(
    *, study: Study, text: str, reason: str, approval_number: str, asks_again: bool, actor: User
) -> ConsentText:
    """A new version from now on. Who is under way stays on theirs; with `asks_again` they are asked at the next screen.

    Raises WrongState when the study is a draft or over, or the text is the current one.
    """
    locked = locked_study(study)
    if locked.is_draft:
        raise WrongState(gettext("This study is a draft: change the text in its design."))
    if locked.is_closed:
        raise WrongState(gettext("This study is closed; nobody reads its consent any more."))
    before = current_text(locked)
    if before.text == text:
        raise WrongState(gettext("This is the text in force; there is nothing to amend."))
    made = ConsentText.objects.create(
        study=locked,
        version=before.version + 1,
        language=before.language,
        text=text,
        sha256=consent_sha256(text),
        approval_number=approval_number,
        reason=reason,
        asks_again=asks_again,
        created_at=timezone.now(),
        created_by=actor,
    )
    if asks_again:
        Enrolment.objects.filter(study=locked, state=EnrolmentState.ACTIVE).update(must_consent_again=True)
    audit.record(
        "amended consent",
        f"study {locked.public_id}",
        actor=actor,
        study=locked,
        before={"version": before.version, "sha256": before.sha256},
        after={
            "version": made.version,
            "sha256": made.sha256,
            "reason": reason,
            "approval": approval_number,
            "asks_again": asks_again,
        },
    )
    return made


def give_consent(enrolment: Enrolment, text: ConsentText) -> Consent:
    """Note that somebody agrees to a version. Call it where the person or their enrolment is held, once a version."""
    return Consent.objects.create(
        enrolment=enrolment,
        text=text,
        text_sha256=text.sha256,
        language=text.language,
        consented_at=timezone.now(),
    )


@transaction.atomic
def consent_again(*, enrolment_id: int, version: int) -> bool:
    """Agree to an amended text; False when another version came meanwhile, so that one has to be read first."""
    enrolment = Enrolment.objects.select_for_update(of=("self",)).select_related("study").get(pk=enrolment_id)
    text = current_text(enrolment.study)
    if text.version != version:
        return False
    if enrolment.must_consent_again and enrolment.state == EnrolmentState.ACTIVE:
        give_consent(enrolment, text)
        enrolment.must_consent_again = False
        enrolment.save(update_fields=["must_consent_again"])
        audit.record(
            "consented again", enrolment.trail_name, actor=audit.PARTICIPANT, study=enrolment.study, after=version
        )
    return True

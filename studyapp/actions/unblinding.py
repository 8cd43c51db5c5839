"""Revealing the arms: one owner asks, another person confirms in time; the only owner of a lab says why it is alone.

The database refuses anything else (migrations/0004_blindness.py), so that no way around these actions unblinds.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from studyapp.actions import audit
from studyapp.actions.sealing import unseal
from studyapp.actions.studies import locked_study
from studyapp.errors import WrongState
from studyapp.models import Membership, Role, Study, UnblindingAnswer, UnblindingRequest, User
from studyapp.models.studies import StudyState

TIME_TO_CONFIRM = timedelta(hours=72)
SHORTEST_REASON = 10


@transaction.atomic
def request_unblinding(*, study: Study, actor: User, second: User | None = None, reason: str = "") -> UnblindingRequest:
    """Ask another owner, or `second`, to confirm; raises WrongState when it cannot be asked for now."""
    locked = _closed(study)
    _require_owner(locked, actor)
    if waiting_request(locked):
        raise WrongState(gettext("Unblinding is asked for already, and waits for a second person."))
    if second is not None and (second == actor or not _is_member(locked, second)):
        raise WrongState(gettext("The second person must be another member of this lab."))
    if second is None and not other_owners(locked, actor).exists():
        raise WrongState(gettext("This lab has no other owner. Name another member who confirms."))
    now = timezone.now()
    asked = UnblindingRequest.objects.create(
        study=locked,
        asked_by=actor,
        asked_at=now,
        expires_at=now + TIME_TO_CONFIRM,
        second=second,
        reason=reason.strip(),
    )
    audit.record(
        "asked to unblind",
        f"study {locked.public_id}",
        actor=actor,
        study=locked,
        after={"until": asked.expires_at.isoformat(), "second": audit.name_of(second) if second else None},
    )
    return asked


@transaction.atomic
def confirm_unblinding(*, study: Study, actor: User) -> Study:
    """Reveal the arms as the second person; raises WrongState when there is nothing this person may confirm."""
    locked = _closed(study)
    asked = _waiting(locked)
    if not may_confirm(asked, actor):
        raise WrongState(gettext("Somebody else has to confirm: another owner, or the member who was named."))
    UnblindingAnswer.objects.create(request=asked, by=actor, at=timezone.now(), is_confirmed=True)
    return _reveal(locked, actor, asked_by=asked.asked_by, reason=asked.reason)


@transaction.atomic
def refuse_unblinding(*, study: Study, actor: User) -> None:
    """Take the request back, or decline it; the study stays blind and can be asked for again."""
    locked = _closed(study)
    asked = _waiting(locked)
    if asked.asked_by != actor and not may_confirm(asked, actor):
        raise WrongState(gettext("Only who asked, or who may confirm, can end this request."))
    UnblindingAnswer.objects.create(request=asked, by=actor, at=timezone.now(), is_confirmed=False)
    verb = "took back the request to unblind" if asked.asked_by == actor else "declined to unblind"
    audit.record(verb, f"study {locked.public_id}", actor=actor, study=locked)


@transaction.atomic
def unblind_alone(*, study: Study, actor: User, reason: str) -> Study:
    """Reveal the arms as a lab's only owner, with the reason, which is shown from then on.

    Raises WrongState where there is another owner, or no reason.
    """
    locked = _closed(study)
    _require_owner(locked, actor)
    if other_owners(locked, actor).exists():
        raise WrongState(gettext("This lab has another owner, who has to confirm."))
    if len(reason.strip()) < SHORTEST_REASON:
        raise WrongState(gettext("Say why there is no second person; the reason is kept beside the data."))
    now = timezone.now()
    UnblindingRequest.objects.create(
        study=locked, asked_by=actor, asked_at=now, expires_at=now, reason=reason.strip(), is_alone=True
    )
    return _reveal(locked, actor, asked_by=None, reason=reason.strip())


def _reveal(locked: Study, actor: User, *, asked_by: User | None, reason: str) -> Study:
    before = locked.state
    locked.state = StudyState.UNBLINDED
    locked.save(update_fields=["state"])
    audit.record(
        "unblinded" if asked_by else "unblinded alone",
        f"study {locked.public_id}",
        actor=actor,
        study=locked,
        before=before,
        after={
            "state": locked.state,
            "asked_by": audit.name_of(asked_by) if asked_by else audit.name_of(actor),
            "confirmed_by": audit.name_of(actor) if asked_by else None,
            "reason": reason,
        },
    )
    return locked


def _closed(study: Study) -> Study:
    locked = locked_study(study)
    if locked.state != StudyState.CLOSED:
        raise WrongState(
            gettext("A study that is %(now)s cannot become %(to)s.")
            % {"now": locked.get_state_display().lower(), "to": StudyState.UNBLINDED.label.lower()}
        )
    return locked


def _waiting(study: Study) -> UnblindingRequest:
    asked = waiting_request(study)
    if asked is None:
        raise WrongState(gettext("Nobody asks to unblind this study, or the time to confirm is over. Ask again."))
    return asked


def _require_owner(study: Study, actor: User) -> None:
    if not Membership.objects.filter(lab=study.lab, user=actor, role=Role.OWNER).exists():
        raise WrongState(gettext("An owner of the lab asks to unblind."))


def _is_member(study: Study, user: User) -> bool:
    return Membership.objects.filter(lab=study.lab, user=user).exists()


def waiting_request(study: Study) -> UnblindingRequest | None:
    """The request that waits for a second person."""
    return study.unblinding_requests.waiting().select_related("asked_by", "second").last()


def other_owners(study: Study, user: User):  # type: ignore[no-untyped-def]
    """The lab's owners beside this one."""
    return User.objects.filter(memberships__lab=study.lab, memberships__role=Role.OWNER).exclude(pk=user.pk)


def may_confirm(asked: UnblindingRequest, user: User) -> bool:
    """Whether this member is the second person: another owner of the lab, or the one who was named."""
    if asked.asked_by_id == user.pk:
        return False
    return asked.second_id == user.pk or other_owners(asked.study, asked.asked_by).filter(pk=user.pk).exists()


def revealed_key(study: Study) -> bytes | None:
    """The key of the allocation sequence once the study is unblinded; None before."""
    return unseal(bytes(study.seal.encrypted_key), "allocation") if study.state == StudyState.UNBLINDED else None

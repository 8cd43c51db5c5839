"""Invitations into a lab: for one address, for a time, to be used once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext

from studyapp import queue
from studyapp.actions import audit
from studyapp.actions.accounts import set_role
from studyapp.errors import NotEligible, WrongState
from studyapp.models import Invitation, Lab, Membership, Role, User
from studyapp.models.accounts import InvitationQuerySet

INVITATION_LIFE = timedelta(days=7)


@transaction.atomic
def invite(*, lab: Lab, email: str, role: Role, actor: User) -> Invitation:
    """Ask somebody into a lab by mail. A second invitation of the same address replaces the first.

    The same happens whether the address has an account here or not, so that nobody learns who has one.
    Raises WrongState when the address is a member's.
    """
    email = email.strip().lower()
    if lab.memberships.filter(user__email=email).exists():
        raise WrongState(gettext("This person is a member already; change the role in the list."))
    Lab.objects.select_for_update().get(pk=lab.pk)  # two owners may invite the same person at once
    lab.invitations.filter(email=email).delete()
    nonce = secrets.token_hex(16)
    invitation = Invitation.objects.create(
        lab=lab,
        email=email,
        role=role,
        nonce=nonce,
        token_sha256=_sha256(_token(nonce)),
        expires_at=timezone.now() + INVITATION_LIFE,
        invited_by=actor,
    )
    audit.record("invited", f"invitation:{invitation.pk}", actor=actor, lab=lab, after=role)
    queue.enqueue("mail_invitation", queue=queue.ANALYSIS, args={"invitation": invitation.pk})
    return invitation


@transaction.atomic
def revoke(*, invitation: Invitation, actor: User) -> None:
    """The link opens nothing from now on."""
    audit.record("revoked", f"invitation:{invitation.pk}", actor=actor, lab=invitation.lab, before=invitation.role)
    invitation.delete()


def find_invitation(token: str) -> Invitation:
    """The open invitation of a link; NotEligible, in the same words, when it is unknown, used, revoked or expired."""
    return _find(token, Invitation.objects.all())


def _find(token: str, invitations: InvitationQuerySet) -> Invitation:
    found = invitations.open().filter(token_sha256=_sha256(token)).select_related("lab", "invited_by").first()
    if found is None:
        raise NotEligible(gettext("This invitation was used before, was withdrawn or has expired. Ask for a new one."))
    return found


@transaction.atomic
def accept_as(*, token: str, user: User) -> Membership:
    """Become a member as who is signed in. Raises NotEligible when the invitation is another's or no longer open."""
    invitation = _find(token, Invitation.objects.select_for_update(of=("self",)))
    if not is_for(invitation, user):
        raise NotEligible(gettext("This invitation is for another e-mail address."))
    return _accept(invitation, user)


@transaction.atomic
def accept_as_new(*, token: str, name: str, password: str) -> User:
    """Make the invited person's account and membership. Raises NotEligible when the address has an account by now."""
    invitation = _find(token, Invitation.objects.select_for_update(of=("self",)))
    if User.objects.filter(email=invitation.email).exists():
        raise NotEligible(gettext("This address has an account. Sign in, then open the invitation again."))
    user = User.objects.create_user(email=invitation.email, name=name, password=password)
    audit.record("created", f"user:{user.pk}", actor=user, lab=invitation.lab)
    _accept(invitation, user)
    return user


def _accept(invitation: Invitation, user: User) -> Membership:
    membership = set_role(lab=invitation.lab, user=user, role=Role(invitation.role), actor=user)
    audit.record("accepted", f"invitation:{invitation.pk}", actor=user, lab=invitation.lab, after=invitation.role)
    invitation.delete()
    return membership


def is_for(invitation: Invitation, user: User) -> bool:
    return user.email.lower() == invitation.email


def invitation_address(invitation: Invitation) -> str:
    """The link to send; made anew each time, since the table keeps the hash of its token alone."""
    return settings.BASE_URL + reverse("invitation", args=[_token(invitation.nonce)])


def _token(nonce: str) -> str:
    return salted_hmac("foretell/invitation", nonce, algorithm="sha256").hexdigest()


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8")).hexdigest()

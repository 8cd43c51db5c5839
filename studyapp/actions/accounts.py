"""Accounts: labs, members, one-time sign-in."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from studyapp.actions import audit
from studyapp.errors import NotEligible, WrongState
from studyapp.models import Lab, Membership, Role, SignInLink, User

SIGN_IN_LINK_LIFE = timedelta(hours=12)


@transaction.atomic
def create_lab(*, name: str, owner: User) -> Lab:
    """A lab with its first owner."""
    lab = Lab.objects.create(name=name, pseudonym_key=secrets.token_bytes(32))
    Membership.objects.create(lab=lab, user=owner, role=Role.OWNER)
    audit.record("created", f"lab {lab.name}", actor=owner, lab=lab)
    return lab


@transaction.atomic
def set_role(*, lab: Lab, user: User, role: Role, actor: User) -> Membership:
    """Make somebody a member, or change what they may; a lab always keeps an owner."""
    before = Membership.objects.filter(lab=lab, user=user).first()
    if before and before.role == Role.OWNER and role != Role.OWNER:
        _keep_an_owner(lab, user)
    membership, _ = Membership.objects.update_or_create(lab=lab, user=user, defaults={"role": role})
    audit.record(
        "set role", f"user:{user.pk}", actor=actor, lab=lab, before=before.role if before else None, after=role
    )
    return membership


@transaction.atomic
def remove_member(*, lab: Lab, user: User, actor: User) -> None:
    """End a membership; the person's next request finds nothing of the lab."""
    _keep_an_owner(lab, user)
    Membership.objects.filter(lab=lab, user=user).delete()
    audit.record("removed", f"user:{user.pk}", actor=actor, lab=lab)


def _keep_an_owner(lab: Lab, leaving: User) -> None:
    owners = Membership.objects.select_for_update().filter(lab=lab, role=Role.OWNER)
    if not [m for m in owners if m.user_id != leaving.pk]:
        raise WrongState(gettext("A lab needs an owner. Make somebody else an owner first."))


def make_sign_in_link(*, user: User) -> str:
    """A token that signs its bearer in once; only its hash is kept."""
    token = secrets.token_urlsafe(32)
    SignInLink.objects.create(user=user, token_sha256=_digest(token), expires_at=timezone.now() + SIGN_IN_LINK_LIFE)
    return token


def sign_in_address(*, user: User) -> str:
    """The address to open: whoever opens it first is signed in."""
    return settings.BASE_URL + reverse("sign_in_by_link", args=[make_sign_in_link(user=user)])


@transaction.atomic
def use_sign_in_link(*, token: str) -> User:
    """Spend a token; raises NotEligible when it is unknown, spent or expired."""
    link = SignInLink.objects.select_for_update().filter(token_sha256=_digest(token)).select_related("user").first()
    if link is None or link.used_at or link.expires_at < timezone.now() or not link.user.is_active:
        raise NotEligible(gettext("This sign-in link was used before or has expired. Ask for a new one."))
    link.used_at = timezone.now()
    link.save(update_fields=["used_at"])
    return link.user


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8")).hexdigest()

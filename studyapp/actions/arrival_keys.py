"""The keys with which a lab checks signed links: a panel's public ones, and a secret for links of its own."""

from __future__ import annotations

import secrets

from django.db import transaction

from studyapp.actions import audit
from studyapp.actions.arrivals import SECRET
from studyapp.actions.sealing import seal
from studyapp.actions.signatures import KeysRefused, read_key_set
from studyapp.errors import StudyError
from studyapp.models import ArrivalKeys, Lab, User


class KeySetRefused(StudyError):
    """A key set that cannot be used; the text says what to mend."""


@transaction.atomic
def keep_panel_keys(*, lab: Lab, text: str, actor: User) -> ArrivalKeys:
    """Replace the panel's public keys; an empty text removes them. Raises KeySetRefused and changes nothing."""
    try:
        keys = read_key_set(text) if text.strip() else {}
    except KeysRefused as error:
        raise KeySetRefused(str(error)) from error
    row = _locked(lab)
    before, row.panel_keys = names_of(row), keys
    row.save(update_fields=["panel_keys", "changed_at"])
    audit.record("changed panel keys", f"lab {lab.pk}", actor=actor, lab=lab, before=before, after=names_of(row))
    return row


@transaction.atomic
def make_secret(*, lab: Lab, actor: User) -> str:
    """A new secret for the lab's own signed links, told once; what was signed with the old one opens nothing more."""
    row = _locked(lab)
    secret = secrets.token_hex(32)
    had_one, row.sealed_secret = row.sealed_secret is not None, seal(bytes.fromhex(secret), SECRET)
    row.save(update_fields=["sealed_secret", "changed_at"])
    audit.record("made a link secret", f"lab {lab.pk}", actor=actor, lab=lab, before=had_one, after=True)
    return secret


def names_of(row: ArrivalKeys) -> list[str]:
    """The names (kid) of the panel's keys."""
    return [jwk["kid"] for jwk in row.panel_keys.get("keys", ())]


def _locked(lab: Lab) -> ArrivalKeys:
    ArrivalKeys.objects.get_or_create(lab=lab)
    return ArrivalKeys.objects.select_for_update().get(lab=lab)

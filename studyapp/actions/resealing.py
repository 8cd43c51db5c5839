"""Sealing anew under the key in force, so that an old one can be taken out of FORETELL_SECRET_KEY_FALLBACKS."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.db import transaction

from studyapp.actions import arrivals, audit, looks
from studyapp.actions.sealing import is_sealed_now, seal_anew
from studyapp.models import ArrivalKeys, InterimLook, PanelIdentity, Seal
from studyapp.models.studies import StudyState

# Columns that hold something sealed and may change, with the purpose it was sealed for.
COLUMNS = (
    (PanelIdentity, "encrypted", "panel identity"),
    (ArrivalKeys, "sealed_secret", arrivals.SECRET),
    (InterimLook, "sealed", looks.PURPOSE),
)
SECOND_FACTOR, SEALED_KEYS = "second factor", ("secret", "seed")  # in the JSON of allauth's rows


@dataclass(frozen=True)
class Resealed:
    """How many seals were renewed, and how many allocation keys, which never change, still need an old key."""

    renewed: int
    old_allocation_keys: int


def reseal() -> Resealed:
    """Renew every seal that may change; cryptography.fernet.InvalidToken when no key opens one."""
    renewed = sum(
        _renew(model, column, purpose, key)
        for model, column, purpose in COLUMNS
        for key in list(model.objects.order_by("pk").values_list("pk", flat=True))
    )
    renewed += sum(
        _renew_factor(key) for key in list(Authenticator.objects.order_by("pk").values_list("pk", flat=True))
    )
    allocating = Seal.objects.exclude(study__state=StudyState.UNBLINDED)
    old = sum(not is_sealed_now(bytes(seal.encrypted_key), "allocation") for seal in allocating)
    with transaction.atomic():
        audit.record("resealed", "seals", actor=audit.SYSTEM, after={"renewed": renewed, "old_allocation_keys": old})
    return Resealed(renewed, old)


@transaction.atomic
def _renew(model: type[PanelIdentity | ArrivalKeys | InterimLook], column: str, purpose: str, key: int) -> int:
    row = model._default_manager.select_for_update().filter(pk=key).first()
    sealed = getattr(row, column, None)
    if row is None or sealed is None or is_sealed_now(bytes(sealed), purpose):
        return 0
    setattr(row, column, seal_anew(bytes(sealed), purpose))
    row.save(update_fields=[column])
    return 1


@transaction.atomic
def _renew_factor(key: int) -> int:
    row = Authenticator.objects.select_for_update().filter(pk=key).first()
    held = {name: row.data[name] for name in SEALED_KEYS if name in row.data} if row else {}
    old = {name: text for name, text in held.items() if not is_sealed_now(text.encode(), SECOND_FACTOR)}
    if not old:
        return 0
    row.data |= {name: seal_anew(text.encode(), SECOND_FACTOR).decode() for name, text in old.items()}
    row.save(update_fields=["data"])
    return 1

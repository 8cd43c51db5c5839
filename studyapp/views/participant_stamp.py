"""The stamp on a screen's form: which screen of whose run this is, under which idempotency key, served when.

Signed, so that an answer can only be to a screen that was served, and our own interval cannot be made up.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.core import signing

from studyapp.models import Enrolment

SALT = "studyapp.stamp"
ARRIVAL_SALT = "studyapp.arrival.2"  # another number when what is signed changes


class StampInvalid(Exception):
    """A stamp that we did not make, or made for somebody else."""


@dataclass(frozen=True)
class Stamp:
    """`text` is what stands in the form; `served_at_ms` is None on a screen handed ahead, which nobody may ever see."""

    text: str
    position: int
    attempt: int
    key: uuid.UUID
    served_at_ms: int | None


def new_stamp(enrolment: Enrolment) -> Stamp:
    """A stamp for the screen at which the enrolment is."""
    return _stamp(enrolment, enrolment.position, enrolment.attempt, now_ms())


def stamp_ahead(enrolment: Enrolment, position: int) -> Stamp:
    """A stamp for a screen that the browser holds before its turn. It opens nothing: answers count in order only."""
    return _stamp(enrolment, position, 1, None)


def _stamp(enrolment: Enrolment, position: int, attempt: int, served_at_ms: int | None) -> Stamp:
    key = uuid.uuid4()
    text = signing.dumps([enrolment.public_id.hex, position, attempt, key.hex, served_at_ms], salt=SALT)
    return Stamp(text, position, attempt, key, served_at_ms)


def read_stamp(text: str, enrolment: Enrolment) -> Stamp:
    """Read a stamp of this enrolment; raises StampInvalid."""
    try:
        owner, position, attempt, key, served_at_ms = signing.loads(text, salt=SALT)
    except (signing.BadSignature, ValueError) as error:
        raise StampInvalid("not a stamp of ours") from error
    if owner != enrolment.public_id.hex:
        raise StampInvalid("a stamp of another run")
    return Stamp(text, position, attempt, uuid.UUID(key), served_at_ms)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Carried:
    """What came by a link's address, brought back by the consent form."""

    parameters: Mapping[str, str]
    proof: str


def carry(parameters: Mapping[str, str], proof: str, link_token: str) -> str:
    """The parameters of an arrival and what proved it, signed for their link, so that the consent form can bring them
    back: a panel's signature may have expired when the text is read."""
    return signing.dumps([dict(parameters), proof], salt=f"{ARRIVAL_SALT}.{link_token}", compress=True)


def carried(text: str, link_token: str) -> Carried:
    """What `carry` signed; raises signing.BadSignature for anything else."""
    parameters, proof = signing.loads(text, salt=f"{ARRIVAL_SALT}.{link_token}")
    return Carried(parameters, proof)

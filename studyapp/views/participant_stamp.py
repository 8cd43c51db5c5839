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
ARRIVAL_SALT = "studyapp.arrival"


class StampInvalid(Exception):
    """A stamp that we did not make, or made for somebody else."""


@dataclass(frozen=True)
class Stamp:
    """`text` is what stands in the form."""

    text: str
    position: int
    attempt: int
    key: uuid.UUID
    served_at_ms: int


def new_stamp(enrolment: Enrolment) -> Stamp:
    """A stamp for the screen at which the enrolment is."""
    key, now = uuid.uuid4(), now_ms()
    text = signing.dumps([enrolment.public_id.hex, enrolment.position, enrolment.attempt, key.hex, now], salt=SALT)
    return Stamp(text, enrolment.position, enrolment.attempt, key, now)


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


def carry(parameters: Mapping[str, str], link_token: str) -> str:
    """The parameters of an arrival, signed for the link they came by, so that the consent form can bring them back."""
    return signing.dumps(dict(parameters), salt=f"{ARRIVAL_SALT}.{link_token}", compress=True)


def carried(text: str, link_token: str) -> dict[str, str]:
    """What `carry` signed; raises signing.BadSignature for anything else."""
    parameters: dict[str, str] = signing.loads(text, salt=f"{ARRIVAL_SALT}.{link_token}")
    return parameters

"""A person's own code, which opens their data without a login. Only its hash is stored; the code is derived again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid

from studyapp.actions.guessing import Limit, give_back, take
from studyapp.actions.sealing import keys_for
from studyapp.models import Enrolment

LETTERS = 20  # of 5 bits: nobody guesses 100 bits
GROUP = 5
WRONG_CODE = Limit("personal code", at_once=30, seconds=10)  # from one address; a right one does not count


def code_sha256(code: str) -> str:
    """The hash under which a code is stored."""
    return hashlib.sha256(code.encode("utf-8")).hexdigest()


def new_code_sha256(public_id: uuid.UUID) -> str:
    """The hash of the code of a new enrolment, under the key in force."""
    return code_sha256(_derive(public_id, keys_for("data code")[0]))


def data_code(enrolment: Enrolment) -> str:
    """The code to show to its owner, in groups; empty when its key is gone (the person's own note still works)."""
    for key in keys_for("data code"):
        code = _derive(enrolment.public_id, key)
        if enrolment.data_code_sha256 and hmac.compare_digest(code_sha256(code), enrolment.data_code_sha256):
            return "-".join(code[n : n + GROUP] for n in range(0, LETTERS, GROUP))
    return ""


def _derive(public_id: uuid.UUID, key: bytes) -> str:
    # Base 32 has no 0, 1, 8 and 9, which are mistaken for letters.
    return base64.b32encode(hmac.digest(key, public_id.bytes, "sha256")).decode("ascii")[:LETTERS]


def read_code(typed: str) -> str:
    """A code as somebody types it: small letters, blanks, and digits mistaken for letters."""
    kept = "".join(letter for letter in typed.upper() if letter.isalnum())
    return kept.translate(str.maketrans("018", "OIB"))


def find_by_code(*, typed: str, source: str) -> Enrolment | None:
    """The enrolment that a code opens; None for no such code. Raises TooManyGuesses after too many wrong ones."""
    take(WRONG_CODE, source)
    code = read_code(typed)
    found = Enrolment.objects.select_related("study").filter(data_code_sha256=code_sha256(code)).first()
    if found is not None:
        give_back(WRONG_CODE, source)
    return found

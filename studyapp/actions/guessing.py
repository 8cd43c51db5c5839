"""How fast a secret may be guessed: at an account, and from an address of the network.

A limit is a bucket of one row: some guesses at once, then one in so many seconds, so that an honest person is never
shut out for long. One statement asks and takes, so a thousand guesses at the same moment are counted one by one, by
every web process alike. The rows are in the database since there is no shared cache, on purpose: Django's pickle.

What is guessed at, and from where, is kept as a keyed digest only, until the bucket is empty again.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext

from studyapp.errors import TooManyGuesses


@dataclass(frozen=True)
class Limit:
    """`at_once` guesses, and then one every `seconds`."""

    name: str
    at_once: int
    seconds: float


# At most 5 + 300 / 60 = 10 guesses in any five minutes.
PASSWORD = Limit("password", at_once=5, seconds=60)
SECOND_FACTOR = Limit("second factor", at_once=5, seconds=60)
# Enough for a building behind one address: 300 people at once, and 300 more every minute.
ADDRESS = Limit("address", at_once=300, seconds=0.2)
RESET = Limit("reset", at_once=3, seconds=300)
USED_CODE = Limit("used code", at_once=1, seconds=90)  # a code of an authenticator opens one door

# A bucket is full while `free_at` is further ahead than all its guesses but one last.
TAKE = """
INSERT INTO studyapp_guesslimit AS bucket (digest, free_at)
VALUES (%(digest)s, clock_timestamp() + %(seconds)s * interval '1 second')
ON CONFLICT (digest) DO UPDATE
SET free_at = greatest(bucket.free_at, clock_timestamp()) + %(seconds)s * interval '1 second'
WHERE bucket.free_at <= clock_timestamp() + (%(at_once)s - 1) * %(seconds)s * interval '1 second'
RETURNING digest
"""
GIVE_BACK = "UPDATE studyapp_guesslimit SET free_at = free_at - %s * interval '1 second' WHERE digest = %s"
# Rows that another process deletes at this moment are left to it.
FORGET = """
DELETE FROM studyapp_guesslimit WHERE digest IN (
    SELECT digest FROM studyapp_guesslimit WHERE free_at < clock_timestamp() LIMIT 1000 FOR UPDATE SKIP LOCKED)
"""


def may_guess(limit: Limit, whose: object) -> bool:
    """Take a guess out of the bucket; False when it is empty, and then nothing may be tried."""
    forget_old()
    values: dict[str, str | float] = {
        "digest": _digest(limit, whose),
        "seconds": limit.seconds,
        "at_once": limit.at_once,
    }
    with connection.cursor() as cursor:
        cursor.execute(TAKE, values)
        return cursor.fetchone() is not None


def take(limit: Limit, whose: object) -> None:
    """Take a guess out of the bucket, or raise TooManyGuesses."""
    if not may_guess(limit, whose):
        raise TooManyGuesses(gettext("Too many attempts in a short time. Wait a minute and try again."))


def give_back(limit: Limit, whose: object) -> None:
    """What was tried was right: it does not count."""
    with connection.cursor() as cursor:
        cursor.execute(GIVE_BACK, [limit.seconds, _digest(limit, whose)])


def forget_old() -> None:
    """Delete what limits nothing any more."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET)


def _digest(limit: Limit, whose: object) -> str:
    return salted_hmac(f"foretell/{limit.name}", str(whose), algorithm="sha256").hexdigest()

"""Examinations of what must not be lost: sealed keys, the trail, weights, backups."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta

from cryptography.fernet import InvalidToken
from django.core.management import CommandError, call_command

from explainers.cards import read_card
from explainers.errors import ExplainerError
from studyapp.actions.explain import artefact
from studyapp.actions.sealing import unseal
from studyapp.management.doctor.finding import Finding, bad, note, ok
from studyapp.models import Predictor, Seal
from studyapp.models.upkeep import ALARM_AFTER, BACKED_UP, TRIED_RESTORE, age_of


def sealed() -> Iterator[Finding]:
    """The secret key must open every allocation key, or open studies cannot allocate."""
    closed = 0
    for row in Seal.objects.all().iterator():
        try:
            unseal(bytes(row.encrypted_key), "allocation")
        except InvalidToken:
            closed += 1
    if closed:
        yield bad(
            "secret key",
            f"FORETELL_SECRET_KEY does not open the allocation keys of {closed} studies: nobody can be allocated.",
            "Set the key with which they were frozen; the database does not hold it.",
        )
    else:
        yield ok("secret key", "The secret key opens what is sealed.")


def trail() -> Iterator[Finding]:
    said = io.StringIO()
    try:
        call_command("verify_audit", stdout=said)
    except CommandError as error:
        yield bad(
            "audit trail",
            f"The audit trail was changed by somebody: {error}.",
            "Keep the database as it is, compare it with the last backup, and find out who had access.",
        )
    else:
        yield ok("audit trail", f"The audit trail is untouched: {said.getvalue().strip()}")


def weights() -> Iterator[Finding]:
    """Explanations are computed from the very weights that a study was frozen with."""
    wrong = [row.key for row in Predictor.objects.filter(is_current=True).order_by("key") if not _has_weights(row)]
    if wrong:
        yield note(
            "weights",
            f"The weights of {', '.join(wrong)} are not on this machine; workers here cannot compute with them.",
            "Bring back the folder predictors/ from a backup. A machine that only serves pages needs none.",
        )
    else:
        yield ok("weights", "The weights of every predictor are here.")


def _has_weights(row: Predictor) -> bool:
    try:
        return read_card(artefact(row.key)).weights_sha256 == row.weights_sha256
    except (ExplainerError, OSError):
        return False


def backups() -> Iterator[Finding]:
    yield _recent("backup", BACKED_UP, "backup", "Run manage.py backup FILE every night.")
    yield _recent("drill", TRIED_RESTORE, "drill of a restore", "Run manage.py restore --drill FILE every week.")


def _recent(name: str, verb: str, what: str, remedy: str) -> Finding:
    age = age_of(verb)
    if age is None:
        return bad(name, f"There has never been a {what}.", remedy)
    if age > ALARM_AFTER:
        return bad(name, f"The last {what} was {age.days} days ago.", remedy)
    return ok(name, f"The last {what} was {_in_words(age)} ago.")


def _in_words(age: timedelta) -> str:
    hours = int(age.total_seconds() // 3600)
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours" if hours >= 2 else "less than two hours"

"""Writing the audit trail: one entry a change of state, in the transaction of the change."""

from __future__ import annotations

from django.utils import timezone

from studyapp.models import AuditEntry, Lab, Study, User

SYSTEM = "system"
PARTICIPANT = "participant"
LONGEST_WHAT = 120


def record(
    verb: str,
    what: str,
    *,
    actor: User | str,
    study: Study | None = None,
    lab: Lab | None = None,
    before: object = None,
    after: object = None,
) -> None:
    """Append an entry; participants are named by their code only, never by a panel's id."""
    AuditEntry.objects.create(
        study=study,
        lab=lab or (study.lab if study else None),
        at=timezone.now(),
        actor=actor if isinstance(actor, str) else name_of(actor),
        verb=verb,
        what=_one_line(what),
        before=before,
        after=after,
    )


def name_of(user: User) -> str:
    """How the trail names a researcher: a number, so that an address or a name never stands in it."""
    return f"user:{user.pk}"


def _one_line(what: str) -> str:
    # What somebody typed may be in it. No control character: the one that separates the hashed columns is one.
    return "".join(letter if letter.isprintable() else " " for letter in what)[:LONGEST_WHAT]

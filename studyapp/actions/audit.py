"""Writing the audit trail: one entry a change of state, in the transaction of the change."""

from __future__ import annotations

from django.utils import timezone

from studyapp.models import AuditEntry, Lab, Study, User

SYSTEM = "system"
PARTICIPANT = "participant"


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
        actor=actor if isinstance(actor, str) else f"user:{actor.pk}",
        verb=verb,
        what=what,
        before=before,
        after=after,
    )

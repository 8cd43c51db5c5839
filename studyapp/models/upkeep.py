"""When the site was last backed up, and when a restore was last tried: read from the trail, which cannot be edited."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from studyapp.models.audit import AuditEntry

BACKED_UP = "backed up"
TRIED_RESTORE = "tried a restore"
ALARM_AFTER = timedelta(days=8)  # a week and a day: one missed weekly run is seen, a late one is not an alarm


def age_of(verb: str) -> timedelta | None:
    """How long ago it was done last; None for never."""
    last = AuditEntry.objects.filter(study=None, lab=None, verb=verb).order_by("-id").values_list("at", flat=True)
    at = last.first()
    return None if at is None else timezone.now() - at

"""Who changed the state of what, when, from what, to what. Appended only; the database chains the hashes."""

from __future__ import annotations

from django.db import models


class AuditEntry(models.Model):
    """One change of state. `previous` and `entry_sha256` are set by a trigger, whatever is inserted."""

    study = models.ForeignKey("Study", on_delete=models.PROTECT, null=True, related_name="audit")
    lab = models.ForeignKey("Lab", on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()
    actor = models.CharField(max_length=100)
    verb = models.CharField(max_length=60)
    what = models.CharField(max_length=120)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    previous = models.CharField(max_length=64, default="")
    entry_sha256 = models.CharField(max_length=64, default="")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.actor} {self.verb} {self.what}"

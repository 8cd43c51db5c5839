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


class AuditHead(models.Model):
    """Where a chain of the trail ends: how many entries, the last one and its hash. Kept by a trigger alone.

    It tells when entries are cut off the end, and its row is the lock under which the chain is continued.
    `transaction` is the one that wrote last: a study's state moves only in a transaction that leaves an entry.
    """

    chain = models.BigIntegerField(primary_key=True)  # a study's number; 0 is the chain of labs and accounts
    n_entries = models.BigIntegerField(default=0)
    last_entry = models.BigIntegerField(default=0)
    head_sha256 = models.CharField(max_length=64, default="")
    transaction = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.n_entries} entries, {self.head_sha256[:12]}"

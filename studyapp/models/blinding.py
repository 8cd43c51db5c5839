"""Who asked to reveal a study's arms, and who else agreed. Written once; the database refuses to unblind without."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from studyapp.models.accounts import User
from studyapp.models.studies import Study


class UnblindingRequestQuerySet(models.QuerySet["UnblindingRequest"]):
    def waiting(self) -> UnblindingRequestQuerySet:
        """Asked, not answered, and still in time."""
        return self.filter(is_alone=False, answer__isnull=True, expires_at__gt=timezone.now())

    def effective(self) -> UnblindingRequestQuerySet:
        """The one that opened its study: confirmed by somebody else, or made alone where there is nobody else."""
        return self.filter(Q(is_alone=True) | Q(answer__is_confirmed=True))


class UnblindingRequest(models.Model):
    """An owner asks to reveal the arms of a closed study; `second` may confirm beside the lab's other owners."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="unblinding_requests")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    reason = models.TextField(blank=True)
    second = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    is_alone = models.BooleanField(default=False)

    objects = UnblindingRequestQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(is_alone=False) | ~Q(reason=""), name="who_unblinds_alone_says_why")
        ]

    def __str__(self) -> str:
        return f"unblinding of {self.study_id} asked by {self.asked_by_id}"


class UnblindingAnswer(models.Model):
    """What became of a request: confirmed by a second person, or taken back or declined by anybody who may."""

    request = models.OneToOneField(UnblindingRequest, on_delete=models.PROTECT, related_name="answer")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    is_confirmed = models.BooleanField()

    def __str__(self) -> str:
        return "confirmed" if self.is_confirmed else "not confirmed"

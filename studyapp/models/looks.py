"""Planned looks at a study before its end. What a look found is sealed until the study is unblinded."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from studyapp.models.studies import Study


class LookDecision(models.TextChoices):
    GO_ON = "go_on", _("Go on")
    STOP = "stop", _("Stop: every planned comparison is decided")


class InterimLook(models.Model):
    """One planned look. `sealed` holds its statistics, encrypted; the decision names no arm and no direction."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="looks")
    number = models.PositiveSmallIntegerField()  # in the plan's order, from 1
    n_enrolments = models.PositiveIntegerField()  # people counted
    decision = models.CharField(max_length=10, choices=LookDecision)
    sealed = models.BinaryField()
    responses_sha256 = models.CharField(max_length=64)  # of the table that was analysed
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["study", "number"]
        constraints = [
            models.UniqueConstraint(fields=["study", "number"], name="a_planned_look_is_made_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="looks_are_numbered_from_one"),
        ]

    def __str__(self) -> str:
        return f"look {self.number} of {self.study_id}"

"""Explanations, addressed by what they were computed from."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from studyapp.models.jobs import UNFINISHED, Job, JobState
from studyapp.models.material import Item, Predictor
from studyapp.models.studies import FrozenDesign, StudyItem


class ExplanationState(models.TextChoices):
    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


# What is missing is one of three things, told by its job. A job whose workers all died was parked without a word here.
_PENDING = Q(state=ExplanationState.PENDING)
IS_READY = Q(state=ExplanationState.READY)
IS_FAILED = Q(state=ExplanationState.FAILED) | _PENDING & Q(job__state=JobState.FAILED)
IS_UNDER_WAY = _PENDING & Q(job__state__in=UNFINISHED)
IS_STOPPED = _PENDING & (Q(job=None) | Q(job__state__in=[JobState.CANCELLED, JobState.DONE]))


class ExplanationQuerySet(models.QuerySet["Explanation"]):
    def ready(self) -> ExplanationQuerySet:
        return self.filter(IS_READY)

    def pending(self) -> ExplanationQuerySet:
        return self.filter(_PENDING)

    def failed(self) -> ExplanationQuerySet:
        return self.filter(IS_FAILED)

    def under_way(self) -> ExplanationQuerySet:
        """In a worker's hands, or waiting for one."""
        return self.filter(IS_UNDER_WAY)

    def stopped(self) -> ExplanationQuerySet:
        """Neither there nor computed by anybody: their jobs were cancelled."""
        return self.filter(IS_STOPPED)

    def of_design(self, design: FrozenDesign) -> ExplanationQuerySet:
        # Not by a join: the same explanation in two arms would need DISTINCT, over pictures of tens of kilobytes.
        return self.filter(pk__in=ArmExplanation.objects.filter(design=design).values("explanation"))


class Explanation(models.Model):
    """One explanation. Its key is the digest of predictor weights, item, explainer, parameters and seed."""

    key = models.CharField(max_length=64, unique=True)
    predictor = models.ForeignKey(Predictor, on_delete=models.PROTECT, related_name="explanations")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="explanations")
    donor = models.ForeignKey(Item, on_delete=models.PROTECT, null=True, related_name="+")
    explainer = models.CharField(max_length=40)
    params = models.JSONField()
    seed = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=ExplanationState, default=ExplanationState.PENDING)
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="explanations")
    explained_class = models.PositiveSmallIntegerField(null=True)
    form = models.JSONField(null=True)
    diagnostics = models.JSONField(null=True)
    error = models.TextField(blank=True)
    computed_at = models.DateTimeField(null=True)

    objects = ExplanationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="ready")
                | models.Q(form__isnull=False, explained_class__isnull=False, computed_at__isnull=False),
                name="a_ready_explanation_is_complete",
            )
        ]

    def __str__(self) -> str:
        return f"{self.explainer} {self.key[:12]}"


class ArmExplanation(models.Model):
    """Which explanation an arm of a frozen design shows with an item."""

    design = models.ForeignKey(FrozenDesign, on_delete=models.PROTECT, related_name="explanations")
    arm = models.CharField(max_length=40)
    study_item = models.ForeignKey(StudyItem, on_delete=models.PROTECT, related_name="explanations")
    explanation = models.ForeignKey(Explanation, on_delete=models.PROTECT, related_name="uses")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["design", "arm", "study_item"], name="one_explanation_per_arm_and_item")
        ]

    def __str__(self) -> str:
        return f"{self.arm}: {self.study_item_id}"

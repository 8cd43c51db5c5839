"""How good an arm's explanations are, without people."""

from __future__ import annotations

from django.db import models

from studyapp.models.studies import FrozenDesign


class ArmMeasures(models.Model):
    """The metrics of one arm of a frozen design, computed once from the explanations that its people see."""

    design = models.ForeignKey(FrozenDesign, on_delete=models.PROTECT, related_name="measures")
    arm = models.CharField(max_length=40)
    measurements = models.JSONField()  # explainers.metrics.types.Measurement, one a metric
    computed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["design", "arm"], name="an_arm_is_measured_once")]

    def __str__(self) -> str:
        return f"measures of {self.arm}"

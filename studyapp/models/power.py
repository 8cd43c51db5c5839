"""Power: what a researcher assumed before the study, and what the planned analysis would find then."""

from __future__ import annotations

from django.db import models

from studyapp.models.jobs import Job
from studyapp.models.studies import Study


class PowerRun(models.Model):
    """One grid of sizes and effects. A cell is kept as soon as it is done, so a worker that dies loses one at most."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="power_runs")
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="+")
    assumptions = models.JSONField()
    planned = models.PositiveIntegerField()  # people, by the design as it was
    plans = models.JSONField()  # analysis.power.plan.PowerPlan, one a cell; a draft that changes leaves them alone
    cells = models.JSONField(default=list)  # analysis.power.grid.Cell, in the order of the grid
    figure = models.JSONField(null=True)  # {title, caption, alt, svg}, when all cells are there
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"power of {self.study}"

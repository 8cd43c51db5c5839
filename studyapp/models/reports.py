"""Reports: what the planned analysis said of a stage, with its charts."""

from __future__ import annotations

from django.db import models

from studyapp.models.jobs import Job
from studyapp.models.studies import Stage


class Report(models.Model):
    """The analysis of one stage at one time; a new run is a new row."""

    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="reports")
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="reports")
    document = models.JSONField(null=True)  # analysis's report.json
    figures = models.JSONField(null=True)  # [{name, title, caption, alt, svg}]
    responses_sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    outdated_at = models.DateTimeField(null=True)  # since then somebody who was counted has withdrawn

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"report of {self.stage}"

    @property
    def is_ready(self) -> bool:
        return self.document is not None

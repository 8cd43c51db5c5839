"""Explanations that a lab made elsewhere and brought here in a file. Written once; nothing of them ever changes."""

from __future__ import annotations

from django.db import models

from studyapp.models.accounts import Lab, User
from studyapp.models.material import Item, Predictor


class ExplanationUpload(models.Model):
    """One file, known by the digest of its bytes; `header` is its first line as it was read."""

    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="uploads")
    predictor = models.ForeignKey(Predictor, on_delete=models.PROTECT, related_name="uploads")
    sha256 = models.CharField(max_length=64)
    name = models.CharField(max_length=100)  # of the file, as the browser said it
    method = models.CharField(max_length=100)
    form = models.CharField(max_length=40)
    is_signed = models.BooleanField()
    reference = models.CharField(max_length=300, blank=True)
    uploaded_at = models.DateTimeField(auto_now_add=True)
    uploaded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-uploaded_at"]
        constraints = [models.UniqueConstraint(fields=["lab", "sha256"], name="one_upload_per_lab_and_content")]

    def __str__(self) -> str:
        return f"{self.method} ({self.sha256[:12]})"

    @property
    def params(self) -> dict[str, str]:
        """What an arm that shows it says of it."""
        return {
            "upload": self.sha256,
            "form": self.form,
            "direction": "signed" if self.is_signed else "sizes",
        }


class UploadedExplanation(models.Model):
    """An item's explanation in a file."""

    upload = models.ForeignKey(ExplanationUpload, on_delete=models.PROTECT, related_name="explanations")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    form = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["upload", "item"], name="one_explanation_per_upload_and_item")]

    def __str__(self) -> str:
        return f"{self.upload_id}: {self.item_id}"

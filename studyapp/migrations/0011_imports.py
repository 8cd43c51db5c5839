"""Explanations made elsewhere: the files that labs bring, and what each says of an item."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

NEVER_CHANGED = {
    "studyapp_explanationupload": "a file of explanations is never changed",
    "studyapp_uploadedexplanation": "an uploaded explanation is never changed",
}

REFUSE = """
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION foretell_refuse_change('{sentence}');
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION foretell_refuse_change('{sentence}');
"""
ALLOW_AGAIN = "DROP TRIGGER never_changed ON {table}; DROP TRIGGER never_emptied ON {table};"


def key(name: str, to: str, related_name: str) -> tuple[str, models.Field[object, object]]:
    return (name, models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name=related_name, to=to))


def number() -> tuple[str, models.Field[object, object]]:
    return ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))


class Migration(migrations.Migration):
    dependencies = [("studyapp", "0010_looks")]

    operations = [
        migrations.CreateModel(
            name="ExplanationUpload",
            fields=[
                number(),
                ("sha256", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=100)),
                ("method", models.CharField(max_length=100)),
                ("form", models.CharField(max_length=40)),
                ("is_signed", models.BooleanField()),
                ("reference", models.CharField(blank=True, max_length=300)),
                ("uploaded_at", models.DateTimeField(auto_now_add=True)),
                key("lab", "studyapp.lab", "uploads"),
                key("predictor", "studyapp.predictor", "uploads"),
                key("uploaded_by", settings.AUTH_USER_MODEL, "+"),
            ],
            options={"ordering": ["-uploaded_at"]},
        ),
        migrations.CreateModel(
            name="UploadedExplanation",
            fields=[
                number(),
                ("form", models.JSONField()),
                key("item", "studyapp.item", "+"),
                key("upload", "studyapp.explanationupload", "explanations"),
            ],
        ),
        migrations.AddConstraint(
            model_name="explanationupload",
            constraint=models.UniqueConstraint(fields=("lab", "sha256"), name="one_upload_per_lab_and_content"),
        ),
        migrations.AddConstraint(
            model_name="uploadedexplanation",
            constraint=models.UniqueConstraint(fields=("upload", "item"), name="one_explanation_per_upload_and_item"),
        ),
        *(
            migrations.RunSQL(REFUSE.format(table=table, sentence=sentence), ALLOW_AGAIN.format(table=table))
            for table, sentence in NEVER_CHANGED.items()
        ),
    ]

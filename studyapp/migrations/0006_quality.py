"""Evidence of an arrival, keys of signed links, and what the frozen rules flagged."""

import django.db.models.deletion
from django.db import migrations, models

PROOFS = [
    ("signed", "Signed by who sent them"),
    ("single_use", "A link of their own"),
    ("unverified", "Not verified"),
]

GUARD = """
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON studyapp_evidence
    FOR EACH ROW EXECUTE FUNCTION foretell_refuse_but_erasure('evidence of an arrival is never changed');
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON studyapp_evidence
    FOR EACH STATEMENT EXECUTE FUNCTION foretell_refuse_change('evidence of an arrival is never changed');
"""
UNGUARD = """
DROP TRIGGER never_changed ON studyapp_evidence; DROP TRIGGER never_emptied ON studyapp_evidence;
"""


class Migration(migrations.Migration):
    dependencies = [("studyapp", "0005_rights")]

    operations = [
        migrations.AddField("link", "must_be_signed", models.BooleanField(default=False)),
        migrations.AddField("link", "panel_study", models.CharField(blank=True, default="", max_length=100)),
        migrations.AlterField("link", "panel_study", models.CharField(blank=True, max_length=100)),
        migrations.CreateModel(
            name="Evidence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("proof", models.CharField(choices=PROOFS, max_length=10)),
                ("panel", models.CharField(blank=True, max_length=10)),
                ("seen_before", models.PositiveSmallIntegerField()),
                ("browser", models.CharField(blank=True, max_length=64)),
                (
                    "enrolment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="evidence", to="studyapp.enrolment"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ArrivalKeys",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("panel_keys", models.JSONField(default=dict)),
                ("sealed_secret", models.BinaryField(null=True)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "lab",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="arrival_keys", to="studyapp.lab"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="QualityCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("document", models.JSONField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "job",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="studyapp.job",
                    ),
                ),
                (
                    "stage",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="quality_checks",
                        to="studyapp.stage",
                    ),
                ),
            ],
            options={"ordering": ["-created_at"]},
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]

"""Metrics of the explanations of a frozen design's arms."""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

guards = import_module("studyapp.migrations.0004_blindness")

GUARD = guards.fix("studyapp_armmeasures", ("id", "design_id", "arm", "measurements", "computed_at")) + (
    guards.never_delete("studyapp_armmeasures", "what was measured at the freeze stays")
)


class Migration(migrations.Migration):
    dependencies = [("studyapp", "0011_imports")]

    operations = [
        migrations.CreateModel(
            name="ArmMeasures",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("arm", models.CharField(max_length=40)),
                ("measurements", models.JSONField()),
                ("computed_at", models.DateTimeField(auto_now_add=True)),
                (
                    "design",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="measures", to="studyapp.frozendesign"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["design", "arm"], name="an_arm_is_measured_once")]
            },
        ),
        migrations.RunSQL(GUARD, migrations.RunSQL.noop),
    ]

"""Planned looks before the end."""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

guards = import_module("studyapp.migrations.0004_blindness")

FIXED = ("id", "study_id", "number", "n_enrolments", "decision", "responses_sha256", "made_at")
GUARD = guards.fix("studyapp_interimlook", FIXED) + guards.never_delete(
    "studyapp_interimlook", "a look that was made is never deleted"
)

DECISIONS = [("go_on", "Go on"), ("stop", "Stop: every planned comparison is decided")]


class Migration(migrations.Migration):
    dependencies = [("studyapp", "0009_statistics")]

    operations = [
        migrations.CreateModel(
            name="InterimLook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("n_enrolments", models.PositiveIntegerField()),
                ("decision", models.CharField(choices=DECISIONS, max_length=10)),
                ("sealed", models.BinaryField()),
                ("responses_sha256", models.CharField(max_length=64)),
                ("made_at", models.DateTimeField()),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="looks", to="studyapp.study"
                    ),
                ),
            ],
            options={
                "ordering": ["study", "number"],
                "constraints": [
                    models.UniqueConstraint(fields=["study", "number"], name="a_planned_look_is_made_once"),
                    models.CheckConstraint(condition=Q(number__gte=1), name="looks_are_numbered_from_one"),
                ],
            },
        ),
        migrations.RunSQL(GUARD, migrations.RunSQL.noop),
    ]

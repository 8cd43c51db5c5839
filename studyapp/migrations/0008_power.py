"""Power calculations: what was assumed, and what the planned analysis would find."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studyapp", "0007_operations")]

    operations = [
        migrations.CreateModel(
            name="PowerRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("assumptions", models.JSONField()),
                ("planned", models.PositiveIntegerField()),
                ("plans", models.JSONField()),
                ("cells", models.JSONField(default=list)),
                ("figure", models.JSONField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "job",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="studyapp.job"
                    ),
                ),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="power_runs", to="studyapp.study"
                    ),
                ),
            ],
            options={"ordering": ["-created_at"]},
        ),
    ]

"""Operations: signs of life of the relay and the workers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studyapp", "0006_quality")]

    operations = [
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("name", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=40)),
                ("at", models.DateTimeField()),
            ],
        ),
    ]
